package lesson_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
)

// The difference is told, signatures follow, and a second server sees it too.
func TestHierarchyEdit(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	d, err := w.Hierarchy.Edit("hamburger.edu", dns.Edit{Replace: []dns.Record{lessontest.Record(t, "mail.hamburger.edu. 300 A 203.0.113.77")}})
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
	m, err := w.Resolver(t, lessontest.Validating(w)).Resolve(t.Context(), "mail.hamburger.edu", dns.TypeA)
	if err != nil || !m.Header().AuthenticData || lessontest.Data(m.Answer())[0] != "203.0.113.77" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := w.Hierarchy.Edit("nowhere.test", dns.Edit{}); err == nil {
		t.Error("a zone that is not there was edited")
	}
	serial := w.Hierarchy.Zone("hamburger.edu").Serial()
	if _, err := w.Hierarchy.Edit("hamburger.edu", dns.Edit{Add: []dns.Record{lessontest.Record(t, "mail.hamburger.edu. CNAME www.hamburger.edu.")}}); err == nil || w.Hierarchy.Zone("hamburger.edu").Serial() != serial {
		t.Error("a wrong edit changed the zone")
	}
}

// A zone brought from outside takes the place of the one of its name, on every
// server that has it, and is signed with the keys that the zone above vouches for.
func TestLoad(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{ViaUmass: false})
	text := "$ORIGIN hamburger.edu.\n$TTL 60\n@ SOA dns1 hostmaster 99 3600 900 1209600 60\n@ NS dns1\n@ MX 5 mx\ndns1 A 203.0.113.53\nmx A 203.0.113.26\n"
	z, err := dns.ReadZone(strings.NewReader(text), "", "mine")
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.Hierarchy.Load(z)
	if err != nil || !strings.Contains(d.String(), "+ mx.hamburger.edu.") || !strings.Contains(d.String(), "- mail.hamburger.edu.") {
		t.Fatalf("%s, %v", d, err)
	}
	m, err := w.Resolver(t, lessontest.Validating(w)).Resolve(t.Context(), "hamburger.edu", dns.TypeMX)
	if err != nil || !m.Header().AuthenticData || lessontest.Data(m.Answer())[0] != "5 mx.hamburger.edu." {
		t.Errorf("%v, %v", m, err)
	}
	root, err := dns.ReadZone(strings.NewReader("$ORIGIN .\n$TTL 60\n@ SOA a.root. h. 1 1 1 1 1\n@ NS a.root.\na.root. A 192.0.2.1\n"), "", "root")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Hierarchy.Load(root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.root", "b.root"} {
		if n := w.Hierarchy.Server(name).Authority.Zone(".").Serial(); n != 1 {
			t.Errorf("%s serves serial %d", name, n)
		}
	}
	other, err := dns.ReadZone(strings.NewReader(strings.ReplaceAll(text, "hamburger.edu", "pizza.edu")), "", "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Hierarchy.Load(other); err == nil || !strings.Contains(err.Error(), "no server serves it") {
		t.Errorf("a zone without server: %v", err)
	}
}

// Repaired, a zone is what it was: an altered record leaves nothing behind. A
// fault outlasts edits and new signatures, and only one is there at a time.
func TestFaultsComeAndGo(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	const zone, host = "hamburger.edu", "mail.hamburger.edu"
	whole := lessontest.Data(w.Hierarchy.Zone(zone).Find(host, dns.TypeA))
	fails := func() bool {
		r := w.Resolver(t, lessontest.Validating(w))
		_, err := r.Resolve(t.Context(), host, dns.TypeA)
		return err != nil
	}
	for _, f := range lesson.Faults() {
		if f.Text == "" {
			t.Errorf("%s is not described", f.Fault)
		}
		if err := w.Hierarchy.Break(zone, f.Fault); err != nil {
			t.Fatal(err)
		}
		if broken := f.Fault != lesson.NoFault; fails() != broken || (w.Hierarchy.Broken()["hamburger.edu."] == f.Fault) != broken {
			t.Errorf("%s: fails %t, listed %v", f.Fault, fails(), w.Hierarchy.Broken())
		}
		if _, err := w.Hierarchy.Edit(zone, dns.Edit{Replace: []dns.Record{lessontest.Record(t, "hamburger.edu. TXT "+string(f.Fault))}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Hierarchy.Resign(); err != nil {
			t.Fatal(err)
		}
		if broken := f.Fault != lesson.NoFault; fails() != broken {
			t.Errorf("%s after an edit: fails %t", f.Fault, fails())
		}
	}
	if got := lessontest.Data(w.Hierarchy.Zone(zone).Find(host, dns.TypeA)); !slices.Equal(got, whole) {
		t.Errorf("repaired, %s has %v, not %v", host, got, whole)
	}
	if err := w.Hierarchy.Break(".", lesson.NoFault); err != nil {
		t.Errorf("the root has no fault: %v", err)
	}
	if err := w.Hierarchy.Break(zone, "gremlins"); err == nil || !strings.Contains(err.Error(), "wrong-ds") {
		t.Errorf("unknown fault: %v", err)
	}
}

// Signatures are renewed by the lab's clock, as it goes, jumps and is set back.
func TestSignaturesFollowTheClock(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	secure := func(when string) {
		t.Helper()
		m, err := w.Resolver(t, lessontest.Validating(w)).Resolve(t.Context(), "crepes.fr", dns.TypeMX)
		if err != nil || !m.Header().AuthenticData {
			t.Errorf("%s: %v", when, err)
		}
	}
	serial := w.Hierarchy.Zone("crepes.fr").Serial()
	w.ManualClock.Advance(10 * 24 * time.Hour)
	if err := w.Hierarchy.ResignDue(); err != nil || w.Hierarchy.Zone("crepes.fr").Serial() != serial {
		t.Errorf("signed again after 10 of 30 days: %v", err)
	}
	w.ManualClock.Advance(400 * 24 * time.Hour)
	if err := w.Hierarchy.ResignDue(); err != nil {
		t.Fatal(err)
	}
	secure("after a jump of 400 days")
	w.ManualClock.Advance(-800 * 24 * time.Hour)
	if err := w.Hierarchy.ResignDue(); err != nil {
		t.Fatal(err)
	}
	secure("set back")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Hierarchy.Run(ctx, w.ManualClock) }()
	for day := range 40 {
		w.ManualClock.Sleepers(1)
		w.ManualClock.Advance(24 * time.Hour)
		if day%8 == 7 {
			w.ManualClock.Sleepers(1)
			secure("as time goes")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
