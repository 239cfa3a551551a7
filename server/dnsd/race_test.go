package dnsd_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/wire"
)

// race runs the forger against a resolver whose ids have so many bits.
func race(t *testing.T, bits int, fixed, check bool, rounds int) lesson.RaceResult {
	t.Helper()
	l := newLab(t)
	at := freePort(t)
	l.host.to[l.h.Server("dns1.crepes.fr").Addr.String()+":53"] = at.String()
	o := dns.ResolverOptions{Host: l.host, Roots: l.h.Roots, Lab: true, IDBits: bits, Timeout: time.Second}
	if fixed {
		o.FixedPort = freePort(t).Port()
	}
	if check {
		o.Anchors = l.h.Anchors
	}
	victim, err := dns.NewResolver(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := lesson.Race(context.Background(), lesson.RaceOptions{
		Host: wire.OS{}, Inside: insideLab, Listen: at.String(), Zone: l.h.Zone("crepes.fr"), Victim: victim,
		Forged: netip.MustParseAddr("198.18.66.66"), Rounds: rounds, Window: 500 * time.Millisecond, IDBits: bits, AnyPort: !fixed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Ids of 4 bits and a known port are no protection; signatures are.
func TestRace(t *testing.T) {
	if r := race(t, 4, true, false, 50); r.Wins != 1 || r.Sent == 0 || r.Chance <= 0 || r.Space != 16 || r.Expected < 1 || r.Validated {
		t.Errorf("4 bits, known port: %+v", r)
	}
	if r := race(t, 4, true, true, 5); r.Wins != 0 || r.Noticed == 0 || !r.Validated {
		t.Errorf("4 bits, known port, signatures checked: %+v", r)
	}
	if r := race(t, 4, false, false, 2); r.Wins != 0 || r.Chance > 0.001 {
		t.Errorf("random ports: %+v", r)
	}
}

// insideLab is where the tests may attack: loopback and networks of the lecture.
func insideLab(a netip.Addr) bool {
	return a.IsLoopback() || netip.MustParsePrefix("198.18.0.0/15").Contains(a) || netip.MustParsePrefix("192.0.2.0/24").Contains(a)
}

// Nothing is forged from or for an address outside the lab.
func TestRaceConfined(t *testing.T) {
	l := newLab(t)
	o := lesson.RaceOptions{
		Host: wire.OS{}, Inside: insideLab, Listen: freePort(t).String(), Zone: l.h.Zone("crepes.fr"), Victim: l.r,
		Forged: netip.MustParseAddr("198.18.66.66"), Rounds: 1, IDBits: 1,
	}
	for want, change := range map[string]func(*lesson.RaceOptions){
		"1.2.3.4 lies outside":        func(o *lesson.RaceOptions) { o.Forged = netip.MustParseAddr("1.2.3.4") },
		"192.168.1.1 lies outside":    func(o *lesson.RaceOptions) { o.Listen = "192.168.1.1:53" },
		"0.0.0.0 lies outside":        func(o *lesson.RaceOptions) { o.Listen = "0.0.0.0:53" },
		"which addresses belong":      func(o *lesson.RaceOptions) { o.Inside = nil },
		"1 to 1000 rounds":            func(o *lesson.RaceOptions) { o.Rounds = 1001 },
		"a window of 0 to 2 seconds":  func(o *lesson.RaceOptions) { o.Window = time.Minute },
		"the server's address":        func(o *lesson.RaceOptions) { o.Listen = "localhost:53" },
		"host, zone and victim":       func(o *lesson.RaceOptions) { o.Victim = nil },
		"1 to 16 bits":                func(o *lesson.RaceOptions) { o.IDBits = 17 },
		"forged address must be IPv4": func(o *lesson.RaceOptions) { o.Forged = netip.IPv6Loopback() },
	} {
		bad := o
		change(&bad)
		if _, err := lesson.Race(context.Background(), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
