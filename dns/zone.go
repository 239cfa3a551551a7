package dns

import (
	"fmt"
	"slices"
	"sync/atomic"

	miekg "github.com/miekg/dns"
)

// Zone is the data of one zone. It never changes once made, apart from the
// counters that rotate address records: With makes a changed copy.
type Zone struct {
	origin string
	nodes  map[string]*node
	order  []string // owners with authoritative data, canonical order: the NSEC chain
	signed bool
	dnames bool // somewhere a DNAME record stands
}

// node is all that a name owns. A node without sets is an empty non-terminal:
// only names below it own something (RFC 4592 §2.2.2).
type node struct {
	sets []*rrset
}

// rrset is the records of one name and type with their signatures.
type rrset struct {
	typ  Type
	rrs  []miekg.RR
	sigs []miekg.RR
	turn atomic.Uint32
}

func (n *node) set(t Type) *rrset {
	for _, s := range n.sets {
		if s.typ == t {
			return s
		}
	}
	return nil
}

// Origin is the zone's name.
func (z *Zone) Origin() string { return z.origin }

// Signed reports whether the zone carries signatures.
func (z *Zone) Signed() bool { return z.signed }

// Serial is the version of the zone, from its SOA record.
func (z *Zone) Serial() uint32 { return z.soa().Serial }

func (z *Zone) soa() *miekg.SOA {
	soa, _ := z.nodes[z.origin].set(TypeSOA).rrs[0].(*miekg.SOA)
	return soa
}

// Records is all records: the SOA first, then by owner in canonical order.
func (z *Zone) Records() []Record { return records(z.rrs(true)) }

// rrs lists the records, with or without what signing added.
func (z *Zone) rrs(signatures bool) []miekg.RR {
	owners := make([]string, 0, len(z.nodes))
	for name, n := range z.nodes {
		if len(n.sets) > 0 {
			owners = append(owners, name)
		}
	}
	slices.SortFunc(owners, CompareNames)
	out := []miekg.RR{z.soa()}
	for _, name := range owners {
		for _, s := range z.nodes[name].sets {
			if !signatures && (s.typ == TypeNSEC || s.typ == TypeDNSKEY) {
				continue
			}
			if s.typ != TypeSOA {
				out = append(out, s.rrs...)
			}
			if signatures {
				out = append(out, s.sigs...)
			}
		}
	}
	return out
}

// NewZone builds a zone from records. The errors are those of a zone that must
// not be served: no SOA or more than one, a record outside the zone, a CNAME
// beside other data (RFC 1034 §3.6.2), no NS at the origin.
func NewZone(origin string, recs []Record) (*Zone, error) {
	b := newBuilder(origin)
	for _, r := range recs {
		if err := b.add(r.rr); err != nil {
			return nil, fmt.Errorf("zone %s: %w", b.z.origin, err)
		}
	}
	z, err := b.finish()
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", b.z.origin, err)
	}
	return z, nil
}

// Bounds of building a zone. Records may come from a server elsewhere, which can
// choose them so that they cost the most.
const (
	maxCompared = 50_000_000 // steps of looking for a set and for a record in it
	maxNames    = 2_000_000  // with those that own nothing but have names below
)

// builder collects records into a zone.
type builder struct {
	z        *Zone
	last     string // owner of the record added last
	sigs     []*miekg.RRSIG
	compared int // of maxCompared
}

func newBuilder(origin string) *builder {
	return &builder{z: &Zone{origin: Canonical(origin), nodes: map[string]*node{}}}
}

func (b *builder) add(rr miekg.RR) error {
	h := rr.Header()
	if h.Class != miekg.ClassINET {
		return fmt.Errorf("%s: class %s: only IN is served", h.Name, miekg.Class(h.Class))
	}
	owner := Canonical(h.Name)
	b.last = owner
	if !Below(b.z.origin, owner) {
		return fmt.Errorf("%s %s: not at or below %s; is a final dot missing or too many", h.Name, typeOf(rr), b.z.origin)
	}
	if h.Name != owner {
		rr = miekg.Copy(rr)
		rr.Header().Name = owner
	}
	if sig, ok := rr.(*miekg.RRSIG); ok {
		b.sigs = append(b.sigs, sig)
		return nil
	}
	return b.put(owner, rr)
}

// put adds rr to its set; a duplicate is dropped (RFC 2181 §5), and a set has one
// TTL, the smallest (§5.2).
func (b *builder) put(owner string, rr miekg.RR) error {
	n := b.z.nodes[owner]
	if n == nil {
		n = &node{}
		b.z.nodes[owner] = n
	}
	s := n.set(typeOf(rr))
	if b.compared += len(n.sets); s != nil {
		b.compared += len(s.rrs)
	}
	if b.compared > maxCompared {
		return fmt.Errorf("%s %s: the zone has too many records of one name and type", owner, typeOf(rr))
	}
	if s == nil {
		s = &rrset{typ: typeOf(rr)}
		n.sets = append(n.sets, s)
	}
	if s.typ == TypeSOA && len(s.rrs) > 0 {
		return fmt.Errorf("%s: a second SOA record", owner)
	}
	for _, have := range s.rrs {
		if miekg.IsDuplicate(have, rr) {
			return nil
		}
	}
	s.rrs = append(s.rrs, rr)
	least := rr.Header().Ttl
	for _, x := range s.rrs {
		least = min(least, x.Header().Ttl)
	}
	for i, x := range s.rrs {
		if x.Header().Ttl != least {
			s.rrs[i] = miekg.Copy(x)
			s.rrs[i].Header().Ttl = least
		}
	}
	return nil
}

