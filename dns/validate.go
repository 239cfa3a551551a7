package dns

import (
	"context"
	"fmt"
	"slices"
	"time"

	miekg "github.com/miekg/dns"
)

// ChainError tells which link of the chain of trust is broken: the records of
// that name and type could not be tied to the key of the root.
type ChainError struct {
	Name   string
	Type   Type
	Zone   string // whose key or signature is at fault
	Reason string
}

// Error is the broken link in words.
func (e *ChainError) Error() string {
	what := e.Type.String()
	if e.Type == 0 {
		what = "does not exist"
	}
	return fmt.Sprintf("DNSSEC: %s %s: %s", e.Name, what, e.Reason)
}

// Verdicts of an entry. Broken chains are not kept: what is bogus leaves the
// cache, so that a repaired zone is seen at once.
const (
	unchecked int32 = iota
	secure
	insecure
)

// verdictWord names them for the view of a cache.
func verdictWord(v int32) string { return [...]string{"", "secure", "insecure"}[v] }

// validate checks what a walk found (RFC 4035 §5). It reports whether all of it
// is secure: signed, and the signatures tied to a trust anchor. Data of a zone
// that provably has no key is valid but not secure.
func (w *walk) validate(ctx context.Context, found []*entry) (bool, error) {
	all := true
	for _, e := range found {
		v, err := w.check(ctx, e)
		if err != nil {
			w.r.cache.drop(e)
			delete(w.seen, e.key)
			return false, err
		}
		all = all && v == secure
	}
	return all, nil
}

// checked reports the verdict if all entries have one.
func checked(found []*entry) (allSecure, ok bool) {
	allSecure = true
	for _, e := range found {
		v := e.verdict.Load()
		if v == unchecked {
			return false, false
		}
		allSecure = allSecure && v == secure
	}
	return allSecure, true
}

// check gives e its verdict.
func (w *walk) check(ctx context.Context, e *entry) (int32, error) {
	if v := e.verdict.Load(); v != unchecked {
		return v, nil
	}
	if w.judging[e] { // what should prove e depends on e
		return unchecked, &ChainError{e.name, e.typ, e.zone, "no signature ties it to the zone above"}
	}
	w.judging[e] = true
	defer delete(w.judging, e)
	v, err := w.judge(ctx, e)
	if err != nil {
		return unchecked, err
	}
	e.verdict.Store(v)
	return v, nil
}

func (w *walk) judge(ctx context.Context, e *entry) (int32, error) {
	if len(e.rrs) == 0 {
		return w.judgeDenial(ctx, e)
	}
	if e.typ == TypeANY || e.typ == TypeRRSIG {
		return insecure, nil // a mixture of sets, none of them asked for
	}
	if e.dname != nil { // RFC 6672 §5.3.1: the alias follows from it, by our own hand
		return w.check(ctx, e.dname)
	}
	if e.typ == TypeDNSKEY {
		return w.judgeKeys(ctx, e)
	}
	if len(e.sigs) == 0 {
		return w.judgeUnsigned(ctx, e.name, e.typ)
	}
	v, err := w.verify(ctx, e.name, e.typ, e.rrs, e.sigs)
	if err != nil || v != secure || !expandedWildcard(e) {
		return v, err
	}
	d, err := w.denial(ctx, e)
	if err != nil {
		return unchecked, err
	}
	sig, _ := e.sigs[0].(*miekg.RRSIG)
	absent, err := d.noExact(e.name, int(sig.Labels))
	switch {
	case err != nil:
		return insecure, nil
	case !absent: // RFC 4035 §5.3.4
		return unchecked, d.fault("made from a wildcard, and no record proves that the name itself does not exist")
	}
	return secure, nil
}

// verify checks one set by one of its signatures.
func (w *walk) verify(ctx context.Context, name string, t Type, rrs, sigs []miekg.RR) (int32, error) {
	sig, _ := sigs[0].(*miekg.RRSIG)
	signer := canonical(sig.SignerName)
	if !below(signer, name) || t == TypeDS && signer == name {
		return unchecked, &ChainError{name, t, signer, fmt.Sprintf("signed by %s, which has no authority over the name", signer)}
	}
	keys, v, err := w.keysOf(ctx, signer)
	if err != nil || v != secure {
		return v, err
	}
	return secure, w.signedBy(name, t, rrs, sigs, keys)
}

