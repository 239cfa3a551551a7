package dns_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"

	miekg "github.com/miekg/dns"
)

// tampered lets edit change every reply of the server of hamburger.edu.
func tampered(t *testing.T, w *lessontest.World, edit func(w *lessontest.World, q, r *miekg.Msg)) {
	t.Helper()
	a := w.Hierarchy.Server("dns1.hamburger.edu").Authority
	w.Raw[netip.MustParseAddr("203.0.113.53")] = func(b []byte) [][]byte {
		m, err := dns.Unpack(b)
		if err != nil {
			t.Error(err)
			return nil
		}
		reply, _ := a.AnswerNow(&dns.Request{Message: m})
		out, err := reply.Pack()
		if err != nil {
			t.Error(err)
			return nil
		}
		var q, r miekg.Msg
		if q.Unpack(b) != nil || r.Unpack(out) != nil {
			t.Error("messages that miekg/dns does not read")
			return nil
		}
		edit(w, &q, &r)
		out, err = r.Pack()
		if err != nil {
			t.Error(err)
		}
		return [][]byte{out}
	}
}

// proof is the authority section of a genuine negative reply.
func proof(t *testing.T, w *lessontest.World, name string, typ dns.Type) []miekg.RR {
	t.Helper()
	q := dns.NewMessage(dns.Query{Name: name, Type: typ, DNSSEC: true, Size: 1232})
	m, _ := w.Hierarchy.Server("dns1.hamburger.edu").Authority.AnswerNow(&dns.Request{Message: q})
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var r miekg.Msg
	if err := r.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return r.Ns
}

func without(rrs []miekg.RR, types ...uint16) []miekg.RR {
	return slices.DeleteFunc(slices.Clone(rrs), func(rr miekg.RR) bool { return slices.Contains(types, rr.Header().Rrtype) })
}

// Whatever is changed on the way is noticed by a validating resolver.
func TestForged(t *testing.T) {
	asked := func(q *miekg.Msg, typ uint16) bool { return q.Question[0].Qtype == typ }
	for name, c := range map[string]struct {
		ask  string
		typ  dns.Type
		edit func(w *lessontest.World, q, r *miekg.Msg)
		want string
	}{
		"signatures stripped": {"hamburger.edu", dns.TypeMX, func(w *lessontest.World, q, r *miekg.Msg) {
			r.Answer = without(r.Answer, miekg.TypeRRSIG)
		}, "no signature"},
		"keys denied": {"hamburger.edu", dns.TypeMX, func(w *lessontest.World, q, r *miekg.Msg) {
			if asked(q, miekg.TypeDNSKEY) {
				r.Answer = nil
			}
		}, "missing key"},
		"record replaced": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			if a, ok := r.Answer[0].(*miekg.A); ok {
				a.A = []byte{6, 6, 6, 6}
			}
		}, "altered"},
		"record added": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			if asked(q, miekg.TypeA) {
				r.Answer = append(r.Answer, &miekg.A{Hdr: *r.Answer[0].Header(), A: []byte{6, 6, 6, 6}})
			}
		}, "altered"},
		"existing name denied without proof": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			if asked(q, miekg.TypeA) {
				r.Answer, r.Rcode = nil, miekg.RcodeNameError
			}
		}, "no signature"},
		"existing name denied with another's proof": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			if asked(q, miekg.TypeA) {
				r.Answer, r.Rcode = nil, miekg.RcodeNameError
				r.Ns = proof(t, w, "zzz.hamburger.edu.", dns.TypeA)
			}
		}, ""},
		"existing record denied with its own NSEC": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			if asked(q, miekg.TypeA) {
				r.Answer = nil
				r.Ns = proof(t, w, "mail.hamburger.edu.", dns.TypeMX)
			}
		}, ""},
		"wildcard proof left out": {"no.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			for _, rr := range r.Ns {
				if n, ok := rr.(*miekg.NSEC); ok && n.Hdr.Name == "hamburger.edu." {
					r.Ns = slices.DeleteFunc(r.Ns, func(x miekg.RR) bool { return x == rr })
					return
				}
			}
		}, "no wildcard"},
		"signed by a stranger": {"mail.hamburger.edu", dns.TypeA, func(w *lessontest.World, q, r *miekg.Msg) {
			for _, rr := range r.Answer {
				if s, ok := rr.(*miekg.RRSIG); ok && asked(q, miekg.TypeA) {
					s.SignerName = "crepes.fr."
				}
			}
		}, "no authority"},
	} {
		t.Run(name, func(t *testing.T) {
			w := lessontest.NewWorld(t, lesson.LectureOptions{})
			tampered(t, w, c.edit)
			m, err := w.Resolver(t, lessontest.Validating(w)).Resolve(bg, c.ask, c.typ)
			var broken *dns.ChainError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want a broken chain: %q", m, err, c.want)
			}
		})
	}
}

