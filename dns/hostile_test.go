package dns_test

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/wire"

	miekg "github.com/miekg/dns"
	"pgregory.net/rapid"
)

// villain is a name server that says whatever a stream of bytes tells it to.
type villain struct {
	script []byte
	w      *lessontest.World
}

func (v *villain) next() int {
	if len(v.script) == 0 {
		return 0
	}
	b := v.script[0]
	v.script = v.script[1:]
	return int(b)
}

// names that a villain may speak of: its own zone, names below, and others'.
func (v *villain) name() string {
	pool := []string{"evil.com.", "ns.evil.com.", "a.evil.com.", "b.a.evil.com.", "com.", ".", "hamburger.edu.", "mail.hamburger.edu.", "edu.", "a.com.", "victim.example.", "*.evil.com.", "x.evil.com."}
	return pool[v.next()%len(pool)]
}

func (v *villain) record() miekg.RR {
	name := v.name()
	h := func(t uint16) miekg.RR_Header {
		return miekg.RR_Header{Name: name, Rrtype: t, Class: miekg.ClassINET, Ttl: uint32(v.next()) << 24 >> uint(v.next()%32)}
	}
	switch v.next() % 8 {
	case 0:
		return &miekg.NS{Hdr: h(miekg.TypeNS), Ns: v.name()}
	case 1:
		return &miekg.CNAME{Hdr: h(miekg.TypeCNAME), Target: v.name()}
	case 2:
		return &miekg.SOA{Hdr: h(miekg.TypeSOA), Ns: v.name(), Mbox: v.name(), Minttl: uint32(v.next())}
	case 3:
		return &miekg.DS{Hdr: h(miekg.TypeDS), KeyTag: uint16(v.next()), Algorithm: 13, DigestType: 2, Digest: strings.Repeat("ab", 32)}
	case 4:
		return &miekg.NSEC{Hdr: h(miekg.TypeNSEC), NextDomain: v.name(), TypeBitMap: []uint16{2, 6}}
	case 5:
		return &miekg.RRSIG{Hdr: h(miekg.TypeRRSIG), TypeCovered: 1, Algorithm: 13, Labels: uint8(v.next() % 4), SignerName: v.name(), Signature: "AAAA"}
	}
	if v.next()%2 == 1 {
		return &miekg.DNAME{Hdr: h(miekg.TypeDNAME), Target: v.name()}
	}
	return &miekg.A{Hdr: h(miekg.TypeA), A: []byte{198, 18, 66, byte(v.next() % 3)}}
}

