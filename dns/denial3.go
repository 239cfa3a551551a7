package dns

import (
	"errors"
	"fmt"

	miekg "github.com/miekg/dns"
)

// maxIterations bounds the hashing that a proof by NSEC3 may demand. A zone that
// wants more counts as not secure (RFC 9276 §3.2).
const maxIterations = 100

// errCostly is the end of a check that would cost too much.
var errCostly = errors.New("too many NSEC3 iterations")

// affordable reports whether all NSEC3 records can be computed.
func (d denial) affordable() bool {
	for _, n := range d.nsec3s {
		if n.Iterations > maxIterations || n.Hash != miekg.SHA1 {
			return false
		}
	}
	return true
}

// match3 is the NSEC3 record of a name.
func (d denial) match3(name string) *miekg.NSEC3 {
	for _, n := range d.nsec3s {
		if n.Match(name) {
			return n
		}
	}
	return nil
}

// cover3 is the NSEC3 record in whose gap the hash of name lies.
func (d denial) cover3(name string) *miekg.NSEC3 {
	for _, n := range d.nsec3s {
		if n.Cover(name) {
			return n
		}
	}
	return nil
}

// encloser3 proves the closest encloser of name (RFC 5155 §8.3): the longest
// existing name above it, and the record that covers the name one label longer.
func (d denial) encloser3(name string) (encloser string, next *miekg.NSEC3, err error) {
	longer := name
	for s := name; ; s = Parent(s) {
		if m := d.match3(s); m != nil {
			if s == name {
				return "", nil, d.fault("an NSEC3 record says that the name exists")
			}
			if bit3(m, TypeDNAME) || bit3(m, TypeNS) && !bit3(m, TypeSOA) {
				return "", nil, d.fault("the NSEC3 record comes from the wrong side of a zone cut")
			}
			if next = d.cover3(longer); next == nil {
				return "", nil, d.fault("no NSEC3 record proves that " + longer + " does not exist")
			}
			return s, next, nil
		}
		if s == "." {
			return "", nil, d.fault("no NSEC3 record shows which name above exists")
		}
		longer = s
	}
}

// check3 judges a proof by NSEC3 records.
func (d denial) check3() (int32, error) {
	if !d.affordable() {
		return insecure, nil
	}
	name := d.e.name
	if d.e.code == NameError {
		return d.noName3(name)
	}
	if n := d.match3(name); n != nil { // RFC 5155 §8.5, §8.6
		return secure, d.lacks3(n)
	}
	encloser, next, err := d.encloser3(name)
	if err != nil {
		return unchecked, err
	}
	if wild := d.match3("*." + TrimRoot(encloser)); wild != nil { // RFC 5155 §8.7
		return secure, d.lacks3(wild)
	}
	if d.e.typ == TypeDS && next.Flags&1 != 0 { // opt-out: names without key may be left out
		return insecure, nil
	}
	return unchecked, d.fault("no NSEC3 record proves that the name has no such record")
}

func (d denial) noName3(name string) (int32, error) {
	encloser, next, err := d.encloser3(name)
	if err != nil {
		return unchecked, err
	}
	wild := "*." + TrimRoot(encloser)
	if d.cover3(wild) == nil {
		return unchecked, d.fault(fmt.Sprintf("no NSEC3 record proves that there is no wildcard %s", wild))
	}
	if next.Flags&1 != 0 {
		return insecure, nil // RFC 5155 §9.2: an unsigned delegation may hide there
	}
	return secure, nil
}

// lacks3 is lacks for NSEC3.
func (d denial) lacks3(n *miekg.NSEC3) error {
	cut := bit3(n, TypeNS) && !bit3(n, TypeSOA)
	switch {
	case bit3(n, d.e.typ), bit3(n, TypeCNAME):
		return d.fault("the NSEC3 record says that there is such a record")
	case cut && d.e.typ != TypeDS, bit3(n, TypeSOA) && d.e.typ == TypeDS && d.e.name != ".":
		return d.fault("the NSEC3 record comes from the wrong side of a zone cut")
	}
	return nil
}

// noExact reports whether the proof shows that a name does not exist whose
// records were made from a wildcard with the given number of labels.
func (d denial) noExact(name string, wildcardLabels int) (bool, error) {
	if len(d.nsec3s) == 0 {
		return d.cover(name) != nil, nil
	}
	if !d.affordable() {
		return false, errCostly
	}
	return d.cover3(suffix(name, wildcardLabels+1)) != nil, nil // RFC 5155 §8.8
}

func bit3(n *miekg.NSEC3, t Type) bool {
	for _, b := range n.TypeBitMap {
		if Type(b) == t {
			return true
		}
	}
	return false
}
