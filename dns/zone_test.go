package dns_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"

	"pgregory.net/rapid"
)

const hard = `$ORIGIN hard.test.
$TTL 600
@        SOA   ns hostmaster 5 3600 900 1209600 60
@        NS    ns
@        MX    10 mail
ns       A     192.0.2.53
mail     A     192.0.2.25
mail     AAAA  2001:db8::25
alias    CNAME mail
out      CNAME www.elsewhere.test.
loop     CNAME loop2
loop2    CNAME loop
dangling CNAME nothing
a.b.c    TXT   "deep"
*.w      A     192.0.2.99
x.w      TXT   "exists"
y.x.w    A     192.0.2.98
*.cw     CNAME mail
sub      NS    ns.sub
sub      NS    ns.elsewhere.test.
ns.sub   A     192.0.2.153
`

// ask puts a question to an authority.
func ask(a *dns.Authority, name string, t dns.Type) *dns.Message {
	q := dns.NewMessage(dns.Query{Name: name, Type: t})
	m, _ := a.AnswerNow(&dns.Request{Message: q})
	return m
}

func hardZone(t testing.TB) *dns.Zone {
	t.Helper()
	z, err := dns.ReadZone(strings.NewReader(hard), "", "hard")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// The search of RFC 1034 §4.3.2 with the wildcards of RFC 4592.
func TestAuthority(t *testing.T) {
	a := dns.NewAuthority(nil, hardZone(t))
	for _, c := range []struct {
		name string
		typ  dns.Type
		want string // code, AA, answer | authority types
	}{
		{"mail.hard.test", dns.TypeA, "NOERROR aa A 192.0.2.25 |"},
		{"MAIL.Hard.Test", dns.TypeAAAA, "NOERROR aa AAAA 2001:db8::25 |"},
		{"alias.hard.test", dns.TypeA, "NOERROR aa CNAME mail.hard.test. A 192.0.2.25 |"},
		{"alias.hard.test", dns.TypeCNAME, "NOERROR aa CNAME mail.hard.test. |"},
		{"alias.hard.test", dns.TypeMX, "NOERROR aa CNAME mail.hard.test. | SOA"},
		{"out.hard.test", dns.TypeA, "NOERROR aa CNAME www.elsewhere.test. |"},
		{"dangling.hard.test", dns.TypeA, "NXDOMAIN aa CNAME nothing.hard.test. | SOA"},
		{"b.c.hard.test", dns.TypeA, "NOERROR aa | SOA"},
		{"z.b.c.hard.test", dns.TypeA, "NXDOMAIN aa | SOA"},
		{"any.w.hard.test", dns.TypeA, "NOERROR aa A 192.0.2.99 |"},
		{"deep.any.w.hard.test", dns.TypeA, "NOERROR aa A 192.0.2.99 |"},
		{"any.w.hard.test", dns.TypeMX, "NOERROR aa | SOA"},
		{"x.w.hard.test", dns.TypeA, "NOERROR aa | SOA"},
		{"z.x.w.hard.test", dns.TypeA, "NXDOMAIN aa | SOA"},
		{"q.cw.hard.test", dns.TypeA, "NOERROR aa CNAME mail.hard.test. A 192.0.2.25 |"},
		{"sub.hard.test", dns.TypeA, "NOERROR | NS NS"},
		{"deep.sub.hard.test", dns.TypeMX, "NOERROR | NS NS"},
		{"ns.sub.hard.test", dns.TypeA, "NOERROR | NS NS"},
		{"sub.hard.test", dns.TypeDS, "NOERROR aa | SOA"},
		{"hard.test", dns.TypeNS, "NOERROR aa NS ns.hard.test. |"},
		{"other.test", dns.TypeA, "REFUSED |"},
	} {
		m := ask(a, c.name, c.typ)
		got := m.Header().Code.String()
		if m.Header().Authoritative {
			got += " aa"
		}
		for _, r := range m.Answer() {
			got += " " + r.Type().String() + " " + r.Data()
		}
		got += " |"
		for _, r := range m.Authority() {
			got += " " + r.Type().String()
		}
		if got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.typ, got, c.want)
		}
	}
	m := ask(a, "deep.sub.hard.test", dns.TypeA)
	if got := lessontest.Data(m.Additional()); !slices.Equal(got, []string{"192.0.2.153"}) {
		t.Errorf("glue %v", got)
	}
	if n := len(ask(a, "loop.hard.test", dns.TypeA).Answer()); n > 10 {
		t.Errorf("%d aliases from a loop", n)
	}
	if m := ask(a, "mail.hard.test", dns.TypeMX); m.Authority()[0].TTL() != 60 {
		t.Errorf("negative TTL %d, want the SOA's minimum", m.Authority()[0].TTL())
	}
}

