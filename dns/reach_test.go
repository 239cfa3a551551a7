package dns_test

import (
	"net/netip"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
	"glassmail/wire"
)

// A referral cannot send the resolver to where only its own machine or network can
// go, neither by glue nor by a name.
func TestReferralToLoopback(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{Now: func() time.Time { return lessontest.Start }, Unsigned: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"evil.com. 3600 NS ns.evil.com.", "ns.evil.com. 3600 A 127.0.0.1", "bare.com. 3600 NS inner.hamburger.edu."} {
		if err := h.Change("com", []dns.Record{lessontest.Record(t, r)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Change("hamburger.edu", []dns.Record{lessontest.Record(t, "inner.hamburger.edu. 3600 A 127.0.0.1")}, nil); err != nil {
		t.Fatal(err)
	}
	for judged, reach := range map[bool]*wire.Reach{true: {Private: true}, false: nil} {
		w := lessontest.NewWorldOf(h, wire.NewManual(lessontest.Start))
		asked := 0
		w.Raw[netip.MustParseAddr("127.0.0.1")] = func([]byte) [][]byte {
			asked++
			w.ManualClock.Advance(2 * time.Second)
			return nil
		}
		r := w.Resolver(t, func(o *dns.ResolverOptions) { o.Reach = reach })
		for _, name := range []string{"www.evil.com", "www.bare.com"} {
			before := asked
			if m, err := r.Resolve(bg, name, dns.TypeA); err == nil {
				t.Errorf("%s: %v", name, m)
			}
			if (asked > before) == judged {
				t.Errorf("%s, addresses judged: %t: asked %d times", name, judged, asked-before)
			}
		}
		if _, err := r.Resolve(bg, "mail.hamburger.edu", dns.TypeA); err != nil {
			t.Errorf("the others: %v", err)
		}
	}
}
