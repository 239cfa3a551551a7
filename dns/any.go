package dns

import (
	miekg "github.com/miekg/dns"
)

// lessForAny makes a reply to a question for ANY that came over UDP as short as it may
// be (RFC 8482 §4.1): one of the record sets that it has, the smallest, with its
// signatures. Anybody can ask in anybody's name over UDP, and all that a name owns is
// many times as long as the question. Over TCP, where the asker is who he says, the
// reply stays whole.
func lessForAny(q *Request, reply *miekg.Msg) {
	if q.TCP || len(q.m.Question) != 1 || q.m.Question[0].Qtype != miekg.TypeANY || len(reply.Answer) == 0 {
		return
	}
	size := map[Type]int{}
	for _, rr := range reply.Answer {
		if t := typeOf(rr); t != TypeRRSIG {
			size[t] += miekg.Len(rr)
		}
	}
	var kept Type
	for t, n := range size {
		if kept == 0 || n < size[kept] || n == size[kept] && t < kept {
			kept = t
		}
	}
	_, _, do, _ := q.EDNS()
	only := func(in []miekg.RR, keep func(miekg.RR) bool) (out []miekg.RR) { // a section may be shared
		for _, rr := range in {
			if keep(rr) {
				out = append(out, rr)
			}
		}
		return out
	}
	reply.Answer = only(reply.Answer, func(rr miekg.RR) bool {
		return setOf(rr) == kept && (do || typeOf(rr) != TypeRRSIG)
	})
	reply.Ns = nil
	reply.Extra = only(reply.Extra, func(rr miekg.RR) bool { return typeOf(rr) == TypeOPT })
}

// setOf is the type of the record set to which a record belongs: a signature goes with
// what it signs.
func setOf(rr miekg.RR) Type {
	if sig, ok := rr.(*miekg.RRSIG); ok {
		return Type(sig.TypeCovered)
	}
	return typeOf(rr)
}