// Address records take turns, all of them in each answer.
func TestRotation(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]int{}
	for range 9 {
		m := ask(h.Server("dns1.amazon.com").Authority, "www.amazon.com", dns.TypeA)
		if len(m.Answer()) != 3 {
			t.Fatal(m.Answer())
		}
		first[m.Answer()[0].Data()]++
	}
	for a, n := range first {
		if n != 3 {
			t.Errorf("%s was first %d times of 9", a, n)
		}
	}
}

// Errors name the file, the line and the column.
func TestZoneErrors(t *testing.T) {
	const head = "$ORIGIN x.\n$TTL 1h\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n"
	for text, want := range map[string]string{
		head + "www A 192.0.2.300\n":                       `f.zone:6:`,
		head + "www AA 192.0.2.3\n":                        `f.zone:6:`,
		head + "www A 192.0.2.3\n\n\nother.y. A 1.2.3.4\n": "f.zone:9: other.y. A: not at or below x.",
		head + "ns CNAME z\n":                              "CNAME beside",
		head + "@ SOA ns h 2 1 1 1 1\n":                    "second SOA",
		"$ORIGIN x.\n@ 60 NS ns\n":                         "no SOA",
		"$ORIGIN x.\n@ 60 SOA ns h 1 1 1 1 1\n":            "no NS",
		head + "$INCLUDE /etc/passwd\n":                    "f.zone:6:",
		"":                                                 "no records",
	} {
		_, err := dns.ReadZone(strings.NewReader(text), "", "f.zone")
		var fe *dns.FileError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := dns.ReadZone(strings.NewReader(head+"www A 192.0.2.300\n"), "", "f.zone")
	var fe *dns.FileError
	if errors.As(err, &fe) && (fe.Line != 6 || fe.Column == 0) {
		t.Errorf("line %d, column %d", fe.Line, fe.Column)
	}
}

// A zone written out and read back is the same.
func TestZoneRoundTrip(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range append(h.Zones(), hardZone(t)) {
		var b strings.Builder
		if _, err := z.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := dns.ReadZone(strings.NewReader(b.String()), z.Origin(), "again")
		if err != nil {
			t.Fatal(err)
		}
		var c strings.Builder
		again.WriteTo(&c)
		if b.String() != c.String() || again.Signed() != z.Signed() {
			t.Errorf("%s changed:\n%s\n%s", z.Origin(), b.String(), c.String())
		}
	}
}

func TestWith(t *testing.T) {
	z := hardZone(t)
	nz, err := z.With([]dns.Record{lessontest.Record(t, "new.hard.test. 60 A 192.0.2.1")}, []dns.Record{lessontest.Record(t, "x.w.hard.test. 600 TXT exists")})
	if err != nil {
		t.Fatal(err)
	}
	if nz.Serial() != z.Serial()+1 {
		t.Errorf("serial %d after %d", nz.Serial(), z.Serial())
	}
	a := dns.NewAuthority(nil, nz)
	if len(ask(a, "new.hard.test", dns.TypeA).Answer()) != 1 || len(ask(a, "x.w.hard.test", dns.TypeTXT).Answer()) != 0 {
		t.Error("the change is not there")
	}
	if len(ask(dns.NewAuthority(nil, z), "new.hard.test", dns.TypeA).Answer()) != 0 {
		t.Error("the old zone changed")
	}
	if _, err := z.With(nil, []dns.Record{lessontest.Record(t, "gone.hard.test. A 192.0.2.1")}); err == nil {
		t.Error("a record that is not there was removed")
	}
}

// Zones are exchanged while queries arrive, without a gap.
func TestReplaceWithoutGap(t *testing.T) {
	z := hardZone(t)
	a := dns.NewAuthority(nil, z)
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if m := ask(a, "mail.hard.test", dns.TypeA); len(m.Answer()) != 1 {
					t.Errorf("a gap: %s", m.Line())
					return
				}
			}
		})
	}
	for i := range 50 {
		if err := a.Update("hard.test", func(z *dns.Zone) (*dns.Zone, error) {
			return z.With([]dns.Record{lessontest.Record(t, "n.hard.test. TXT "+string(rune('a'+i%26)))}, nil)
		}); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
	if a.Zone("hard.test").Serial() != z.Serial()+50 {
		t.Error("changes were lost")
	}
	if !a.Remove("hard.test") || ask(a, "mail.hard.test", dns.TypeA).Header().Code != dns.Refused {
		t.Error("the zone is still served")
	}
}

