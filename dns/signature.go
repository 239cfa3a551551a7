package dns

import (
	"context"
	"fmt"
	"time"

	miekg "github.com/miekg/dns"
)

// The work of checking that one lookup may cause. Keys may be made so that their
// numbers are all the same, and a reply of 64 KiB holds hundreds of keys and
// signatures.
const (
	maxVerify     = 8   // signatures computed for one set
	maxSignatures = 128 // signatures computed for one lookup
	maxKeys       = 32  // keys of a zone, DS records for it, signatures over one set
	maxDenials    = 16  // NSEC or NSEC3 records looked at in one reply
)

// verify checks one set by one of its signatures.
func (w *walk) verify(ctx context.Context, name string, t Type, rrs, sigs []miekg.RR) (int32, error) {
	sig, _ := sigs[0].(*miekg.RRSIG)
	signer := Canonical(sig.SignerName)
	if !Below(signer, name) || t == TypeDS && signer == name {
		return unchecked, &ChainError{name, t, signer, fmt.Sprintf("signed by %s, which has no authority over the name", signer)}
	}
	keys, v, err := w.keysOf(ctx, signer)
	if err != nil || v != secure {
		return v, err
	}
	return secure, w.signedBy(name, t, rrs, sigs, keys)
}

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
		fault = &ChainError{name, t, Canonical(sig.SignerName), fmt.Sprintf("%s publishes no key with the number %d, which signed the record (missing key)", sig.SignerName, sig.KeyTag)}
		for _, k := range keys {
			key, ok := k.(*miekg.DNSKEY)
			if !ok || key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm || key.Flags&miekg.ZONE == 0 {
				continue
			}
			if fault.Reason = periodFault(sig, now); fault.Reason != "" {
				continue
			}
			if tries++; tries > maxVerify {
				return &ChainError{name, t, Canonical(sig.SignerName), "too many keys and signatures with the same number"}
			}
			if w.verified++; w.verified > maxSignatures {
				return &ChainError{name, t, Canonical(sig.SignerName), fmt.Sprintf("more than %d signatures to check for one lookup", maxSignatures)}
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
	name := Canonical(rrs[0].Header().Name)
	out := make([]miekg.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = named(rr, name)
	}
	return out
}
