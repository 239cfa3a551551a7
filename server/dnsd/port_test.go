package dnsd_test

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/wire"
)

// seen notes where queries come from and which ids they have.
type seen struct {
	dns.Handler
	mu    sync.Mutex
	ports map[uint16]int
	ids   map[uint16]int
}

func (s *seen) Answer(ctx context.Context, r *dns.Request) *dns.Message {
	s.mu.Lock()
	s.ports[r.From.Port()]++
	s.ids[r.ID()]++
	s.mu.Unlock()
	return s.Handler.Answer(ctx, r)
}

// Ports and ids of queries are random, unless a lesson switches that off.
func TestPortsAndIDs(t *testing.T) {
	h, err := lesson.Lecture(lesson.LectureOptions{Unsigned: true})
	if err != nil {
		t.Fatal(err)
	}
	fixed := freePort(t).Port()
	for _, c := range []struct {
		port uint16
		bits int
	}{{0, 0}, {fixed, 4}} {
		watch := &seen{Handler: h.Server("a.root").Authority, ports: map[uint16]int{}, ids: map[uint16]int{}}
		s := run(t, watch, dnsd.Options{})
		r, err := dns.NewResolver(dns.ResolverOptions{Host: wire.OS{}, Port: s.Addr().Port(), Lab: true, FixedPort: c.port, IDBits: c.bits,
			Roots: []dns.NameServer{{Name: "a.root.", Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				name := "n" + string(rune('a'+i%26)) + string(rune('a'+i/26))
				if m, err := r.Resolve(context.Background(), name, dns.TypeA); err != nil || m.Header().Code != dns.NameError {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		watch.mu.Lock()
		ports, ids := maps.Clone(watch.ports), maps.Clone(watch.ids)
		watch.mu.Unlock()
		switch {
		case c.port == 0 && (len(ports) < 20 || len(ids) < 30):
			t.Errorf("%d ports and %d ids for 40 queries", len(ports), len(ids))
		case c.port != 0 && (len(ports) != 1 || ports[c.port] != 40 || len(ids) > 16):
			t.Errorf("switched off: ports %v, ids %v", ports, ids)
		}
	}
}
