package dns_test

import (
	"slices"
	"strings"
	"testing"

	"glassmail/lab/lesson/lessontest"

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
	if got := lessontest.Data(nz.Find("MAIL.hard.test", dns.TypeA)); !slices.Equal(got, []string{"192.0.2.7", "192.0.2.8"}) {
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
		"not at or":      {Add: []dns.Record{lessontest.Record(t, "www.other.test. A 192.0.2.1")}},
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
