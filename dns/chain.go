package dns

import (
	"context"
	"net/netip"

	miekg "github.com/miekg/dns"
)

// Chain is an Authority that can be made to search on: instead of naming the
// servers of a zone nearer to the name it asks them itself, and they in turn
// theirs, until the answer comes back the same way. It is the recursive search
// of the textbook; real root servers refuse to bear that load.
type Chain struct {
	*Authority
	client Client
	on     func() bool
	addrs  func(host string) []netip.Addr
}

// NewChain wraps an authority. on tells whether to search for clients that ask
// for it (RD); addrs finds a server that is named without its address, for
// instance Hierarchy.Addrs.
func NewChain(a *Authority, client Client, on func() bool, addrs func(host string) []netip.Addr) *Chain {
	return &Chain{Authority: a, client: client, on: on, addrs: addrs}
}

// AnswerNow answers what needs no other server.
func (c *Chain) AnswerNow(r *Request) (*Message, bool) {
	m, _ := c.Authority.AnswerNow(r)
	if m == nil || !r.m.RecursionDesired || !c.on() {
		return m, true
	}
	m.m.RecursionAvailable = true
	return m, m.referral() == ""
}

// Answer asks the servers of the zone nearer to the name, in their order.
func (c *Chain) Answer(ctx context.Context, r *Request) *Message {
	m, ok := c.AnswerNow(r)
	if ok {
		return m
	}
	zone := m.referral()
	_, _, do, edns := r.EDNS()
	q := Query{Name: r.m.Question[0].Name, Type: Type(r.m.Question[0].Qtype), RecursionDesired: true, CheckingDisabled: r.m.CheckingDisabled, DNSSEC: do}
	if edns {
		q.Size = DefaultUDP
	}
	for _, rr := range m.m.Ns {
		ns, ok := rr.(*miekg.NS)
		if !ok {
			continue
		}
		host := canonical(ns.Ns)
		addrs := glue(m.m.Extra, host, parent(zone))
		if len(addrs) == 0 {
			addrs = c.addrs(host)
		}
		for _, a := range addrs {
			q.ID = randomID()
			if in, err := c.client.Ask(ctx, netip.AddrPortFrom(a, 53), NewMessage(q)); err == nil {
				return r.passOn(in)
			}
		}
	}
	reply := r.NewReply(ServerFailure)
	reply.m.RecursionAvailable = true
	return reply
}

// passOn is the reply of another server as one's own, without authority.
func (r *Request) passOn(in *Reply) *Message {
	m := r.NewReply(Code(in.m.Rcode))
	m.m.RecursionAvailable = true
	m.m.Answer, m.m.Ns = in.m.Answer, in.m.Ns
	for _, rr := range in.m.Extra {
		if typeOf(rr) != TypeOPT {
			m.m.Extra = append(m.m.Extra, rr)
		}
	}
	return m
}
