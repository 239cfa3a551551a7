package dns_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"glassmail/lab/lesson/lessontest"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// A secondary copies the zone, follows its changes, and stops serving it when the
// primary has been silent for the time of the SOA record.
func TestSecondary(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	a := dns.NewAuthority(nil)
	s := dns.NewSecondary(dns.SecondaryOptions{Host: w.Internet, Authority: a, Origin: "crepes.fr", Primary: netip.MustParseAddrPort("198.51.100.53:53"), Trace: w.Log, Node: "dns2.crepes.fr"})
	ctx, cancel := context.WithCancel(bg)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	has := func(name string) bool { return len(ask(a, name, dns.TypeA).Answer()) > 0 }
	until := func(what string, cond func() bool) {
		t.Helper()
		for range 10_000 {
			if cond() {
				return
			}
			w.ManualClock.Sleepers(1)
			w.ManualClock.Advance(15 * time.Minute)
		}
		t.Fatalf("%s did not happen: %s", what, lines(w.Log))
	}
	until("the first copy", func() bool { return has("mail.crepes.fr") })
	if has("new.crepes.fr") {
		t.Error("a record from the future")
	}
	if err := w.Hierarchy.Change("crepes.fr", []dns.Record{lessontest.Record(t, "new.crepes.fr. 60 A 198.51.100.9")}, nil); err != nil {
		t.Fatal(err)
	}
	until("the second copy", func() bool { return has("new.crepes.fr") })
	w.Remove("198.51.100.53")
	gone := w.ManualClock.Now()
	until("the end of the service", func() bool { return a.Zone("crepes.fr") == nil })
	if silent := w.ManualClock.Now().Sub(gone); silent < 14*24*time.Hour-2*time.Hour {
		t.Errorf("given up after %v, the SOA record says 14 days", silent)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
