package dns

import (
	"fmt"
	"maps"
	"slices"
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

// FaultInfo describes a fault for those who choose one.
type FaultInfo struct {
	Fault Fault  `json:"fault"`
	Text  string `json:"text"`
}

// Faults lists what Break can do.
func Faults() []FaultInfo {
	return []FaultInfo{
		{WrongDS, "the zone above vouches for another key than the zone has"},
		{ExpiredSignature, "all signatures of the zone ended yesterday"},
		{AlteredRecord, "the addresses in the zone were changed after signing"},
		{MissingKey, "the zone does not publish the key that signed its records"},
		{NoFault, "everything is right again"},
	}
}

// Broken tells which zones have a fault, by name.
func (h *Hierarchy) Broken() map[string]Fault {
	h.edit.Lock()
	defer h.edit.Unlock()
	return maps.Clone(h.faults)
}

// Break makes a fault in a zone of a signed hierarchy in place of the one it had,
// or repairs it (NoFault). The fault stays when the zone is changed or signed
// again. Resolvers see it when what they keep has run out or was flushed.
func (h *Hierarchy) Break(origin string, f Fault) error {
	h.edit.Lock()
	defer h.edit.Unlock()
	origin = canonical(origin)
	if h.keys[origin] == nil || h.Zone(origin) == nil {
		return fmt.Errorf("break %s: no such signed zone", origin)
	}
	if !slices.ContainsFunc(Faults(), func(i FaultInfo) bool { return i.Fault == f }) {
		return fmt.Errorf("break %s: unknown fault %q: there are %s, %s, %s, %s and %s", origin, f, WrongDS, ExpiredSignature, AlteredRecord, MissingKey, NoFault)
	}
	was := h.faults[origin]
	if f == WrongDS || was == WrongDS {
		if err := h.vouch(origin, f != WrongDS); err != nil {
			return err
		}
	}
	h.setFault(origin, f)
	z, err := h.truth(origin).Edit(Edit{}) // a new serial number, so that secondaries copy it
	if err == nil {
		err = h.serve(z)
	}
	if err != nil {
		h.setFault(origin, was)
		return fmt.Errorf("break %s: %w", origin, err)
	}
	return nil
}

func (h *Hierarchy) setFault(origin string, f Fault) {
	if f == NoFault || f == "" {
		delete(h.faults, origin)
		return
	}
	h.faults[origin] = f
}

// truth is the zone without its fault.
func (h *Hierarchy) truth(origin string) *Zone {
	if z := h.intact[origin]; z != nil {
		return z
	}
	return h.Zone(origin)
}

// serve signs a zone, with its fault if it has one, and puts it on its servers.
func (h *Hierarchy) serve(z *Zone) error {
	k := h.keys[z.origin]
	if k == nil {
		h.put(z)
		return nil
	}
	now := h.now()
	good, err := z.Sign(k, now)
	if err != nil {
		return err
	}
	served := good
	switch h.faults[z.origin] {
	case ExpiredSignature:
		served, err = z.signBetween(k, now.Add(-30*24*time.Hour), now.Add(-24*time.Hour))
	case AlteredRecord:
		if served, err = z.Sign(k, now); err == nil {
			err = served.alter()
		}
	case MissingKey:
		served, err = z.signedByStranger(k, now.Add(-signedBefore), now.Add(signedFor))
	}
	if err != nil {
		return err
	}
	delete(h.intact, z.origin)
	if served != good {
		h.intact[z.origin] = good
	}
	h.put(served)
	return nil
}

// vouch gives the zone above the right DS record for a zone, or a wrong one.
func (h *Hierarchy) vouch(origin string, right bool) error {
	zones := map[string]*Zone{}
	for _, z := range h.Zones() {
		zones[z.origin] = h.truth(z.origin)
	}
	up := zoneAbove(zones, origin)
	if up == nil || up.Find(origin, TypeDS) == nil {
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
	nz, err := up.Edit(Edit{Replace: []Record{ds}})
	if err != nil {
		return err
	}
	return h.serve(nz)
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
