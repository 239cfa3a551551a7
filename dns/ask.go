package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	miekg "github.com/miekg/dns"
)

// ask sends one query and judges the reply.
func (w *walk) ask(ctx context.Context, zone string, s target, k key, nested int) (*Reply, error) {
	if w.sent++; w.sent > maxExchanges {
		return nil, errSpent
	}
	step := Step{Server: s.name, Addr: netip.AddrPortFrom(s.addr, w.r.o.Port), Zone: zone, Name: k.name, Type: k.typ, Nested: nested}
	in, err := w.exchange(ctx, step.Addr, Query{Name: k.name, Type: k.typ, Size: DefaultUDP, DNSSEC: true, ID: w.id()})
	if err == nil {
		err = in.useful(zone, k)
		step.Took, step.Bytes, step.Result = in.Took, in.Size, in.said()
	}
	if err == nil && w.heard != nil {
		w.heard(zone, s, in)
	}
	if err != nil {
		w.r.trouble(s.addr)
		step.Result = err.Error()
		err = fmt.Errorf("%s (%s): %w", s.name, s.addr, err)
	}
	w.steps = append(w.steps, step)
	return in, err
}

// exchange asks with EDNS, and without for a server that does not know it (RFC
// 6891 §7).
func (w *walk) exchange(ctx context.Context, to netip.AddrPort, q Query) (*Reply, error) {
	if w.s.FixedPort != 0 {
		w.r.port.Lock()
		defer w.r.port.Unlock()
	}
	asker := w.r.asker
	asker.Port = w.s.FixedPort
	in, err := asker.Ask(ctx, to, NewMessage(q))
	if err != nil {
		return nil, err
	}
	if c := in.m.Rcode; c == miekg.RcodeFormatError || c == miekg.RcodeNotImplemented {
		q.Size, q.DNSSEC, q.ID = 0, false, w.id()
		return asker.Ask(ctx, to, NewMessage(q))
	}
	return in, nil
}

// useful reports whether a reply brings the search further: an answer with
// authority over zone, or a referral to a zone nearer to the name.
func (r *Reply) useful(zone string, k key) error {
	code := Code(r.m.Rcode)
	if code != NoError && code != NameError {
		return fmt.Errorf("replied %s", code)
	}
	if r.m.Truncated && len(r.m.Answer) == 0 {
		return errors.New("reply truncated even over TCP")
	}
	if r.m.Authoritative {
		return r.answersName(k)
	}
	cut := r.referral()
	if cut == "" {
		return fmt.Errorf("is not an authority for %s", zone)
	}
	if cut == zone || !Below(zone, cut) || !Below(cut, k.name) || k.typ == TypeDS && cut == k.name {
		return fmt.Errorf("refers to %s, which is not nearer to %s than %s", cut, k.name, zone)
	}
	return nil
}

// answersName reports an answer section that holds nothing about the name.
func (r *Reply) answersName(k key) error {
	if len(r.m.Answer) == 0 {
		return nil
	}
	for _, rr := range r.m.Answer {
		owner := Canonical(rr.Header().Name)
		if owner == k.name || typeOf(rr) == TypeDNAME && Below(owner, k.name) {
			return nil
		}
	}
	return fmt.Errorf("answers about other names than %s", k.name)
}