// reply makes the datagrams for a query: none, garbage, or a message.
func (v *villain) reply(query []byte) [][]byte {
	kind := v.next()
	if kind%16 == 15 { // silence
		v.w.ManualClock.Advance(2 * time.Second)
		return nil
	}
	var q miekg.Msg
	if q.Unpack(query) != nil {
		return nil
	}
	m := new(miekg.Msg)
	m.SetReply(&q)
	flags := v.next()
	m.Authoritative, m.Truncated = flags&1 != 0, flags&6 == 6
	m.Rcode = []int{0, 0, 0, 3, 2, 5, 1, 0}[flags>>3&7]
	for i, s := range []*[]miekg.RR{&m.Answer, &m.Ns, &m.Extra} {
		for range v.next() % (4 + i) {
			*s = append(*s, v.record())
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	forged := append([]byte{}, b...)
	binary.BigEndian.PutUint16(forged, binary.BigEndian.Uint16(b)+1)
	switch kind % 16 {
	case 14: // wrong id first
		return [][]byte{forged, b}
	case 13: // a lie about the counts
		b[7] += byte(v.next())
		v.w.ManualClock.Advance(2 * time.Second)
	case 12: // cut off
		v.w.ManualClock.Advance(2 * time.Second)
		return [][]byte{b[:len(b)/2]}
	}
	return [][]byte{b}
}

// evil is the lecture's hierarchy in which com delegates evil.com to addresses
// where nobody listens yet.
func evil(t testing.TB) *lesson.Hierarchy {
	t.Helper()
	h, err := lesson.Lecture(lesson.LectureOptions{Now: func() time.Time { return lessontest.Start }})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Change("com", []dns.Record{lessontest.Record(t, "evil.com. 3600 NS ns.evil.com."), lessontest.Record(t, "ns.evil.com. 3600 A 198.18.66.0")}, nil); err != nil {
		t.Fatal(err)
	}
	return h
}

// hostile lets a villain answer for evil.com.
func hostile(t testing.TB, h *lesson.Hierarchy, script []byte, minimise, check bool) {
	w := lessontest.NewWorldOf(h, wire.NewManual(lessontest.Start))
	v := &villain{script: script, w: w}
	w.Deserted = func() { w.ManualClock.Advance(2 * time.Second) }
	for _, a := range []string{"198.18.66.0", "198.18.66.1", "198.18.66.2"} {
		w.Raw[netip.MustParseAddr(a)] = v.reply
	}
	r := w.Resolver(t, func(o *dns.ResolverOptions) {
		o.Minimise = minimise
		if check {
			o.Anchors = w.Hierarchy.Anchors
		}
	})
	for _, q := range []string{"b.a.evil.com", "evil.com", "x.evil.com"} {
		before := w.Queries.Load()
		r.Resolve(bg, q, dns.TypeA) // whatever comes: it comes to an end
		// Each exchange sends at most a query, one without EDNS, and one each over TCP.
		if n := w.Queries.Load() - before; n > 4*64 {
			t.Fatalf("%d queries for %s", n, q)
		}
	}
	for _, e := range r.Cache().Entries() {
		if strings.HasPrefix(e.From, "198.18.66.") && e.Name != "evil.com." && !strings.HasSuffix(e.Name, ".evil.com.") {
			t.Fatalf("the server of evil.com was believed about %s %s %v", e.Name, e.Type, e.Data)
		}
	}
	if ips, err := r.LookupNetIP(bg, "ip4", "mail.hamburger.edu"); err != nil || len(ips) != 1 || ips[0] != netip.MustParseAddr("203.0.113.25") {
		t.Fatalf("mail.hamburger.edu is %v, %v afterwards", ips, err)
	}
}

// FuzzHostile lets a hostile server answer: the work stays bounded, and it is
// believed about its own zone only.
func FuzzHostile(f *testing.F) {
	f.Add([]byte{0, 1, 1, 6, 2}, false, false)
	f.Add([]byte("loops and circles, referrals to itself, aliases of aliases"), true, false)
	f.Add([]byte{0, 0, 0, 2, 2, 0, 2, 0, 0, 1, 0, 1, 6, 60, 0, 1}, false, true)
	h := evil(f)
	f.Fuzz(func(t *testing.T, script []byte, minimise, check bool) { hostile(t, h, script, minimise, check) })
}

func TestHostile(t *testing.T) {
	h := evil(t)
	rapid.Check(t, func(rt *rapid.T) {
		hostile(t, h, rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(rt, "script"), rapid.Bool().Draw(rt, "minimise"), rapid.Bool().Draw(rt, "check"))
	})
}

// The cache never serves a record past its TTL, and shows what is left of it.
func TestCacheTTL(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := lessontest.NewWorld(t, lesson.LectureOptions{Unsigned: true})
		ttl := rapid.IntRange(1, 600).Draw(rt, "ttl")
		negative := rapid.IntRange(1, 600).Draw(rt, "negative")
		soa := lessontest.Record(t, "hamburger.edu. 3600 SOA dns1.hamburger.edu. hostmaster.hamburger.edu. 1 3600 900 1209600 300")
		if err := w.Hierarchy.Change("hamburger.edu", []dns.Record{
			lessontest.Record(t, "short.hamburger.edu. "+strconv.Itoa(ttl)+" A 203.0.113.99"),
			lessontest.Record(t, "hamburger.edu. 3600 SOA dns1.hamburger.edu. hostmaster.hamburger.edu. 2 3600 900 1209600 "+strconv.Itoa(negative)),
		}, []dns.Record{soa}); err != nil {
			t.Fatal(err)
		}
		r := w.Resolver(t)
		learned := map[string]time.Time{}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			w.ManualClock.Advance(time.Duration(rapid.IntRange(0, 400_000).Draw(rt, "ms")) * time.Millisecond)
			name := rapid.SampledFrom([]string{"short.hamburger.edu", "none.hamburger.edu"}).Draw(rt, "name")
			limit := map[string]int{"short.hamburger.edu": ttl, "none.hamburger.edu": negative}[name]
			before := w.Queries.Load()
			m, err := r.Resolve(bg, name, dns.TypeA)
			if err != nil {
				rt.Fatal(err)
			}
			old, known := learned[name]
			if w.Queries.Load() > before {
				if known && w.ManualClock.Now().Sub(old) < time.Duration(limit)*time.Second {
					rt.Fatalf("%s asked for again after %v, TTL %d", name, w.ManualClock.Now().Sub(old), limit)
				}
				learned[name] = w.ManualClock.Now()
			}
			age := w.ManualClock.Now().Sub(learned[name])
			if age >= time.Duration(limit)*time.Second {
				rt.Fatalf("%s served at the age of %v, TTL %d", name, age, limit)
			}
			recs := append(m.Answer(), m.Authority()...)
			if got, want := recs[0].TTL(), uint32((time.Duration(limit)*time.Second-age)/time.Second); got != want {
				rt.Fatalf("%s at the age of %v has TTL %d, want %d", name, age, got, want)
			}
		}
	})
}

// A name that does not exist has no names below it: nobody is asked.
func TestNXDomainCoversBelow(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t)
	if _, err := r.Resolve(bg, "nobody.hamburger.edu", dns.TypeA); err != nil {
		t.Fatal(err)
	}
	before := w.Queries.Load()
	m, err := r.Resolve(bg, "a.b.nobody.hamburger.edu", dns.TypeMX)
	if err != nil || m.Header().Code != dns.NameError || w.Queries.Load() != before {
		t.Errorf("%v, %v, %d queries", m, err, w.Queries.Load()-before)
	}
	w.ManualClock.Advance(301 * time.Second) // the SOA's minimum
	if _, err = r.Resolve(bg, "nobody.hamburger.edu", dns.TypeA); err != nil || w.Queries.Load() == before {
		t.Errorf("kept beyond the negative TTL: %v", err)
	}
}

// A full cache stays within its bound and goes on to work.
func TestCacheBound(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{Unsigned: true})
	c := dns.NewCache(w.ManualClock, 20)
	r := w.Resolver(t, func(o *dns.ResolverOptions) { o.Cache = c })
	for i := range 100 {
		if _, err := r.Resolve(bg, "n"+strconv.Itoa(i)+".wild.foo.com", dns.TypeTXT); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.Entries()); n > 20 || n < 10 {
		t.Errorf("%d entries, bound 20", n)
	}
	if n := c.FlushName("foo.com"); n == 0 || len(c.Entries()) > 20-n {
		t.Errorf("flushed %d", n)
	}
}

// Many askers of one name cost one walk.
func TestShared(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t)
	errs := make(chan error, 50)
	for range 50 {
		go func() {
			_, err := r.Resolve(bg, "gaia.cs.umass.edu", dns.TypeA)
			errs <- err
		}()
	}
	for range 50 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := w.Queries.Load(); n != 3 {
		t.Errorf("%d queries, want 3", n)
	}
}
