package dns_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/dns"
)

func TestEdit(t *testing.T) {
	z := hardZone(t)
	line := func(s string) dns.Record {
		t.Helper()
		r, err := z.ParseRecord(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	nz, err := z.Edit(dns.Edit{
		Drop:    []dns.SetName{{Name: "x.w.hard.test", Type: dns.TypeTXT}},
		Remove:  []dns.Record{line("dangling CNAME nothing")},
		Add:     []dns.Record{line("new TXT hello")},
		Replace: []dns.Record{line("mail 60 A 192.0.2.7"), line("mail 60 A 192.0.2.8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := data(nz.Find("MAIL.hard.test", dns.TypeA)); !slices.Equal(got, []string{"192.0.2.7", "192.0.2.8"}) {
		t.Errorf("replaced: %v", got)
	}
	if nz.Find("x.w.hard.test", dns.TypeTXT) != nil || nz.Find("dangling.hard.test", dns.TypeCNAME) != nil || nz.Find("new.hard.test", dns.TypeTXT) == nil {
		t.Errorf("not as edited:\n%v", nz.Unsigned())
	}
	if nz.Find("mail.hard.test", dns.TypeAAAA) == nil {
		t.Error("another set of the name went too")
	}
	if nz.Serial() != z.Serial()+1 {
		t.Errorf("serial %d after %d", nz.Serial(), z.Serial())
	}
	if nz, err = z.Edit(dns.Edit{Replace: []dns.Record{line("@ SOA ns hostmaster 900 1 1 1 1")}}); err != nil || nz.Serial() != 900 {
		t.Errorf("own serial: %v", err)
	}
	for want, e := range map[string]dns.Edit{
		"has no MX":      {Drop: []dns.SetName{{Name: "mail.hard.test", Type: dns.TypeMX}}},
		"no record":      {Remove: []dns.Record{line("mail A 192.0.2.99")}},
		"CNAME beside":   {Add: []dns.Record{line("mail CNAME ns")}},
		"not at or":      {Add: []dns.Record{record(t, "www.other.test. A 192.0.2.1")}},
		"no NS record":   {Drop: []dns.SetName{{Name: "hard.test", Type: dns.TypeNS}}},
		"no SOA record":  {Drop: []dns.SetName{{Name: "hard.test", Type: dns.TypeSOA}}},
		"a second SOA r": {Add: []dns.Record{line("@ SOA ns hostmaster 901 1 1 1 1")}},
	} {
		if _, err := z.Edit(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for want, s := range map[string]string{"more than one": "a A 192.0.2.1\nb A 192.0.2.2", "no data": "", "record": "$INCLUDE /etc/passwd"} {
		if _, err := z.ParseRecord(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

// Serial numbers go up by one as RFC 1982 counts, past the end of 32 bits too,
// whatever records come and go; taken back, the zone is as before but for that.
func TestEditSerial(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		z := hardZone(t)
		at := rapid.SampledFrom([]string{"1", "77", "4294967294", "4294967295"}).Draw(rt, "serial")
		soa, err := z.ParseRecord("@ SOA ns hostmaster " + at + " 3600 900 1209600 60")
		if err != nil {
			rt.Fatal(err)
		}
		if z, err = z.Edit(dns.Edit{Replace: []dns.Record{soa}}); err != nil {
			rt.Fatal(err)
		}
		first := z
		for i := range rapid.IntRange(1, 4).Draw(rt, "edits") {
			r, err := z.ParseRecord("n" + string(rune('a'+i)) + " TXT x")
			if err != nil {
				rt.Fatal(err)
			}
			there, err := z.Edit(dns.Edit{Add: []dns.Record{r}})
			if err != nil {
				rt.Fatal(err)
			}
			back, err := there.Edit(dns.Edit{Remove: []dns.Record{r}})
			if err != nil {
				rt.Fatal(err)
			}
			if there.Serial() != z.Serial()+1 || back.Serial() != z.Serial()+2 {
				rt.Fatalf("serials %d %d %d", z.Serial(), there.Serial(), back.Serial())
			}
			z = back
		}
		a, b := first.Unsigned()[1:], z.Unsigned()[1:]
		if !slices.EqualFunc(a, b, func(x, y dns.Record) bool { return x.String() == y.String() }) {
			rt.Fatalf("%v\nbecame\n%v", a, b)
		}
	})
}

// The difference is told, signatures follow, and a second server sees it too.
func TestHierarchyEdit(t *testing.T) {
	w := newWorld(t, dns.LectureOptions{})
	d, err := w.h.Edit("hamburger.edu", dns.Edit{Replace: []dns.Record{record(t, "mail.hamburger.edu. 300 A 203.0.113.77")}})
	if err != nil {
		t.Fatal(err)
	}
	text := d.String()
	for _, want := range []string{"- mail.hamburger.edu.\t3600\tIN\tA\t203.0.113.25", "+ mail.hamburger.edu.\t300\tIN\tA\t203.0.113.77", "+ hamburger.edu.\t3600\tIN\tSOA", "- hamburger.edu.\t3600\tIN\tSOA"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(d.Added) != 2 || len(d.Removed) != 2 {
		t.Errorf("difference of %d and %d records:\n%s", len(d.Added), len(d.Removed), text)
	}
	m, err := w.resolver(t, validating(w)).Resolve(bg, "mail.hamburger.edu", dns.TypeA)
	if err != nil || !m.Header().AuthenticData || data(m.Answer())[0] != "203.0.113.77" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := w.h.Edit("nowhere.test", dns.Edit{}); err == nil {
		t.Error("a zone that is not there was edited")
	}
	serial := w.h.Zone("hamburger.edu").Serial()
	if _, err := w.h.Edit("hamburger.edu", dns.Edit{Add: []dns.Record{record(t, "mail.hamburger.edu. CNAME www.hamburger.edu.")}}); err == nil || w.h.Zone("hamburger.edu").Serial() != serial {
		t.Error("a wrong edit changed the zone")
	}
}

// A zone brought from outside takes the place of the one of its name, on every
// server that has it, and is signed with the keys that the zone above vouches for.
func TestLoad(t *testing.T) {
	w := newWorld(t, dns.LectureOptions{ViaUmass: false})
	text := "$ORIGIN hamburger.edu.\n$TTL 60\n@ SOA dns1 hostmaster 99 3600 900 1209600 60\n@ NS dns1\n@ MX 5 mx\ndns1 A 203.0.113.53\nmx A 203.0.113.26\n"
	z, err := dns.ReadZone(strings.NewReader(text), "", "mine")
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.h.Load(z)
	if err != nil || !strings.Contains(d.String(), "+ mx.hamburger.edu.") || !strings.Contains(d.String(), "- mail.hamburger.edu.") {
		t.Fatalf("%s, %v", d, err)
	}
	m, err := w.resolver(t, validating(w)).Resolve(bg, "hamburger.edu", dns.TypeMX)
	if err != nil || !m.Header().AuthenticData || data(m.Answer())[0] != "5 mx.hamburger.edu." {
		t.Errorf("%v, %v", m, err)
	}
	root, err := dns.ReadZone(strings.NewReader("$ORIGIN .\n$TTL 60\n@ SOA a.root. h. 1 1 1 1 1\n@ NS a.root.\na.root. A 192.0.2.1\n"), "", "root")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.h.Load(root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.root", "b.root"} {
		if n := w.h.Server(name).Authority.Zone(".").Serial(); n != 1 {
			t.Errorf("%s serves serial %d", name, n)
		}
	}
	other, err := dns.ReadZone(strings.NewReader(strings.ReplaceAll(text, "hamburger.edu", "pizza.edu")), "", "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.h.Load(other); err == nil || !strings.Contains(err.Error(), "no server serves it") {
		t.Errorf("a zone without server: %v", err)
	}
}

// Repaired, a zone is what it was: an altered record leaves nothing behind. A
// fault outlasts edits and new signatures, and only one is there at a time.
func TestFaultsComeAndGo(t *testing.T) {
	w := newWorld(t, dns.LectureOptions{})
	const zone, host = "hamburger.edu", "mail.hamburger.edu"
	whole := data(w.h.Zone(zone).Find(host, dns.TypeA))
	fails := func() bool {
		r := w.resolver(t, validating(w))
		_, err := r.Resolve(bg, host, dns.TypeA)
		return err != nil
	}
	for _, f := range dns.Faults() {
		if f.Text == "" {
			t.Errorf("%s is not described", f.Fault)
		}
		if err := w.h.Break(zone, f.Fault); err != nil {
			t.Fatal(err)
		}
		if broken := f.Fault != dns.NoFault; fails() != broken || (w.h.Broken()["hamburger.edu."] == f.Fault) != broken {
			t.Errorf("%s: fails %t, listed %v", f.Fault, fails(), w.h.Broken())
		}
		if _, err := w.h.Edit(zone, dns.Edit{Replace: []dns.Record{record(t, "hamburger.edu. TXT "+string(f.Fault))}}); err != nil {
			t.Fatal(err)
		}
		if err := w.h.Resign(); err != nil {
			t.Fatal(err)
		}
		if broken := f.Fault != dns.NoFault; fails() != broken {
			t.Errorf("%s after an edit: fails %t", f.Fault, fails())
		}
	}
	if got := data(w.h.Zone(zone).Find(host, dns.TypeA)); !slices.Equal(got, whole) {
		t.Errorf("repaired, %s has %v, not %v", host, got, whole)
	}
	if err := w.h.Break(".", dns.NoFault); err != nil {
		t.Errorf("the root has no fault: %v", err)
	}
	if err := w.h.Break(zone, "gremlins"); err == nil || !strings.Contains(err.Error(), "wrong-ds") {
		t.Errorf("unknown fault: %v", err)
	}
}

// Signatures are renewed by the lab's clock, as it goes, jumps and is set back.
func TestSignaturesFollowTheClock(t *testing.T) {
	w := newWorld(t, dns.LectureOptions{})
	secure := func(when string) {
		t.Helper()
		m, err := w.resolver(t, validating(w)).Resolve(bg, "crepes.fr", dns.TypeMX)
		if err != nil || !m.Header().AuthenticData {
			t.Errorf("%s: %v", when, err)
		}
	}
	serial := w.h.Zone("crepes.fr").Serial()
	w.clock.Advance(10 * 24 * time.Hour)
	if err := w.h.ResignDue(); err != nil || w.h.Zone("crepes.fr").Serial() != serial {
		t.Errorf("signed again after 10 of 30 days: %v", err)
	}
	w.clock.Advance(400 * 24 * time.Hour)
	if err := w.h.ResignDue(); err != nil {
		t.Fatal(err)
	}
	secure("after a jump of 400 days")
	w.clock.Advance(-800 * 24 * time.Hour)
	if err := w.h.ResignDue(); err != nil {
		t.Fatal(err)
	}
	secure("set back")

	ctx, cancel := context.WithCancel(bg)
	done := make(chan error, 1)
	go func() { done <- w.h.Run(ctx, w.clock) }()
	for day := range 40 {
		w.clock.Sleepers(1)
		w.clock.Advance(24 * time.Hour)
		if day%8 == 7 {
			w.clock.Sleepers(1)
			secure("as time goes")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
