package dns

import (
	"context"
	"fmt"

	miekg "github.com/miekg/dns"
)

// denial is a checked proof that something does not exist (RFC 4035 §5.4): the
// NSEC or NSEC3 records whose signatures are good.
type denial struct {
	e      *entry
	nsecs  []*miekg.NSEC
	nsec3s []*miekg.NSEC3
}

func (d denial) fault(reason string) *ChainError {
	t := d.e.typ
	return &ChainError{d.e.name, t, d.e.zone, reason}
}

// judgeDenial checks an entry that says "no".
func (w *walk) judgeDenial(ctx context.Context, e *entry) (int32, error) {
	if !hasType(e.proof, TypeNSEC) && !hasType(e.proof, TypeNSEC3) {
		return w.judgeUnsigned(ctx, e.name, e.typ)
	}
	d, err := w.denial(ctx, e)
	if err != nil {
		return unchecked, err
	}
	switch {
	case len(d.nsec3s) > 0:
		return d.check3()
	case len(d.nsecs) == 0:
		return insecure, nil // the zone provably has no key
	}
	if e.code == NameError {
		return secure, d.noName()
	}
	return secure, d.noData()
}

// denial checks the signatures of the NSEC and NSEC3 records of e.
func (w *walk) denial(ctx context.Context, e *entry) (denial, error) {
	d := denial{e: e}
	seen := 0
	for _, rr := range e.proof {
		t := typeOf(rr)
		if t != TypeNSEC && t != TypeNSEC3 {
			continue
		}
		if seen++; seen > maxDenials {
			break
		}
		owner := Canonical(rr.Header().Name)
		rrs, sigs := pick(e.proof, owner, t)
		if len(sigs) == 0 {
			return d, d.fault(fmt.Sprintf("the %s record of %s has no signature", t, owner))
		}
		v, err := w.verify(ctx, owner, t, rrs, sigs)
		if err != nil {
			return d, err
		}
		if sig, ok := sigs[0].(*miekg.RRSIG); v != secure || !ok || !Below(Canonical(sig.SignerName), e.name) {
			continue
		}
		switch n := rr.(type) {
		case *miekg.NSEC:
			d.nsecs = append(d.nsecs, n)
		case *miekg.NSEC3:
			d.nsec3s = append(d.nsec3s, n)
		}
	}
	return d, nil
}

// noName checks that neither the name nor a wildcard in its place exists.
func (d denial) noName() error {
	n := d.cover(d.e.name)
	if n == nil {
		return d.fault("no NSEC record proves that the name does not exist")
	}
	wild := "*." + TrimRoot(encloserOf(n, d.e.name))
	if d.cover(wild) == nil {
		return d.fault("no NSEC record proves that there is no wildcard " + wild)
	}
	return nil
}

// noData checks that the name exists without the type, or that a wildcard does.
func (d denial) noData() error {
	if n := d.at(d.e.name); n != nil {
		return d.lacks(n)
	}
	n := d.cover(d.e.name)
	if n == nil {
		return d.fault("no NSEC record proves that the name has no such record")
	}
	if Below(d.e.name, Canonical(n.NextDomain)) {
		return nil // an empty non-terminal: only names below it exist
	}
	if wild := d.at("*." + TrimRoot(encloserOf(n, d.e.name))); wild != nil {
		return d.lacks(wild)
	}
	return d.fault("no NSEC record proves that the name has no such record")
}

// lacks checks that the name of n has neither the type nor an alias, and that n
// comes from the side of a zone cut that may say so.
func (d denial) lacks(n *miekg.NSEC) error {
	cut := hasBit(n, TypeNS) && !hasBit(n, TypeSOA)
	switch {
	case hasBit(n, d.e.typ), hasBit(n, TypeCNAME):
		return d.fault("the NSEC record says that there is such a record")
	case cut && d.e.typ != TypeDS, hasBit(n, TypeSOA) && d.e.typ == TypeDS && d.e.name != ".":
		return d.fault("the NSEC record comes from the wrong side of a zone cut")
	}
	return nil
}

func (d denial) at(name string) *miekg.NSEC {
	for _, n := range d.nsecs {
		if Canonical(n.Hdr.Name) == name {
			return n
		}
	}
	return nil
}

// cover is the NSEC record in whose gap name lies.
func (d denial) cover(name string) *miekg.NSEC {
	for _, n := range d.nsecs {
		owner, next := Canonical(n.Hdr.Name), Canonical(n.NextDomain)
		after := CompareNames(owner, name) < 0
		before := CompareNames(name, next) < 0 || CompareNames(next, owner) <= 0 // the last gap ends at the origin
		if !after || !before {
			continue
		}
		if Below(owner, name) && hasBit(n, TypeNS) && !hasBit(n, TypeSOA) {
			continue // below a zone cut: not for this zone to say (RFC 6840 §4.1)
		}
		if owner != name && Below(owner, name) && hasBit(n, TypeDNAME) {
			continue // another tree stands there (RFC 6672 §5.3.2)
		}
		return n
	}
	return nil
}

func hasBit(n *miekg.NSEC, t Type) bool {
	for _, b := range n.TypeBitMap {
		if Type(b) == t {
			return true
		}
	}
	return false
}

// encloserOf is the longest name above name that the gap of n shows to exist.
func encloserOf(n *miekg.NSEC, name string) string {
	best := "."
	for _, other := range [2]string{Canonical(n.Hdr.Name), Canonical(n.NextDomain)} {
		for s := Parent(name); ; s = Parent(s) {
			if Below(s, other) {
				if Labels(s) > Labels(best) {
					best = s
				}
				break
			}
		}
	}
	return best
}

// TrimRoot is name to be put behind another label.
func TrimRoot(name string) string {
	if name == "." {
		return ""
	}
	return name
}
