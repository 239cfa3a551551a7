package dns_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// Everything in the lecture's hierarchy is signed, and everything that is not
// there is denied with a proof.
func TestSecure(t *testing.T) {
	for _, via := range []bool{false, true} {
		w := lessontest.NewWorld(t, lesson.LectureOptions{ViaUmass: via, Registered: true})
		r := w.Resolver(t, lessontest.Validating(w))
		for _, q := range []struct {
			name string
			typ  dns.Type
			code dns.Code
		}{
			{"hamburger.edu", dns.TypeMX, dns.NoError},
			{"gaia.cs.umass.edu", dns.TypeA, dns.NoError},
			{"www.ibm.com", dns.TypeA, dns.NoError},
			{"www.amazon.com", dns.TypeA, dns.NoError},
			{"โรงเรียน.ไทย", dns.TypeA, dns.NoError},
			{"25.113.0.203.in-addr.arpa", dns.TypePTR, dns.NoError},
			{"a.b.wild.foo.com", dns.TypeTXT, dns.NoError},     // from a wildcard
			{"a.b.wild.foo.com", dns.TypeMX, dns.NoError},      // no such record at a wildcard
			{"wild.foo.com", dns.TypeA, dns.NoError},           // an empty non-terminal
			{"hamburger.edu", dns.TypeAAAA, dns.NoError},       // no such record
			{"nobody.hamburger.edu", dns.TypeA, dns.NameError}, // no such name
			{"a.b.c.crepes.fr", dns.TypeA, dns.NameError},      //
			{"no.such.tld", dns.TypeA, dns.NameError},          //
			{"edu", dns.TypeDS, dns.NoError},                   //
			{"mail.networkutopia.com", dns.TypeA, dns.NoError}, //
			{".", dns.TypeNS, dns.NoError},                     //
			{"umass.edu", dns.TypeDNSKEY, dns.NoError},         //
		} {
			m, err := r.Resolve(bg, q.name, q.typ)
			if err != nil {
				t.Errorf("%s %s: %v", q.name, q.typ, err)
				continue
			}
			if h := m.Header(); !h.AuthenticData || h.Code != q.code {
				t.Errorf("%s %s: %+v", q.name, q.typ, h)
			}
		}
	}
}

// A hierarchy without signatures is not secure, and valid only without an anchor
// for its root.
func TestUnsigned(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{Unsigned: true})
	m, err := w.Resolver(t).Resolve(bg, "hamburger.edu", dns.TypeMX)
	if err != nil || m.Header().AuthenticData {
		t.Errorf("%+v, %v", m, err)
	}
	other := lessontest.NewWorld(t, lesson.LectureOptions{})
	_, err = w.Resolver(t, lessontest.Validating(other)).Resolve(bg, "hamburger.edu", dns.TypeMX)
	var broken *dns.ChainError
	if !errors.As(err, &broken) {
		t.Errorf("a root without its key: %v", err)
	}
}

// An unsigned zone below signed ones is valid and not secure: the zone above
// proves that it has no key.
func TestInsecureDelegation(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	z, err := dns.ReadZone(strings.NewReader("$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 198.18.9.53\nx TXT hello\n"), "plain.", "plain")
	if err != nil {
		t.Fatal(err)
	}
	w.Set("198.18.9.53", dns.NewAuthority(nil, z))
	if err := w.Hierarchy.Change(".", []dns.Record{lessontest.Record(t, "plain. 60 NS ns.plain."), lessontest.Record(t, "ns.plain. 60 A 198.18.9.53")}, nil); err != nil {
		t.Fatal(err)
	}
	r := w.Resolver(t, lessontest.Validating(w))
	for _, q := range []struct {
		name string
		typ  dns.Type
	}{{"x.plain", dns.TypeTXT}, {"y.plain", dns.TypeTXT}, {"x.plain", dns.TypeMX}} {
		m, err := r.Resolve(bg, q.name, q.typ)
		if err != nil || m.Header().AuthenticData {
			t.Errorf("%s %s: %+v, %v", q.name, q.typ, m, err)
		}
	}
}

