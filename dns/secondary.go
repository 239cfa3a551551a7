package dns

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"glassmail/trace"
	"glassmail/wire"

	miekg "github.com/miekg/dns"
)

// Secondary keeps a copy of a zone up to date in an Authority (RFC 1034 §4.3.5):
// it asks the primary server for the SOA record at the intervals which that
// record sets, copies the zone when its serial number has grown, and ends the
// service when the primary has been silent for too long.
type Secondary struct {
	Host      wire.Host
	Authority *Authority
	Origin    string
	Primary   netip.AddrPort
	Trace     *trace.Log
	Node      string
}

// Limits of the intervals, whatever the SOA record says.
const (
	minRefresh = 10 * time.Second
	maxRefresh = 24 * time.Hour
)

// Run works until ctx ends.
func (s *Secondary) Run(ctx context.Context) error {
	clock := s.Host.Clock()
	var last time.Time // of the last word from the primary
	for {
		err := s.refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		z := s.Authority.Zone(s.Origin)
		wait := minRefresh
		switch {
		case err == nil:
			last = clock.Now()
			wait = between(z.soa().Refresh)
		case z != nil && clock.Now().Sub(last) >= time.Duration(z.soa().Expire)*time.Second:
			s.Authority.Remove(s.Origin)
			s.note(fmt.Sprintf("%s is too old to be served: %v", z.origin, err))
		case z != nil:
			wait = between(z.soa().Retry)
		}
		t, stop := clock.After(wait)
		select {
		case <-t:
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

func between(seconds uint32) time.Duration {
	return min(max(time.Duration(seconds)*time.Second, minRefresh), maxRefresh)
}

// refresh copies the zone if the primary has a newer one.
func (s *Secondary) refresh(ctx context.Context) error {
	c := Client{Host: s.Host, Trace: s.Trace, Node: s.Node}
	r, err := c.Ask(ctx, s.Primary, NewMessage(Query{Name: s.Origin, Type: TypeSOA, ID: randomID()}))
	if err != nil {
		return err
	}
	soas, _ := pick(r.m.Answer, canonical(s.Origin), TypeSOA)
	if !r.m.Authoritative || len(soas) == 0 {
		return fmt.Errorf("%s does not serve %s", s.Primary, s.Origin)
	}
	soa, _ := soas[0].(*miekg.SOA)
	have := s.Authority.Zone(s.Origin)
	if have != nil && int32(soa.Serial-have.Serial()) <= 0 { // RFC 1982 §3.2
		return nil
	}
	z, err := Transfer(ctx, s.Host, s.Primary, s.Origin)
	if err != nil {
		return err
	}
	s.Authority.Put(z)
	s.note(fmt.Sprintf("copied %s, serial %d, from %s", z.origin, z.Serial(), s.Primary))
	return nil
}

func (s *Secondary) note(text string) {
	s.Trace.Add(trace.Event{Node: s.Node, Proto: trace.DNS, Kind: trace.Note, Dir: trace.Self, Text: text})
}
