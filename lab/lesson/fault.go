package lesson

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"glassmail/dns"
)

// ZoneFault is a way to break the chain of trust of a zone, for a lesson.
type ZoneFault string

// The faults that Break can make.
const (
	WrongDS          ZoneFault = "wrong-ds"          // the zone above vouches for another key
	ExpiredSignature ZoneFault = "expired-signature" // all signatures ended yesterday
	AlteredRecord    ZoneFault = "altered-record"    // an address was changed after signing
	MissingKey       ZoneFault = "missing-key"       // the zone does not publish the key that signed its records
	NoFault          ZoneFault = "none"              // everything right again
)

// ZoneFaultInfo describes a fault for those who choose one.
type ZoneFaultInfo struct {
	Fault ZoneFault `json:"fault"`
	Text  string    `json:"text"`
}

// Faults lists what Break can do.
func Faults() []ZoneFaultInfo {
	return []ZoneFaultInfo{
		{WrongDS, "the zone above vouches for another key than the zone has"},
		{ExpiredSignature, "all signatures of the zone ended yesterday"},
		{AlteredRecord, "the addresses in the zone were changed after signing"},
		{MissingKey, "the zone does not publish the key that signed its records"},
		{NoFault, "everything is right again"},
	}
}

// Broken tells which zones have a fault, by name.
func (h *Hierarchy) Broken() map[string]ZoneFault {
	h.edit.Lock()
	defer h.edit.Unlock()
	return maps.Clone(h.faults)
}

// Break makes a fault in a zone of a signed hierarchy in place of the one it had,
// or repairs it (NoFault). The fault stays when the zone is changed or signed
// again. Resolvers see it when what they keep has run out or was flushed.
func (h *Hierarchy) Break(origin string, f ZoneFault) error {
	h.edit.Lock()
	defer h.edit.Unlock()
	origin = dns.Canonical(origin)
	if h.keys[origin] == nil || h.Zone(origin) == nil {
		return fmt.Errorf("break %s: no such signed zone", origin)
	}
	if !slices.ContainsFunc(Faults(), func(i ZoneFaultInfo) bool { return i.Fault == f }) {
		return fmt.Errorf("break %s: unknown fault %q: there are %s, %s, %s, %s and %s", origin, f, WrongDS, ExpiredSignature, AlteredRecord, MissingKey, NoFault)
	}
	was := h.faults[origin]
	if f == WrongDS || was == WrongDS {
		if err := h.vouch(origin, f != WrongDS); err != nil {
			return err
		}
	}
	h.setFault(origin, f)
	z, err := h.truth(origin).Edit(dns.Edit{}) // a new serial number, so that secondaries copy it
	if err == nil {
		err = h.serve(z)
	}
	if err != nil {
		h.setFault(origin, was)
		return fmt.Errorf("break %s: %w", origin, err)
	}
	return nil
}

func (h *Hierarchy) setFault(origin string, f ZoneFault) {
	if f == NoFault || f == "" {
		delete(h.faults, origin)
		return
	}
	h.faults[origin] = f
}

// truth is the zone without its fault.
func (h *Hierarchy) truth(origin string) *dns.Zone {
	if z := h.intact[origin]; z != nil {
		return z
	}
	return h.Zone(origin)
}

// serve signs a zone, with its fault if it has one, and puts it on its servers.
func (h *Hierarchy) serve(z *dns.Zone) error {
	k := h.keys[z.Origin()]
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
	switch h.faults[z.Origin()] {
	case ExpiredSignature:
		served, err = z.SignBetween(k, now.Add(-30*24*time.Hour), now.Add(-24*time.Hour))
	case AlteredRecord:
		if served, err = z.Sign(k, now); err == nil {
			served, err = alter(served)
		}
	case MissingKey:
		served, err = signedByStranger(z, good, now)
	}
	if err != nil {
		return err
	}
	delete(h.intact, z.Origin())
	if served != good {
		h.intact[z.Origin()] = good
	}
	h.put(served)
	return nil
}

// vouch gives the zone above the right DS record for a zone, or a wrong one.
func (h *Hierarchy) vouch(origin string, right bool) error {
	zones := map[string]*dns.Zone{}
	for _, z := range h.Zones() {
		zones[z.Origin()] = h.truth(z.Origin())
	}
	up := zoneAbove(zones, origin)
	if up == nil || up.Find(origin, dns.TypeDS) == nil {
		return fmt.Errorf("break %s: no zone above vouches for it", origin)
	}
	ds := h.keys[origin].DS()
	if !right {
		other, err := dns.NewKeys(origin, dns.ECDSAP256, false)
		if err != nil {
			return err
		}
		ds = other.DS()
	}
	nz, err := up.Edit(dns.Edit{Replace: []dns.Record{ds}})
	if err != nil {
		return err
	}
	return h.serve(nz)
}

// alter is a signed zone with the last number of every address changed, and the
// signatures left as they are.
func alter(z *dns.Zone) (*dns.Zone, error) {
	records, done := z.Records(), false
	for i, r := range records {
		a, ok := r.Addr()
		if !ok || !a.Is4() || z.Cut(r.Name()) != "" {
			continue
		}
		ip := a.As4()
		ip[3] ^= 1
		records[i], done = dns.AddressRecord(r.Name(), netip.AddrFrom4(ip), r.TTL()), true
	}
	if !done {
		return nil, fmt.Errorf("%s has no address to alter", z.Origin())
	}
	return dns.NewZone(z.Origin(), records)
}

// signedByStranger is a copy of the zone whose records are signed by a key that it
// does not publish: it has the keys of good, which is the zone rightly signed.
func signedByStranger(z, good *dns.Zone, now time.Time) (*dns.Zone, error) {
	other, err := dns.NewKeys(z.Origin(), dns.ECDSAP256, false)
	if err != nil {
		return nil, err
	}
	if z, err = z.Sign(other, now); err != nil {
		return nil, err
	}
	records := slices.DeleteFunc(z.Records(), ofKeys)
	for _, r := range good.Records() {
		if ofKeys(r) {
			records = append(records, r)
		}
	}
	return dns.NewZone(z.Origin(), records)
}

// ofKeys reports a key, or the signature of the keys.
func ofKeys(r dns.Record) bool {
	return r.Type() == dns.TypeDNSKEY || r.Type() == dns.TypeRRSIG && strings.HasPrefix(r.Data(), dns.TypeDNSKEY.String()+" ")
}
