package dns

import (
	"context"
	"fmt"
	"slices"

	miekg "github.com/miekg/dns"
)

// keysOf is the keys of a zone, tied to a trust anchor; insecure if the zone
// provably has none.
func (w *walk) keysOf(ctx context.Context, zone string) ([]miekg.RR, int32, error) {
	e, err := w.fetch(ctx, zone, TypeDNSKEY)
	if err != nil {
		return nil, unchecked, fmt.Errorf("the keys of %s: %w", zone, err)
	}
	if len(e.rrs) == 0 {
		if v, err := w.trusted(ctx, zone); err != nil || v == insecure {
			return nil, v, err
		}
		return nil, unchecked, &ChainError{zone, TypeDNSKEY, zone, "the zone above vouches for a key, but " + zone + " publishes none (missing key)"}
	}
	v, err := w.check(ctx, e)
	if err != nil {
		w.r.cache.drop(e)
		delete(w.seen, e.key)
	}
	return e.rrs, v, err
}

// judgeKeys ties the DNSKEY set of a zone to the trust anchor or to the DS record
// in the zone above (RFC 4035 §5.2).
func (w *walk) judgeKeys(ctx context.Context, e *entry) (int32, error) {
	anchors, v, err := w.anchorsOf(ctx, e.name)
	if err != nil || v != secure {
		return v, err
	}
	if len(e.rrs) > maxKeys || len(anchors) > maxKeys {
		return unchecked, &ChainError{e.name, TypeDNSKEY, e.name, fmt.Sprintf("%d keys and %d DS records: no more than %d of each are looked at", len(e.rrs), len(anchors), maxKeys)}
	}
	var vouched []miekg.RR
	for _, rr := range e.rrs {
		if key, ok := rr.(*miekg.DNSKEY); ok && slices.ContainsFunc(anchors, func(a miekg.RR) bool { return vouches(a, key) }) {
			vouched = append(vouched, rr)
		}
	}
	if len(vouched) == 0 {
		where := "the trust anchor"
		if e.name != "." {
			where = "the DS record in the zone above"
		}
		return unchecked, &ChainError{e.name, TypeDNSKEY, e.name, fmt.Sprintf("%s fits none of the keys that %s publishes (wrong DS)", where, e.name)}
	}
	return secure, w.signedBy(e.name, TypeDNSKEY, e.rrs, e.sigs, vouched)
}

// vouches reports whether a DS record or a trust anchor stands for key.
func vouches(anchor miekg.RR, key *miekg.DNSKEY) bool {
	switch a := anchor.(type) {
	case *miekg.DS:
		ds := key.ToDS(a.DigestType)
		return ds != nil && a.KeyTag == ds.KeyTag && a.Algorithm == ds.Algorithm && equalFold(a.Digest, ds.Digest)
	case *miekg.DNSKEY:
		return a.Algorithm == key.Algorithm && a.PublicKey == key.PublicKey
	}
	return false
}

func equalFold(a, b string) bool { return Canonical(a) == Canonical(b) }

// anchorsOf is what vouches for the keys of a zone: trust anchors or checked DS
// records.
func (w *walk) anchorsOf(ctx context.Context, zone string) ([]miekg.RR, int32, error) {
	var anchors []miekg.RR
	for _, a := range w.r.o.Anchors {
		if Canonical(a.Name()) == zone {
			anchors = append(anchors, a.rr)
		}
	}
	if len(anchors) > 0 {
		return anchors, secure, nil
	}
	if zone == "." {
		return nil, insecure, nil
	}
	ds, err := w.fetch(ctx, zone, TypeDS)
	if err != nil {
		return nil, unchecked, fmt.Errorf("the DS record of %s: %w", zone, err)
	}
	v, err := w.check(ctx, ds)
	if err != nil {
		w.r.cache.drop(ds)
		delete(w.seen, ds.key)
		return nil, unchecked, err
	}
	if ds.typ == TypeCNAME {
		return nil, unchecked, &ChainError{zone, TypeDS, zone, "there is an alias where a zone should begin"}
	}
	if len(ds.rrs) == 0 || !usable(ds.rrs) { // RFC 4035 §5.2, last paragraphs
		return nil, insecure, nil
	}
	return ds.rrs, v, nil
}

// usable reports whether one of the DS records has an algorithm and a digest
// that can be checked here.
func usable(ds []miekg.RR) bool {
	for _, rr := range ds {
		d, ok := rr.(*miekg.DS)
		if !ok || d.DigestType != miekg.SHA256 && d.DigestType != miekg.SHA384 && d.DigestType != miekg.SHA1 {
			continue
		}
		switch d.Algorithm {
		case miekg.RSASHA1, miekg.RSASHA1NSEC3SHA1, miekg.RSASHA256, miekg.RSASHA512, miekg.ECDSAP256SHA256, miekg.ECDSAP384SHA384, miekg.ED25519:
			return true
		}
	}
	return false
}

// trusted reports whether a zone cut at name is inside the chain of trust: a DS
// record vouches for it, or there is none, proven.
func (w *walk) trusted(ctx context.Context, zone string) (int32, error) {
	_, v, err := w.anchorsOf(ctx, zone)
	return v, err
}

// judgeUnsigned decides about data without signature: somewhere between the root
// and the name there must be a zone that provably has no key.
func (w *walk) judgeUnsigned(ctx context.Context, name string, t Type) (int32, error) {
	zone := "."
	for n := 0; n <= Labels(name); n++ {
		cut := suffix(name, n)
		if t == TypeDS && cut == name {
			break // the zone above owns DS
		}
		isCut, v, err := w.cutAt(ctx, cut)
		if err != nil || isCut && v == insecure {
			return v, err
		}
		if isCut {
			zone = cut
		}
	}
	return unchecked, &ChainError{name, t, zone, fmt.Sprintf("%s is signed, but the record has no signature", zone)}
}

// cutAt reports whether a zone begins at name, and whether it is in the chain.
func (w *walk) cutAt(ctx context.Context, name string) (isCut bool, v int32, err error) {
	if name == "." {
		v, err := w.trusted(ctx, name)
		return true, v, err
	}
	ds, err := w.fetch(ctx, name, TypeDS)
	if err != nil {
		return false, unchecked, fmt.Errorf("the DS record of %s: %w", name, err)
	}
	if ds.typ == TypeCNAME {
		return false, secure, nil
	}
	if len(ds.rrs) > 0 {
		v, err := w.trusted(ctx, name)
		return true, v, err
	}
	v, err = w.check(ctx, ds)
	if err != nil || v == insecure {
		return true, v, err
	}
	for _, rr := range ds.proof { // proven: no DS. A zone begins here if there is an NS record
		if n, ok := rr.(*miekg.NSEC); ok && Canonical(n.Hdr.Name) == name && hasBit(n, TypeNS) {
			return true, insecure, nil
		}
		if n, ok := rr.(*miekg.NSEC3); ok && bit3(n, TypeNS) && n.Match(name) {
			return true, insecure, nil
		}
	}
	return false, secure, nil
}
