package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

// frames are messages as a server of zone transfers sends them.
func frames(t testing.TB, id uint16, messages ...[]string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, lines := range messages {
		m := &miekg.Msg{Compress: true}
		m.Id, m.Response, m.Authoritative = id, true, true
		for _, l := range lines {
			rr, err := miekg.NewRR(l)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFrame(&out, b); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

const (
	transferID  = 0x4711
	transferSOA = "x. 60 SOA a.x. b.x. 1 60 60 60 60"
	transferNS  = "x. 60 NS a.x."
)

func transferQuery() *Message { return NewMessage(Query{Name: "x", Type: TypeAXFR, ID: transferID}) }

// FuzzTransfer lets a server send anything: the client stops within its limits, and
// what it takes for a zone can be served and written, and lies below its origin.
func FuzzTransfer(f *testing.F) {
	f.Add(frames(f, transferID, []string{transferSOA, transferNS, "a.x. 60 A 192.0.2.1", transferSOA}), false)
	f.Add(frames(f, transferID, []string{transferSOA, transferNS}, []string{"b.x. 60 TXT t"}, []string{"*.c.x. 60 CNAME a.x.", transferSOA}), false)
	f.Add(frames(f, transferID, []string{transferSOA}, []string{"y. 60 A 192.0.2.1", "x. 60 CNAME y."}, []string{transferSOA}), false)
	f.Add(frames(f, transferID, []string{transferSOA, transferNS, "x. 60 RRSIG A 13 1 60 20300101000000 20200101000000 1 x. AAAA", "d.x. 60 DNAME x.", transferSOA}), false)
	f.Add([]byte{0, 0}, true)
	f.Fuzz(func(t *testing.T, stream []byte, ids bool) {
		if ids { // else most of what is made up is another query's
			for at := 0; at+4 <= len(stream); at += 2 + int(binary.BigEndian.Uint16(stream[at:])) {
				binary.BigEndian.PutUint16(stream[at+2:], transferID)
			}
		}
		most := transferLimits{bytes: 1 << 20, records: 1000}
		got, err := readTransfer(bytes.NewReader(stream), transferQuery(), most)
		if err != nil {
			return
		}
		if len(got.m.Answer) > most.records+65536/11 || got.Size > len(stream) {
			t.Fatalf("%d records in %d bytes", len(got.m.Answer), got.Size)
		}
		z, err := got.zone("x.")
		if err != nil {
			return
		}
		var text strings.Builder
		if _, err := z.WriteTo(&text); err != nil {
			t.Fatal(err)
		}
		for _, r := range z.Records() {
			if !Below("x.", Canonical(r.Name())) {
				t.Fatalf("%s is not below x.", r)
			}
			NewAuthority(nil, z).Answer(t.Context(), &Request{Message: NewMessage(Query{Name: "a." + r.Name(), Type: r.Type()})})
		}
	})
}

// endless repeats a message for ever.
type endless struct {
	message []byte
	at      int
	read    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.message[e.at:])
	e.at = (e.at + n) % len(e.message)
	e.read += n
	return n, nil
}

// A transfer without an end comes to one: by its bytes, as they would be without
// compression, and by its records.
func TestTransferWithoutEnd(t *testing.T) {
	long := strings.Repeat(strings.Repeat("y", 60)+".", 4) + "x."
	var small, large []string
	for range 1000 {
		small = append(small, "x. 60 A 192.0.2.1")
		large = append(large, long+" 60 A 192.0.2.1")
	}
	for name, c := range map[string]struct {
		lines  []string
		limits transferLimits
		most   int // bytes that are read of it
	}{
		"records": {small, transferLimits{bytes: 1 << 30, records: 5000}, 200_000},
		"bytes":   {small, transferLimits{bytes: 200_000, records: 1 << 30}, 300_000},
		"names":   {large, transferLimits{bytes: 1_000_000, records: 1 << 30}, 100_000}, // 16 bytes each on the wire, 260 in memory
	} {
		e := &endless{message: frames(t, transferID, c.lines)}
		if _, err := readTransfer(e, transferQuery(), c.limits); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
		if e.read > c.most {
			t.Errorf("%s: %d bytes were read", name, e.read)
		}
	}
	for name, stream := range map[string][]byte{
		"of another query":     frames(t, transferID+1, []string{transferSOA, transferSOA}),
		"cut off":              frames(t, transferID, []string{transferSOA, transferNS})[:40],
		"no message":           {0, 3, 1, 2, 3},
		"the second half only": frames(t, transferID, []string{transferSOA, transferNS}),
	} {
		if got, err := readTransfer(bytes.NewReader(stream), transferQuery(), usualTransfer()); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := readTransfer(bytes.NewReader(frames(t, transferID, []string{transferSOA, transferNS})), transferQuery(), usualTransfer()); !errors.Is(err, io.EOF) {
		t.Errorf("a transfer without its end: %v", err)
	}
}

// A zone that is made to cost the most is refused.
func TestZoneThatCostsMuch(t *testing.T) {
	start := func() *builder {
		b := newBuilder("x.")
		for _, l := range []string{transferSOA, transferNS} {
			rr, err := miekg.NewRR(l)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.add(rr); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	b := start()
	var err error
	n := 0
	for ; err == nil && n < 20_000; n++ {
		err = b.add(&miekg.A{Hdr: miekg.RR_Header{Name: "a.x.", Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: 60}, A: []byte{10, byte(n >> 16), byte(n >> 8), byte(n)}})
	}
	if err == nil || !strings.Contains(err.Error(), "too many records of one name") || n < 5000 {
		t.Errorf("after %d records of one set: %v", n, err)
	}
	b = start()
	rr, err := miekg.NewRR(strings.Repeat("y.", 100) + "x. 60 A 192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.add(rr); err != nil {
		t.Fatal(err)
	}
	if err := b.z.addNonTerminals(50); err == nil || !strings.Contains(err.Error(), "more than 50 names") {
		t.Errorf("one owner with 99 names above it: %v", err)
	}
	if len(b.z.nodes) > 51 {
		t.Errorf("%d names were made", len(b.z.nodes))
	}
}