// FuzzZone reads master text: it never panics, and what it reads it can write
// and read again.
func FuzzZone(f *testing.F) {
	f.Add(hard)
	f.Add("$ORIGIN x.\n@ 1 SOA a b 1 1 1 1 1\n@ 1 NS a\n* 1 CNAME \\032x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "$GENERATE") { // makes many records out of few bytes
			return
		}
		z, err := dns.ReadZone(strings.NewReader(text), "x.", "f")
		if err != nil {
			return
		}
		var b strings.Builder
		z.WriteTo(&b)
		if _, err := dns.ReadZone(strings.NewReader(b.String()), "x.", "g"); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for _, r := range z.Records() {
			ask(dns.NewAuthority(nil, z), "a."+r.Name(), r.Type())
		}
	})
}

// FuzzMessage reads datagrams: what is read can be answered, printed and packed.
func FuzzMessage(f *testing.F) {
	f.Add(lessontest.Reply(f, dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, DNSSEC: true}))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01"))
	h, err := lesson.Lecture(lesson.LectureOptions{Unsigned: true})
	if err != nil {
		f.Fatal(err)
	}
	a := h.Server("dns.foo.com").Authority
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := dns.Unpack(b)
		if err != nil {
			if r := dns.FormatErrorReply(b); r != nil && (len(r) != 12 || r[0] != b[0]) {
				t.Fatalf("reply %x", r)
			}
			return
		}
		_ = m.Line()
		r, _ := a.AnswerNow(&dns.Request{Message: m, From: netip.MustParseAddrPort("192.0.2.9:53")})
		if r == nil {
			return
		}
		out, err := r.PackUDP(nil, m.Limit())
		if err == nil && len(out) > m.Limit() {
			t.Fatalf("%d bytes, limit %d", len(out), m.Limit())
		}
	})
}

// Names compare as RFC 4034 §6.1 orders them, and the proofs of absence that a
// signed zone gives are accepted for any name.
func TestDenialOfAnyName(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t, lessontest.Validating(w))
	label := rapid.StringMatching(`[a-z*_]{1,3}|w|x|wild|bar|relay1|mail|www`)
	rapid.Check(t, func(rt *rapid.T) {
		name := strings.Join(rapid.SliceOfN(label, 1, 4).Draw(rt, "labels"), ".") + ".foo.com"
		typ := rapid.SampledFrom([]dns.Type{dns.TypeA, dns.TypeMX, dns.TypeTXT, dns.TypeDS, dns.TypeNSEC}).Draw(rt, "type")
		m, err := r.Resolve(bg, name, typ)
		if err != nil || !m.Header().AuthenticData {
			rt.Fatalf("%s %s: %v, %v", name, typ, m, err)
		}
	})
}
