package dns

import (
	"slices"

	miekg "github.com/miekg/dns"
)

// delegate is a copy of the zone that names the servers of child: its NS
// records, the addresses of those below child (glue), and DS records if given.
// What the zone said about child before is replaced.
func (z *Zone) delegate(child *Zone, ds []Record) (*Zone, error) {
	var add []Record
	apex := child.nodes[child.origin]
	for _, rr := range apex.set(TypeNS).rrs {
		add = append(add, Record{rr})
		host := canonical(targetOf(rr))
		if n := child.nodes[host]; n != nil {
			for _, t := range [2]Type{TypeA, TypeAAAA} {
				if s := n.set(t); s != nil {
					add = append(add, records(s.rrs)...)
				}
			}
		}
	}
	return z.With(append(add, ds...), z.delegation(child.origin))
}

// delegation is the records that z holds about the zone child: at its name and
// below.
func (z *Zone) delegation(child string) []Record {
	rrs := slices.DeleteFunc(z.rrs(false), func(rr miekg.RR) bool { return !below(child, rr.Header().Name) })
	return records(rrs)
}
