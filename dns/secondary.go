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
// it asks the primary server for the SOA record when it is told of a change and at
// the intervals which that record sets, copies the zone when its serial number has
// grown, and ends the service when the primary has been silent for too long.
type Secondary struct {
	o       SecondaryOptions
	changed chan struct{}
}

// SecondaryOptions configures a Secondary; all but Trace and Node are required. A
// zone that Authority has already counts as just copied.
type SecondaryOptions struct {
	Host      wire.Host
	Authority *Authority
	Origin    string
	Primary   netip.AddrPort
	Trace     *trace.Log
	Node      string
}

// NewSecondary makes a Secondary. It copies nothing before Run.
func NewSecondary(o SecondaryOptions) *Secondary {
	return &Secondary{o: o, changed: make(chan struct{}, 1)}
}

// Origin is the zone that is copied.
func (s *Secondary) Origin() string { return s.o.Origin }

// Changed tells that the primary has a newer zone. It does not wait for the copy.
func (s *Secondary) Changed() {
	select {
	case s.changed <- struct{}{}:
	default: // it has been told already
	}
}

// Limits of the intervals, whatever the SOA record says.
const (
	minRefresh = 10 * time.Second
	maxRefresh = 24 * time.Hour
)

// Run works until ctx ends.
func (s *Secondary) Run(ctx context.Context) error {
	clock := s.o.Host.Clock()
	last := clock.Now() // time of the last word from the primary
	var wait time.Duration
	if z := s.o.Authority.Zone(s.o.Origin); z != nil {
		wait = between(z.soa().Refresh)
	}
	for {
		due, stop := clock.After(wait)
		select {
		case <-due:
		case <-s.changed:
			stop()
		case <-ctx.Done():
			stop()
			return nil
		}
		err := s.refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			last = clock.Now()
		}
		wait = s.next(err, clock.Now().Sub(last))
	}
}

// next is when to ask the primary again, which has been silent for some time. A
// zone that is too old is served no longer.
func (s *Secondary) next(err error, silent time.Duration) time.Duration {
	z := s.o.Authority.Zone(s.o.Origin)
	switch {
	case z == nil:
		return minRefresh
	case err == nil:
		return between(z.soa().Refresh)
	case silent >= time.Duration(z.soa().Expire)*time.Second:
		s.o.Authority.Remove(s.o.Origin)
		s.note(fmt.Sprintf("%s is too old to be served: %v", z.origin, err))
		return minRefresh
	}
	return between(z.soa().Retry)
}

func between(seconds uint32) time.Duration {
	return min(max(time.Duration(seconds)*time.Second, minRefresh), maxRefresh)
}

// refresh copies the zone if the primary has a newer one.
func (s *Secondary) refresh(ctx context.Context) error {
	c := Client{Host: s.o.Host, Trace: s.o.Trace, Node: s.o.Node}
	r, err := c.Ask(ctx, s.o.Primary, NewMessage(Query{Name: s.o.Origin, Type: TypeSOA, ID: RandomID()}))
	if err != nil {
		return err
	}
	soas, _ := pick(r.m.Answer, Canonical(s.o.Origin), TypeSOA)
	if !r.m.Authoritative || len(soas) == 0 {
		return fmt.Errorf("%s does not serve %s", s.o.Primary, s.o.Origin)
	}
	soa, _ := soas[0].(*miekg.SOA)
	have := s.o.Authority.Zone(s.o.Origin)
	if have != nil && int32(soa.Serial-have.Serial()) <= 0 { // RFC 1982 §3.2
		return nil
	}
	z, err := Transfer(ctx, s.o.Host, s.o.Primary, s.o.Origin)
	if err != nil {
		return err
	}
	s.o.Authority.Put(z)
	s.note(fmt.Sprintf("copied %s, serial %d, from %s", z.origin, z.Serial(), s.o.Primary))
	return nil
}

func (s *Secondary) note(text string) {
	s.o.Trace.Add(trace.Event{Node: s.o.Node, Proto: trace.DNS, Kind: trace.Note, Dir: trace.Self, Text: text})
}
