package dns_test

import (
	"strings"
	"testing"
	"time"

	"glassmail/lab/lesson/lessontest"

	miekg "github.com/miekg/dns"
	"pgregory.net/rapid"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// moved is a zone with a tree that stands for another one.
const moved = `$ORIGIN foo.com.
$TTL 600
@        SOA   dns hostmaster 5 3600 900 1209600 60
@        NS    dns
dns      A     198.18.4.53
old      DNAME new
old      TXT   "the name itself is no alias"
www.new  A     198.18.4.80
a.b.new  A     198.18.4.81
new      A     198.18.4.82
away     DNAME crepes.fr.
`

func movedWorld(t *testing.T) *lessontest.World {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	z, err := dns.ReadZone(strings.NewReader(moved), "", "moved")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Hierarchy.Load(z); err != nil {
		t.Fatal(err)
	}
	return w
}

// RFC 6672: an alias for a whole tree, answered with the record and the alias that
// it makes, followed by the resolver and secure without a signature of its own.
func TestDNAME(t *testing.T) {
	w := movedWorld(t)
	a := w.Hierarchy.Server("dns.foo.com").Authority
	m := ask(a, "www.old.foo.com", dns.TypeA)
	var got []string
	for _, r := range m.Answer() {
		got = append(got, r.Name()+" "+r.Type().String()+" "+r.Data())
	}
	if want := "old.foo.com. DNAME new.foo.com.|www.old.foo.com. CNAME www.new.foo.com.|www.new.foo.com. A 198.18.4.80"; strings.Join(got, "|") != want {
		t.Errorf("answer %v, want %s", got, want)
	}
	if m := ask(a, "old.foo.com", dns.TypeTXT); len(m.Answer()) != 1 || m.Header().Code != dns.NoError {
		t.Errorf("the owner itself: %s", m.Line())
	}
	if m := ask(a, "old.foo.com", dns.TypeA); len(m.Answer()) != 0 || m.Header().Code != dns.NoError {
		t.Errorf("the owner itself, no such type: %s", m.Line())
	}
	if m := ask(a, "x.old.foo.com", dns.TypeCNAME); len(m.Answer()) != 2 {
		t.Errorf("CNAME asked for: %v", m.Answer())
	}
	if m := ask(a, "gone.old.foo.com", dns.TypeA); m.Header().Code != dns.NameError || len(m.Answer()) != 2 {
		t.Errorf("a name that is in neither tree: %s %v", m.Header().Code, m.Answer())
	}
	for _, c := range []struct {
		name string
		typ  dns.Type
		code dns.Code
		want string
	}{
		{"www.old.foo.com", dns.TypeA, dns.NoError, "198.18.4.80"},
		{"a.b.old.foo.com", dns.TypeA, dns.NoError, "198.18.4.81"},
		{"mail.away.foo.com", dns.TypeA, dns.NoError, "198.51.100.25"},
		{"gone.old.foo.com", dns.TypeA, dns.NameError, "new.foo.com."},
		{"www.old.foo.com", dns.TypeMX, dns.NoError, "new.foo.com."},
	} {
		r := w.Resolver(t, lessontest.Validating(w))
		for _, where := range []string{"from the servers", "from the cache"} {
			m, err := r.Resolve(bg, c.name, c.typ)
			if err != nil || !m.Header().AuthenticData || m.Header().Code != c.code || !strings.Contains(strings.Join(lessontest.Data(m.Answer()), " "), c.want) {
				t.Errorf("%s %s %s: %v, %v", c.name, c.typ, where, m, err)
			}
		}
	}
}

// A known DNAME record answers for other names of its tree without asking.
func TestDNAMEFromCache(t *testing.T) {
	w := movedWorld(t)
	r := w.Resolver(t)
	for _, name := range []string{"www.old.foo.com", "www.new.foo.com", "a.b.new.foo.com"} {
		if _, err := r.Resolve(bg, name, dns.TypeA); err != nil {
			t.Fatal(err)
		}
	}
	before := w.Queries.Load()
	m, err := r.Resolve(bg, "a.b.old.foo.com", dns.TypeA)
	if err != nil || len(m.Answer()) != 3 || w.Queries.Load() != before {
		t.Errorf("%v, %v, %d queries", m, err, w.Queries.Load()-before)
	}
	w.ManualClock.Advance(601 * time.Second)
	if _, err := r.Resolve(bg, "a.b.old.foo.com", dns.TypeA); err != nil || w.Queries.Load() == before {
		t.Errorf("served past its TTL: %v", err)
	}
}

// An altered DNAME record is found, though the alias beside it needs no signature.
func TestDNAMEForged(t *testing.T) {
	w := movedWorld(t)
	a := w.Hierarchy.Server("dns.foo.com")
	w.Raw[a.Addr] = func(query []byte) [][]byte {
		m, err := dns.Unpack(query)
		if err != nil {
			return nil
		}
		b, err := a.Authority.Answer(bg, &dns.Request{Message: m}).Pack()
		if err != nil {
			return nil
		}
		var x miekg.Msg
		if x.Unpack(b) != nil {
			return nil
		}
		for _, rr := range x.Answer {
			switch rr := rr.(type) {
			case *miekg.DNAME:
				rr.Target = "evil.foo.com."
			case *miekg.CNAME:
				rr.Target = strings.Replace(rr.Target, ".new.", ".evil.", 1)
			}
		}
		b, _ = x.Pack()
		return [][]byte{b}
	}
	if m, err := w.Resolver(t, lessontest.Validating(w)).Resolve(bg, "www.old.foo.com", dns.TypeA); err == nil || !strings.Contains(err.Error(), "old.foo.com. DNAME") {
		t.Errorf("%v, %v", m, err)
	}
}

func TestDNAMEFaults(t *testing.T) {
	const head = "$ORIGIN x.\n$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n"
	for text, want := range map[string]string{
		"d DNAME e\nd DNAME f\n":         "f:7: d.x.: 2 DNAME",
		"d DNAME e\na.d A 192.0.2.1\n":   "f:7: a.d.x.: it lies below the DNAME",
		"d DNAME e\nd NS ns\n":           "f:7: d.x.: a DNAME beside NS",
		"d DNAME e\nd CNAME f\n":         "a CNAME beside",
		"d DNAME e\n*.c.d A 192.0.2.1\n": "it lies below the DNAME",
	} {
		if _, err := dns.ReadZone(strings.NewReader(head+text), "", "f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Whatever the name, the alias is the name with its end exchanged, or the answer
// says that it became too long.
func TestDNAMESubstitution(t *testing.T) {
	label := rapid.StringMatching(`[a-z]{1,63}`)
	rapid.Check(t, func(rt *rapid.T) {
		target := strings.Join(rapid.SliceOfN(label, 1, 3).Draw(rt, "target"), ".") + "."
		front := strings.Join(rapid.SliceOfN(label, 1, 3).Draw(rt, "front"), ".") + "."
		z, err := dns.ReadZone(strings.NewReader("$ORIGIN d.\n$TTL 60\n@ SOA n.e. h.e. 1 1 1 1 1\n@ NS n.e.\n@ DNAME "+target+"\n"), "", "f")
		if err != nil {
			rt.Skip("the target is too long")
		}
		m := ask(dns.NewAuthority(nil, z), front+"d.", dns.TypeA)
		if len(front+target) > 254 { // 255 bytes on the wire
			if m.Header().Code.String() != "YXDOMAIN" || len(m.Answer()) != 1 {
				rt.Fatalf("%s%s: %s %v", front, target, m.Header().Code, m.Answer())
			}
			return
		}
		c := m.Answer()[1]
		if to, _ := c.Target(); c.Type() != dns.TypeCNAME || to != front+target || c.TTL() != 60 {
			rt.Fatalf("%s", c)
		}
	})
}

// Two OPT records are a fault of the sender (RFC 6891 §6.1.1).
func TestTwoOPT(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	for name, h := range map[string]dns.Quick{"authority": w.Hierarchy.Server("a.edu").Authority, "recursive": dns.NewRecursive(w.Resolver(t), nil)} {
		for opts, want := range map[int]dns.Code{1: dns.NoError, 2: dns.FormatError} {
			var x miekg.Msg
			x.SetQuestion("edu.", miekg.TypeSOA)
			x.RecursionDesired = true
			for range opts {
				x.Extra = append(x.Extra, &miekg.OPT{Hdr: miekg.RR_Header{Name: ".", Rrtype: miekg.TypeOPT, Class: 1232}})
			}
			b, err := x.Pack()
			if err != nil {
				t.Fatal(err)
			}
			m, err := dns.Unpack(b)
			if err != nil {
				t.Fatal(err)
			}
			if code := h.Answer(bg, &dns.Request{Message: m}).Header().Code; code != want {
				t.Errorf("%s, %d OPT records: %s, want %s", name, opts, code, want)
			}
		}
	}
}