// The work of checking that one lookup may cause. Keys may be made so that their
// numbers are all the same, and a reply of 64 KiB holds hundreds of keys and
// signatures.
const (
	maxVerify     = 8   // signatures computed for one set
	maxSignatures = 128 // signatures computed for one lookup
	maxKeys       = 32  // keys of a zone, DS records for it, signatures over one set
	maxDenials    = 16  // NSEC or NSEC3 records looked at in one reply
)

// signedBy reports why no signature over a set verifies with one of the keys,
// nil if one does.
func (w *walk) signedBy(name string, t Type, rrs, sigs, keys []miekg.RR) error {
	if len(sigs) > maxKeys || len(keys) > maxKeys {
		return &ChainError{name, t, "", fmt.Sprintf("%d signatures and %d keys: no more than %d of each are looked at", len(sigs), len(keys), maxKeys)}
	}
	now := w.r.o.Host.Clock().Now()
	var fault *ChainError
	tries := 0
	for _, rr := range sigs {
		sig, ok := rr.(*miekg.RRSIG)
		if !ok {
			continue
		}
		fault = &ChainError{name, t, canonical(sig.SignerName), fmt.Sprintf("%s publishes no key with the number %d, which signed the record (missing key)", sig.SignerName, sig.KeyTag)}
		for _, k := range keys {
			key, ok := k.(*miekg.DNSKEY)
			if !ok || key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm || key.Flags&miekg.ZONE == 0 {
				continue
			}
			if fault.Reason = periodFault(sig, now); fault.Reason != "" {
				continue
			}
			if tries++; tries > maxVerify {
				return &ChainError{name, t, canonical(sig.SignerName), "too many keys and signatures with the same number"}
			}
			if w.verified++; w.verified > maxSignatures {
				return &ChainError{name, t, canonical(sig.SignerName), fmt.Sprintf("more than %d signatures to check for one lookup", maxSignatures)}
			}
			if sig.Verify(key, canonicalSet(rrs)) == nil {
				return nil
			}
			fault.Reason = fmt.Sprintf("the signature by key %d of %s does not fit the record: one of them was altered", sig.KeyTag, sig.SignerName)
		}
	}
	if fault == nil {
		return &ChainError{name, t, "", "no signature"}
	}
	return fault
}

func periodFault(sig *miekg.RRSIG, now time.Time) string {
	if sig.ValidityPeriod(now) {
		return ""
	}
	at := func(u uint32) string { return miekg.TimeToString(u) }
	if int32(sig.Expiration-uint32(now.Unix())) < 0 { // serial arithmetic, RFC 4034 §3.1.5
		return fmt.Sprintf("the signature of %s expired at %s (it is %s)", sig.SignerName, at(sig.Expiration), at(uint32(now.Unix())))
	}
	return fmt.Sprintf("the signature of %s holds from %s only (it is %s)", sig.SignerName, at(sig.Inception), at(uint32(now.Unix())))
}

// canonicalSet has all owners in one case, as Verify wants it.
func canonicalSet(rrs []miekg.RR) []miekg.RR {
	name := canonical(rrs[0].Header().Name)
	out := make([]miekg.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = named(rr, name)
	}
	return out
}

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

// fetch is one entry. For DS it may be an alias: then no zone begins at name.
func (w *walk) fetch(ctx context.Context, name string, t Type) (*entry, error) {
	e := w.recall(name, t)
	if e == nil {
		var err error
		if e, err = w.iterate(ctx, name, t, 1); err != nil {
			return nil, err
		}
	}
	if e.typ == TypeCNAME && t == TypeDNSKEY {
		return nil, &ChainError{name, t, name, "there is an alias in place of the key"}
	}
	return e, nil
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

func equalFold(a, b string) bool { return canonical(a) == canonical(b) }

// anchorsOf is what vouches for the keys of a zone: trust anchors or checked DS
// records.
func (w *walk) anchorsOf(ctx context.Context, zone string) ([]miekg.RR, int32, error) {
	var anchors []miekg.RR
	for _, a := range w.r.o.Anchors {
		if canonical(a.Name()) == zone {
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
	for n := 0; n <= labels(name); n++ {
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
		if n, ok := rr.(*miekg.NSEC); ok && canonical(n.Hdr.Name) == name && hasBit(n, TypeNS) {
			return true, insecure, nil
		}
		if n, ok := rr.(*miekg.NSEC3); ok && bit3(n, TypeNS) && n.Match(name) {
			return true, insecure, nil
		}
	}
	return false, secure, nil
}
