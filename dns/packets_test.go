package dns

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	"pgregory.net/rapid"

	"glassmail/wire"
)

// sendPacked sends a query as a server does, and says whether the reply was kept from
// earlier.
func sendPacked(t testing.TB, h Wire, q Query, from netip.AddrPort) (m *Message, kept bool) {
	t.Helper()
	in, err := NewMessage(q).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if out := h.AnswerWire(in, from, make([]byte, 0, 512)); out != nil {
		if m, err = Unpack(out); err != nil {
			t.Fatal(err)
		}
		return m, true
	}
	req, err := Unpack(in)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := h.AnswerNow(&Request{Message: req, From: from})
	if !ok {
		m = h.Answer(context.Background(), &Request{Message: req, From: from})
	}
	out, err := m.PackUDP(nil, req.Limit())
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		h.KeepWire(in, m, out)
	}
	return m, false
}

// lectureZone is a zone of the lecture, signed, and the keys that signed it.
func lectureZone(t testing.TB, name string) (*Zone, *Keys) {
	t.Helper()
	z, err := ReadZoneFile(os.DirFS("../lab/lesson/zones"), name+".zone")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeys(z.Origin(), ECDSAP256, false)
	if err == nil {
		z, err = z.Sign(keys, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return z, keys
}

// A kept reply is the one that would be made afresh, with the id of its query, and
// goes when a zone changes. Records in turn stay in turn.
func TestPacketsOfAuthority(t *testing.T) {
	hamburger, keys := lectureZone(t, "hamburger.edu")
	amazon, _ := lectureZone(t, "amazon.com")
	a := NewAuthority(nil, hamburger, amazon)
	for _, q := range []Query{
		{Name: "hamburger.edu", Type: TypeMX},
		{Name: "hamburger.edu", Type: TypeMX, DNSSEC: true, Size: 1232},
		{Name: "HAMBURGER.edu", Type: TypeMX, RecursionDesired: true},
		{Name: "nobody.hamburger.edu", Type: TypeA},
		{Name: "hamburger.edu", Type: TypeDNSKEY},
	} {
		for i := range 4 {
			q.ID = uint16(1000 + i)
			m, kept := sendPacked(t, a, q, netip.AddrPort{})
			if kept != (i >= 2) {
				t.Errorf("%s, time %d: kept %t", q.Name, i, kept)
			}
			fresh, _ := a.AnswerNow(&Request{Message: NewMessage(q)})
			x, err := m.Pack()
			y, err2 := fresh.Pack()
			if err != nil || err2 != nil || !bytes.Equal(x, y) {
				t.Errorf("%s, time %d:\n%s\n%s", q.Name, i, m.Line(), fresh.Line())
			}
		}
	}
	changed, err := hamburger.Edit(Edit{Replace: []Record{AddressRecord("mail.hamburger.edu.", netip.MustParseAddr("203.0.113.77"), 60)}})
	if err == nil {
		changed, err = changed.Sign(keys, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	a.Put(changed)
	if _, kept := sendPacked(t, a, Query{Name: "hamburger.edu", Type: TypeMX}, netip.AddrPort{}); kept {
		t.Error("a reply from before the change")
	}
	first := map[string]int{}
	for range 9 {
		m, kept := sendPacked(t, a, Query{Name: "www.amazon.com", Type: TypeA}, netip.AddrPort{})
		if kept {
			t.Error("a reply with records in turn was kept")
		}
		first[m.Answer()[0].Data()]++
	}
	if len(first) != 3 {
		t.Errorf("first addresses %v", first)
	}
}

// From a cache too, a kept reply is what would be made afresh: no TTL is older
// than it may be, nothing outlives it, and what was flushed or switched is gone.
func TestPacketsOfRecursive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, rapid.IntRange(0, 999_999_999).Draw(rt, "ns"), time.UTC))
		r, err := NewResolver(ResolverOptions{Host: still{clock: clock}, Roots: []NameServer{{Name: "a.root."}}})
		if err != nil {
			rt.Fatal(err)
		}
		mx, err := ParseRecord("hamburger.edu. 5 MX 10 mail.hamburger.edu.")
		if err != nil {
			rt.Fatal(err)
		}
		r.cache.put(&entry{key: key{"hamburger.edu.", TypeMX}, rrs: []miekg.RR{mx.rr}, zone: "hamburger.edu."}, 5*time.Second)
		end := clock.Now().Add(5 * time.Second)
		s := NewRecursive(r, func(a netip.Addr) bool { return a.IsLoopback() })
		me := netip.MustParseAddrPort("127.0.0.1:5000")
		q := Query{Name: "hamburger.edu", Type: TypeMX, RecursionDesired: true}
		in, err := NewMessage(q).Pack()
		if err != nil {
			rt.Fatal(err)
		}
		for range 30 {
			clock.Advance(time.Duration(rapid.IntRange(0, 400).Draw(rt, "ms")) * time.Millisecond)
			if out := s.AnswerWire(in, me, nil); out != nil {
				m, err := Unpack(out)
				left := end.Sub(clock.Now())
				if err != nil || left <= 0 || m.Answer()[0].TTL() != uint32(left/time.Second) {
					rt.Fatalf("%s left, and %v: %v", left, m, err)
				}
			}
			if s.AnswerWire(in, netip.MustParseAddrPort("192.0.2.1:5000"), nil) != nil {
				rt.Fatal("a client that is not allowed was answered")
			}
			if !clock.Now().Before(end) {
				break
			}
			sendPacked(t, s, q, me)
			switch rapid.IntRange(0, 9).Draw(rt, "act") {
			case 0:
				if err := r.Switch(r.Switches()); err != nil || s.AnswerWire(in, me, nil) != nil {
					rt.Fatalf("after a switch: %v", err)
				}
			case 1:
				r.cache.FlushName("hamburger.edu")
				if s.AnswerWire(in, me, nil) != nil {
					rt.Fatal("after a flush")
				}
				return
			}
		}
	})
}