// Replies with a wrong id or question are passed over until the right one comes.
func TestForeignReplies(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{Unsigned: true})
	a := w.Hierarchy.Server("dns1.hamburger.edu").Authority
	w.Raw[netip.MustParseAddr("203.0.113.53")] = func(b []byte) [][]byte {
		m, _ := dns.Unpack(b)
		reply, _ := a.AnswerNow(&dns.Request{Message: m})
		good, _ := reply.Pack()
		id := slices.Clone(good)
		id[0] ^= 0x55
		question := slices.Clone(good)
		question[13] ^= 1
		return [][]byte{nil, id, question, b, good[:20], good}
	}
	c := dns.Client{Host: w.Internet}
	r, err := c.Ask(bg, netip.MustParseAddrPort("203.0.113.53:53"), dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: 77}))
	if err != nil || len(r.Answer()) != 1 || r.Foreign != 5 {
		t.Errorf("%v, %v, %d foreign", r, err, r.Foreign)
	}
}

func TestRecordViews(t *testing.T) {
	mx := lessontest.Record(t, "hamburger.edu. 60 MX 10 mail.hamburger.edu.")
	if p, ok := mx.Preference(); !ok || p != 10 {
		t.Error(p, ok)
	}
	if to, ok := mx.Target(); !ok || to != "mail.hamburger.edu." {
		t.Error(to, ok)
	}
	if a, ok := lessontest.Record(t, "x. 60 AAAA 2001:db8::1").Addr(); !ok || a != netip.MustParseAddr("2001:db8::1") {
		t.Error(a, ok)
	}
	if txt, ok := lessontest.Record(t, `x. 60 TXT "a\"b" "\195\164"`).Text(); !ok || !slices.Equal(txt, []string{`a"b`, "ä"}) {
		t.Errorf("%q", txt)
	}
	for _, line := range []string{"", "x. 60 MX", "x. 60 A 1.2.3", "; comment"} {
		if _, err := dns.ParseRecord(line); err == nil {
			t.Errorf("%q was read", line)
		}
	}
	var s struct{ T dns.Type }
	if err := json.Unmarshal([]byte(`{"T":"mx"}`), &s); err != nil || s.T != dns.TypeMX {
		t.Error(s, err)
	}
	if b, err := json.Marshal(s); err != nil || string(b) != `{"T":"MX"}` {
		t.Error(string(b), err)
	}
	if typ, err := dns.ParseType("TYPE65280"); err != nil || typ.String() != "TYPE65280" {
		t.Error(typ, err)
	}
}

// A zone of many records is transferred in several messages.
func TestLargeTransfer(t *testing.T) {
	var b strings.Builder
	b.WriteString("$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n")
	for i := range 3000 {
		b.WriteString("host-with-a-long-name-" + strings.Repeat("x", i%20) + "-" + string(rune('a'+i%26)) + strings.Repeat("y", i/200) + " TXT \"" + strings.Repeat("text", 10) + strings.Repeat("z", i%97) + "\"\n")
	}
	z, err := dns.ReadZone(strings.NewReader(b.String()), "large.", "large")
	if err != nil {
		t.Fatal(err)
	}
	a := dns.NewAuthority(func(*dns.Request) bool { return true }, z)
	q := dns.NewMessage(dns.Query{Name: "large", Type: dns.TypeAXFR})
	m, _ := a.AnswerNow(&dns.Request{Message: q, TCP: true})
	frames, err := m.PackStream()
	if err != nil || len(frames) < 3 {
		t.Fatalf("%d messages, %v", len(frames), err)
	}
	n := 0
	for _, f := range frames {
		part, err := dns.Unpack(f)
		if err != nil || len(f) > dns.MaxMessage {
			t.Fatal(err, len(f))
		}
		n += len(part.Answer())
	}
	if n != len(z.Records())+1 {
		t.Errorf("%d records, want %d", n, len(z.Records())+1)
	}
	if m, _ = a.AnswerNow(&dns.Request{Message: q}); m.Header().Code != dns.Refused {
		t.Errorf("over UDP: %s", m.Header().Code)
	}
}
