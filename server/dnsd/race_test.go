package dnsd_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// race runs the forger against a resolver whose ids have so many bits.
func race(t *testing.T, bits int, fixed, check bool, rounds int) dns.RaceResult {
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
	r, err := dns.Race(context.Background(), dns.RaceOptions{
		Host: wire.OS{}, Listen: at.String(), Zone: l.h.Zone("crepes.fr"), Victim: victim,
		Forged: netip.MustParseAddr("198.18.66.66"), Rounds: rounds, Window: 500 * time.Millisecond, IDBits: bits, AnyPort: !fixed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Ids of 4 bits and a known port are no protection; signatures are.
func TestRace(t *testing.T) {
	if r := race(t, 4, true, false, 50); r.Wins != 1 || r.Sent == 0 || r.Chance <= 0 {
		t.Errorf("4 bits, known port: %+v", r)
	}
	if r := race(t, 4, true, true, 5); r.Wins != 0 || r.Noticed == 0 {
		t.Errorf("4 bits, known port, signatures checked: %+v", r)
	}
	if r := race(t, 4, false, false, 2); r.Wins != 0 || r.Chance > 0.001 {
		t.Errorf("random ports: %+v", r)
	}
}
