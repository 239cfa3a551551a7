package dns

import (
	"fmt"
	"time"

	miekg "github.com/miekg/dns"
)

// Fault is a way to break the chain of trust of a zone, for a lesson.
type Fault string

// The faults that Break can make.
const (
	WrongDS          Fault = "wrong-ds"          // the zone above vouches for another key
	ExpiredSignature Fault = "expired-signature" // all signatures ended yesterday
	AlteredRecord    Fault = "altered-record"    // an address was changed after signing
	MissingKey       Fault = "missing-key"       // the zone does not publish the key that signed its records
	NoFault          Fault = "none"              // everything right again
)

// Break makes a fault in a zone of a signed hierarchy, or repairs all (NoFault).
// Resolvers see it when what they keep has run out or was flushed.
func (h *Hierarchy) Break(origin string, f Fault) error {
	h.edit.Lock()
	defer h.edit.Unlock()
	origin = canonical(origin)
	z, k := h.Zone(origin), h.keys[origin]
	if z == nil || k == nil {
		return fmt.Errorf("break %s: no such signed zone", origin)
	}
	if f == WrongDS || f == NoFault {
		if err := h.vouch(origin, f == NoFault); err != nil {
			return err
		}
	}
	now := h.now()
	z, err := z.Sign(k, now)
	if err != nil {
		return err
	}
	switch f {
	case WrongDS, NoFault:
	case ExpiredSignature:
		z, err = z.signBetween(k, now.Add(-30*24*time.Hour), now.Add(-24*time.Hour))
	case AlteredRecord:
		err = z.alter()
	case MissingKey:
		z, err = z.signedByStranger(k, now.Add(-signedBefore), now.Add(signedFor))
	default:
		return fmt.Errorf("break %s: unknown fault %q: there are %s, %s, %s, %s and %s", origin, f, WrongDS, ExpiredSignature, AlteredRecord, MissingKey, NoFault)
	}
	if err != nil {
		return fmt.Errorf("break %s: %w", origin, err)
	}
	h.put(z)
	return nil
}

// vouch gives the zone above the right DS record for a zone, or a wrong one.
func (h *Hierarchy) vouch(origin string, right bool) error {
	zones := map[string]*Zone{}
	for _, z := range h.Zones() {
		zones[z.origin] = z
	}
	up := zoneAbove(zones, origin)
	if up == nil || up.nodes[origin] == nil || up.nodes[origin].set(TypeDS) == nil {
		return fmt.Errorf("break %s: no zone above vouches for it", origin)
	}
	ds := h.keys[origin].DS()
	if !right {
		other, err := NewKeys(origin, ECDSAP256, false)
		if err != nil {
			return err
		}
		ds = other.DS()
	}
	nz, err := up.With([]Record{ds}, records(up.nodes[origin].set(TypeDS).rrs))
	if err != nil {
		return err
	}
	if nz, err = nz.Sign(h.keys[up.origin], h.now()); err != nil {
		return err
	}
	h.put(nz)
	return nil
}

// alter changes the last number of every address of a zone that is not yet
// served, and leaves the signatures as they are.
func (z *Zone) alter() error {
	done := false
	for name, n := range z.nodes {
		s := n.set(TypeA)
		if s == nil || z.cut(name) != "" {
			continue
		}
		for i, rr := range s.rrs {
			if a, ok := miekg.Copy(rr).(*miekg.A); ok {
				ip := append([]byte{}, a.A.To4()...)
				ip[3] ^= 1
				a.A = ip
				s.rrs[i], done = a, true
			}
		}
	}
	if !done {
		return fmt.Errorf("%s has no address to alter", z.origin)
	}
	return nil
}

// signedByStranger is a copy of the zone whose records are signed by a key that
// it does not publish.
func (z *Zone) signedByStranger(k *Keys, from, until time.Time) (*Zone, error) {
	other, err := NewKeys(z.origin, ECDSAP256, false)
	if err != nil {
		return nil, err
	}
	z, err = z.signBetween(&Keys{zone: k.zone, pairs: []pair{k.pairs[0], other.pairs[0]}}, from, until)
	if err != nil {
		return nil, err
	}
	s := z.nodes[z.origin].set(TypeDNSKEY)
	s.rrs = []miekg.RR{k.pairs[0].pub}
	return z, k.signSet(s, from, until)
}