// Each broken link is named, and repaired it works again.
func TestBrokenLinks(t *testing.T) {
	for fault, want := range map[lesson.ZoneFault]string{
		lesson.WrongDS:          "hamburger.edu. DNSKEY: the DS record in the zone above fits none of the keys",
		lesson.ExpiredSignature: "hamburger.edu. expired at 20261124",
		lesson.AlteredRecord:    "mail.hamburger.edu. A: the signature by key",
		lesson.MissingKey:       "hamburger.edu. publishes no key with the number",
	} {
		w := lessontest.NewWorld(t, lesson.LectureOptions{})
		if err := w.Hierarchy.Break("hamburger.edu", fault); err != nil {
			t.Fatal(err)
		}
		r := w.Resolver(t, lessontest.Validating(w))
		_, err := r.LookupNetIP(bg, "ip4", "mail.hamburger.edu")
		var broken *dns.ChainError
		var de *net.DNSError
		if !errors.As(err, &broken) || !errors.As(err, &de) || !de.IsTemporary || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", fault, err, want)
		}
		if _, err := w.Resolver(t).LookupNetIP(bg, "ip4", "mail.hamburger.edu"); err != nil {
			t.Errorf("%s, not validating: %v", fault, err)
		}
		local := dns.NewRecursive(r, nil)
		q := dns.NewMessage(dns.Query{Name: "mail.hamburger.edu", Type: dns.TypeA, RecursionDesired: true, DNSSEC: true})
		if m := local.Answer(bg, &dns.Request{Message: q}); m.Header().Code != dns.ServerFailure || len(m.Answer()) > 0 {
			t.Errorf("%s: the local server answers %s", fault, m.Line())
		}
		q = dns.NewMessage(dns.Query{Name: "mail.hamburger.edu", Type: dns.TypeA, RecursionDesired: true, CheckingDisabled: true})
		if m := local.Answer(bg, &dns.Request{Message: q}); len(m.Answer()) != 1 || m.Header().AuthenticData {
			t.Errorf("%s with CD: the local server answers %s", fault, m.Line())
		}
		if err := w.Hierarchy.Break("hamburger.edu", lesson.NoFault); fault == lesson.WrongDS && err != nil {
			t.Fatal(err)
		}
		r.Cache().Flush()
		if m, err := r.Resolve(bg, "mail.hamburger.edu", dns.TypeA); err != nil || !m.Header().AuthenticData {
			t.Errorf("%s repaired: %v", fault, err)
		}
	}
}

// What was asked for without DO serves a validating client afterwards.
func TestDOAfterPlain(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	local := dns.NewRecursive(w.Resolver(t, lessontest.Validating(w)), nil)
	plain := dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, RecursionDesired: true})
	if m := local.Answer(bg, &dns.Request{Message: plain}); len(m.Answer()) != 1 {
		t.Fatal(m.Line())
	}
	w.ManualClock.Advance(10 * time.Second)
	do := dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, RecursionDesired: true, DNSSEC: true, Size: 1232})
	m, ok := local.AnswerNow(&dns.Request{Message: do})
	if !ok || len(m.Answer()) != 2 || !m.Header().AuthenticData || m.Answer()[0].TTL() != 3590 {
		t.Errorf("from the cache %v: %v", ok, m.Answer())
	}
}

// A signature does not hold beyond its time, whatever the TTL of the records.
func TestExpiryByClock(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t, lessontest.Validating(w))
	if _, err := r.Resolve(bg, "crepes.fr", dns.TypeMX); err != nil {
		t.Fatal(err)
	}
	w.ManualClock.Advance(31 * 24 * time.Hour)
	_, err := r.Resolve(bg, "crepes.fr", dns.TypeMX)
	if err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("after 31 days: %v", err)
	}
	if err := w.Hierarchy.Resign(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(bg, "crepes.fr", dns.TypeMX); err != nil {
		t.Errorf("signed again: %v", err)
	}
}

// Who asks for a wildcard by its own name gets it, and what was made from it is told
// apart from it.
func TestWildcardByItsName(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	r := w.Resolver(t, lessontest.Validating(w))
	for _, name := range []string{"*.wild.foo.com", "a.wild.foo.com", "*.a.wild.foo.com"} {
		if m, err := r.Resolve(bg, name, dns.TypeTXT); err != nil || !m.Header().AuthenticData {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}
