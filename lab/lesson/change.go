package lesson

import (
	"context"
	"fmt"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// Change takes records out of a zone of the hierarchy and puts others in, on all
// its servers, and signs it again.
func (h *Hierarchy) Change(origin string, add, remove []dns.Record) error {
	_, err := h.Edit(origin, dns.Edit{Add: add, Remove: remove})
	return err
}

// Edit changes a zone of the hierarchy on all its servers in one step, signs it
// again, and tells what is different; the SOA record with its new serial number
// is part of that. After an error nothing has changed.
func (h *Hierarchy) Edit(origin string, e dns.Edit) (dns.Difference, error) {
	h.edit.Lock()
	defer h.edit.Unlock()
	origin = dns.Canonical(origin)
	old := h.truth(origin)
	if old == nil {
		return dns.Difference{}, fmt.Errorf("change %s: no such zone", origin)
	}
	z, err := old.Edit(e)
	if err == nil {
		err = h.serve(z)
	}
	if err != nil {
		return dns.Difference{}, fmt.Errorf("change %s: %w", origin, err)
	}
	return dns.CompareZones(old, z), nil
}

// Load puts z in place of the zone of the same name, on all its servers, signed
// anew with the keys of that zone, and tells what is different. Resolvers see it
// when what they keep runs out.
func (h *Hierarchy) Load(z *dns.Zone) (dns.Difference, error) {
	h.edit.Lock()
	defer h.edit.Unlock()
	old := h.truth(z.Origin())
	if old == nil {
		return dns.Difference{}, fmt.Errorf("load %s: no server serves it", z.Origin())
	}
	if err := h.serve(z); err != nil {
		return dns.Difference{}, fmt.Errorf("load %s: %w", z.Origin(), err)
	}
	return dns.CompareZones(old, z), nil
}

// Resign makes all signatures anew, with serial numbers one higher, so that
// secondaries fetch them. Signatures hold for 30 days.
func (h *Hierarchy) Resign() error {
	h.edit.Lock()
	defer h.edit.Unlock()
	return h.resign()
}

func (h *Hierarchy) resign() error {
	for origin := range h.keys {
		if h.Zone(origin) == nil {
			continue
		}
		nz, err := h.truth(origin).Edit(dns.Edit{})
		if err == nil {
			err = h.serve(nz)
		}
		if err != nil {
			return fmt.Errorf("sign %s again: %w", origin, err)
		}
	}
	h.signed = h.now()
	return nil
}

// resignAfter is the age at which signatures are renewed: a third of their life
// is left, longer than anything is kept in a cache.
const resignAfter = dns.SignatureLife / 3 * 2

// ResignDue makes signatures anew if they are old, or if the clock has been set
// back to before they were made. Call it after the lab's clock has jumped; Run
// does it as time passes.
func (h *Hierarchy) ResignDue() error {
	h.edit.Lock()
	defer h.edit.Unlock()
	if age := h.now().Sub(h.signed); age >= 0 && age < resignAfter {
		return nil
	}
	return h.resign()
}

// Run renews signatures in time until ctx ends, by clock, which should be the one
// that LectureOptions.Now reads.
func (h *Hierarchy) Run(ctx context.Context, clock wire.Clock) error {
	for {
		if err := h.ResignDue(); err != nil {
			return err
		}
		h.edit.Lock()
		wait := h.signed.Add(resignAfter).Sub(h.now())
		h.edit.Unlock()
		due, stop := clock.After(max(wait, time.Second))
		select {
		case <-due:
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

// DS is the records that the zone above should publish for a signed zone.
func (h *Hierarchy) DS(origin string) ([]dns.Record, error) {
	k := h.keys[dns.Canonical(origin)]
	if k == nil {
		return nil, fmt.Errorf("%s: no such signed zone", dns.Canonical(origin))
	}
	return []dns.Record{k.DS()}, nil
}
