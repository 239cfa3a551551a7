package dns

import (
	"context"
	"fmt"

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
