package dns

import (
	"fmt"
	"slices"
	"strings"

	miekg "github.com/miekg/dns"
)

// SetName names the records of one name and type.
type SetName struct {
	Name string
	Type Type
}

// Edit is a change to a zone that is made as a whole or not at all. Sets are
// dropped first, then records removed, then added.
type Edit struct {
	Drop    []SetName // sets that go; one that is not there is an error
	Remove  []Record  // records that go; one that is not there is an error
	Add     []Record  // records that come
	Replace []Record  // records that come in place of all others of their name and type
}

// Edit is a copy of the zone with the changes of e, its serial one higher (RFC
// 1982 §3.1) unless e brings an SOA record, and unsigned. What a zone must not
// hold is an error, as with NewZone. An edit that changes nothing is one too.
func (z *Zone) Edit(e Edit) (*Zone, error) {
	kept := z.rrs(false)
	serial := z.Serial()
	drop := slices.Clone(e.Drop)
	for _, r := range e.Replace {
		drop = append(drop, SetName{r.Name(), r.Type()})
	}
	for i, s := range drop {
		name := Canonical(s.Name)
		n := len(kept)
		kept = slices.DeleteFunc(kept, func(rr miekg.RR) bool { return typeOf(rr) == s.Type && rr.Header().Name == name })
		if len(kept) == n && i < len(e.Drop) {
			return nil, fmt.Errorf("zone %s: %s has no %s record", z.origin, name, s.Type)
		}
	}
	for _, r := range e.Remove {
		i := slices.IndexFunc(kept, func(rr miekg.RR) bool { return miekg.IsDuplicate(rr, r.rr) })
		if i < 0 {
			return nil, fmt.Errorf("zone %s: no record %q", z.origin, r.String())
		}
		kept = slices.Delete(kept, i, i+1)
	}
	for _, r := range slices.Concat(e.Add, e.Replace) {
		kept = append(kept, r.rr)
	}
	for i, rr := range kept {
		soa, ok := miekg.Copy(rr).(*miekg.SOA)
		if ok && soa.Serial == serial {
			soa.Serial++
			kept[i] = soa
		}
	}
	return NewZone(z.origin, records(kept))
}

// ParseRecord reads one line of master text as if it stood in the zone: names
// without a final dot belong to it, and the TTL may be left out, which gives it
// that of the SOA record.
func (z *Zone) ParseRecord(line string) (Record, error) {
	text := fmt.Sprintf("$ORIGIN %s\n$TTL %d\n%s\n", z.origin, z.soa().Hdr.Ttl, line)
	zp := miekg.NewZoneParser(strings.NewReader(text), z.origin, "")
	zp.SetIncludeAllowed(false)
	rr, ok := zp.Next()
	if err := zp.Err(); err != nil {
		return Record{}, fmt.Errorf("record %q: %w", line, err)
	}
	if !ok || empty(rr) {
		return Record{}, fmt.Errorf("record %q: no data", line)
	}
	if _, more := zp.Next(); more {
		return Record{}, fmt.Errorf("record %q: more than one record", line)
	}
	if rr, err := plain(rr); err == nil {
		return Record{rr}, nil
	}
	return Record{}, fmt.Errorf("record %q: it does not fit into a message", line)
}

// Find is the records of a name and type that the zone holds; nil if there are
// none. Wildcards and aliases are not followed.
func (z *Zone) Find(name string, t Type) []Record {
	n := z.nodes[Canonical(name)]
	if n == nil || n.set(t) == nil {
		return nil
	}
	return records(n.set(t).rrs)
}

// Unsigned is the zone's records without keys, denial records and signatures:
// those that a person edits, in the order of Records.
func (z *Zone) Unsigned() []Record { return records(z.rrs(false)) }