// still is a host that can do nothing but tell the time.
type still struct {
	wire.Host
	clock wire.Clock
}

func (s still) Clock() wire.Clock { return s.clock }

// Who asks for a new name each time fills nothing.
func TestPacketsBound(t *testing.T) {
	p := newPackets()
	query, reply := make([]byte, 40), make([]byte, 40)
	for i := range 3 * maxPackets {
		copy(query[12:], fmt.Sprintf("%08d", i))
		p.put(query, reply, time.Time{})
	}
	if n := len(p.kept); n > 8 { // hashes may meet
		t.Errorf("%d replies of queries that came once", n)
	}
	for i := range 2 * maxPackets {
		copy(query[12:], fmt.Sprintf("%08d", i))
		for range 3 { // the third takes nobody's place
			p.put(query, reply, time.Time{})
		}
	}
	if n := len(p.kept); n != maxPackets {
		t.Errorf("%d replies kept, want %d", n, maxPackets)
	}
	for _, n := range []int{0, 2, HeaderSize - 1, maxPacketQuery + 1} {
		if out, _ := p.get(make([]byte, n), nil); out != nil {
			t.Errorf("a query of %d bytes was answered", n)
		}
		p.put(make([]byte, n), reply, time.Time{})
	}
}

// BenchmarkPackets is a kept reply and one made afresh.
func BenchmarkPackets(b *testing.B) {
	zone, _ := lectureZone(b, "hamburger.edu")
	a := NewAuthority(nil, zone)
	q := Query{Name: "hamburger.edu", Type: TypeMX, Size: 1232}
	in, err := NewMessage(q).Pack()
	if err != nil {
		b.Fatal(err)
	}
	for range 2 {
		sendPacked(b, a, q, netip.AddrPort{})
	}
	out := make([]byte, 4096)
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if a.AnswerWire(in, netip.AddrPort{}, out) == nil {
				b.Fatal("not kept")
			}
		}
	})
	b.Run("afresh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := Unpack(in)
			if err != nil {
				b.Fatal(err)
			}
			r, _ := a.AnswerNow(&Request{Message: m})
			if _, err := r.PackUDP(out, 1232); err != nil {
				b.Fatal(err)
			}
		}
	})
}