// finish checks the zone as a whole and links what queries need.
func (b *builder) finish() (*Zone, error) {
	z := b.z
	apex := z.nodes[z.origin]
	if apex == nil || apex.set(TypeSOA) == nil {
		return nil, fmt.Errorf("no SOA record at %s", z.origin)
	}
	if apex.set(TypeNS) == nil {
		return nil, fmt.Errorf("no NS record at %s: a zone names its servers", z.origin)
	}
	for _, n := range z.nodes {
		z.dnames = z.dnames || n.set(TypeDNAME) != nil
	}
	for name, n := range z.nodes {
		if err := z.checkNode(name, n); err != nil {
			return nil, err
		}
	}
	for _, sig := range b.sigs {
		s := z.nodes[sig.Hdr.Name]
		if s == nil || s.set(Type(sig.TypeCovered)) == nil {
			return nil, fmt.Errorf("%s: a signature over %s records that are not there", sig.Hdr.Name, Type(sig.TypeCovered))
		}
		set := s.set(Type(sig.TypeCovered))
		set.sigs = append(set.sigs, sig)
	}
	if err := z.addNonTerminals(maxNames); err != nil {
		return nil, err
	}
	z.link()
	return z, nil
}

// ownerError is a fault in what a name owns.
type ownerError struct{ name, text string }

func (e *ownerError) Error() string { return e.name + ": " + e.text }

func (z *Zone) checkNode(name string, n *node) error {
	fault := func(format string, args ...any) error { return &ownerError{name, fmt.Sprintf(format, args...)} }
	c := n.set(TypeCNAME)
	if c != nil && len(c.rrs) > 1 {
		return fault("%d CNAME records: a name has one other name", len(c.rrs))
	}
	for _, s := range n.sets {
		if c != nil && s.typ != TypeCNAME && s.typ != TypeNSEC {
			return fault("a CNAME beside %s: a name with a CNAME has nothing else (RFC 1034 §3.6.2)", s.typ)
		}
		if s.typ == TypeSOA && name != z.origin {
			return fault("SOA inside the zone %s", z.origin)
		}
	}
	if text := z.checkDNAME(name, n); text != "" {
		return fault("%s", text)
	}
	return nil
}

// checkDNAME says what is wrong about DNAME records at or above a name.
func (z *Zone) checkDNAME(name string, n *node) string {
	if s := n.set(TypeDNAME); s != nil {
		if len(s.rrs) > 1 {
			return fmt.Sprintf("%d DNAME records: one tree cannot stand for two others (RFC 6672 §2.4)", len(s.rrs))
		}
		if name != z.origin && n.set(TypeNS) != nil {
			return "a DNAME beside NS: the names below belong to another zone (RFC 6672 §2.3)"
		}
	}
	if owner := z.dname(name); owner != "" && len(n.sets) > 0 {
		return fmt.Sprintf("it lies below the DNAME record of %s, which stands for all names there (RFC 6672 §2.4)", owner)
	}
	return ""
}

// addNonTerminals gives each name between an owner and the origin a node. The zone has
// at most most names then.
func (z *Zone) addNonTerminals(most int) error {
	owners := make([]string, 0, len(z.nodes))
	for name := range z.nodes {
		owners = append(owners, name)
	}
	for _, name := range owners {
		for name != z.origin {
			name = Parent(name)
			if z.nodes[name] != nil {
				break
			}
			if len(z.nodes) >= most {
				return fmt.Errorf("the zone has more than %d names, with those in between", most)
			}
			z.nodes[name] = &node{}
		}
	}
	return nil
}

// link fills order and signed.
func (z *Zone) link() {
	z.order = z.order[:0]
	for name, n := range z.nodes {
		if n.set(TypeNSEC) != nil {
			z.order = append(z.order, name)
		}
	}
	slices.SortFunc(z.order, CompareNames)
	z.signed = z.nodes[z.origin].set(TypeDNSKEY) != nil && len(z.order) > 0
}

// Cut is the delegation at or above name, "" if the zone has authority over name.
func (z *Zone) Cut(name string) string {
	found := ""
	for name != z.origin {
		if n := z.nodes[name]; n != nil && n.set(TypeNS) != nil {
			found = name
		}
		name = Parent(name)
	}
	return found
}

// With is Edit with records to add and records to remove.
func (z *Zone) With(add, remove []Record) (*Zone, error) {
	return z.Edit(Edit{Add: add, Remove: remove})
}
