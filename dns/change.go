package dns

import "fmt"

// Change takes records out of a zone of the hierarchy and puts others in, on all
// its servers, and signs it again.
func (h *Hierarchy) Change(origin string, add, remove []Record) error {
	h.edit.Lock()
	defer h.edit.Unlock()
	z := h.Zone(origin)
	if z == nil {
		return fmt.Errorf("change %s: no such zone", canonical(origin))
	}
	z, err := z.With(add, remove)
	if err != nil {
		return fmt.Errorf("change %s: %w", canonical(origin), err)
	}
	return h.load(z)
}

// Load puts z in place of the zone of the same name, on all its servers, signed
// anew with the keys of that zone. Resolvers see it when what they keep runs out.
func (h *Hierarchy) Load(z *Zone) error {
	h.edit.Lock()
	defer h.edit.Unlock()
	return h.load(z)
}

func (h *Hierarchy) load(z *Zone) error {
	if h.Zone(z.origin) == nil {
		return fmt.Errorf("load %s: no server serves it", z.origin)
	}
	if k := h.keys[z.origin]; k != nil {
		var err error
		if z, err = z.Sign(k, h.now()); err != nil {
			return err
		}
	}
	h.put(z)
	return nil
}

// Resign makes all signatures anew. They hold for 30 days, so a hierarchy that
// runs for long needs it now and then.
func (h *Hierarchy) Resign() error {
	h.edit.Lock()
	defer h.edit.Unlock()
	for _, z := range h.Zones() {
		if err := h.load(z); err != nil {
			return err
		}
	}
	return nil
}

// DS is the records that the zone above should publish for a signed zone.
func (h *Hierarchy) DS(origin string) ([]Record, error) {
	k := h.keys[canonical(origin)]
	if k == nil {
		return nil, fmt.Errorf("%s: no such signed zone", canonical(origin))
	}
	return []Record{k.DS()}, nil
}
