package dns

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	miekg "github.com/miekg/dns"
)

// Recursion is what the Chains of one hierarchy share with the resolver that
// makes them search: whether they do, and what they asked each other. The zero
// value is ready for use.
type Recursion struct {
	on atomic.Bool

	mu   sync.Mutex
	hops map[key][]*Hop // by question; it stays the same from server to server
}

// Hop is one server asking the next in a recursive search.
type Hop struct {
	From   string         `json:"from"`   // name of the server that asks
	Server string         `json:"server"` // name of the server that is asked
	Addr   netip.AddrPort `json:"addr"`
	Result string         `json:"result"` // what came back, in words
}

// maxHops bounds what is remembered, in questions and in hops of each.
const maxHops = 64

// On reports whether the servers search for others.
func (r *Recursion) On() bool { return r.on.Load() }

// begin notes that a server asks another; end notes what came back.
func (r *Recursion) begin(k key, h Hop) (end func(result string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hops == nil || len(r.hops) >= maxHops && r.hops[k] == nil {
		r.hops = map[key][]*Hop{} // nobody asked for those
	}
	if len(r.hops[k]) >= maxHops {
		return func(string) {}
	}
	mine := &h
	r.hops[k] = append(r.hops[k], mine)
	return func(result string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		mine.Result = result
	}
}

// take is the hops of a question, which are then forgotten.
func (r *Recursion) take(k key) []Hop {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Hop
	for _, h := range r.hops[k] {
		out = append(out, *h)
	}
	delete(r.hops, k)
	return out
}

// hops is what the servers asked each other for the question just answered.
func (w *walk) hops(k key) []Hop {
	if w.s.Mode != Recurse {
		return nil
	}
	return w.r.o.Recursion.take(k)
}

// Chain is an Authority that can be made to search on: instead of naming the
// servers of a zone nearer to the name it asks them itself, and they in turn
// theirs, until the answer comes back the same way. It is the recursive search
// of the textbook; real root servers refuse to bear that load.
type Chain struct {
	authority *Authority
	client    Client
	shared    *Recursion
	addrs     func(host string) []netip.Addr
}

// NewChain wraps an authority, which searches for clients that ask for it (RD)
// while shared is on; Resolver.Switch decides that. client asks, and its Node is
// the server's name; addrs finds a server that is named without its address, for
// instance Hierarchy.Addrs.
func NewChain(a *Authority, client Client, shared *Recursion, addrs func(host string) []netip.Addr) *Chain {
	return &Chain{authority: a, client: client, shared: shared, addrs: addrs}
}

// AnswerNow answers what needs no other server.
func (c *Chain) AnswerNow(r *Request) (*Message, bool) {
	m, _ := c.authority.AnswerNow(r)
	if m == nil || !r.m.RecursionDesired || !c.shared.On() {
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
		host := Canonical(ns.Ns)
		addrs := glue(m.m.Extra, host, Parent(zone))
		if len(addrs) == 0 {
			addrs = c.addrs(host)
		}
		for _, a := range addrs {
			if in := c.ask(ctx, host, netip.AddrPortFrom(a, 53), q); in != nil {
				return r.passOn(in)
			}
		}
	}
	reply := r.NewReply(ServerFailure)
	reply.m.RecursionAvailable = true
	return reply
}

// ask asks one server; nil if it does not answer.
func (c *Chain) ask(ctx context.Context, host string, at netip.AddrPort, q Query) *Reply {
	end := c.shared.begin(key{Canonical(q.Name), q.Type}, Hop{From: c.client.Node, Server: host, Addr: at})
	q.ID = RandomID()
	in, err := c.client.Ask(ctx, at, NewMessage(q))
	if err != nil {
		end(err.Error())
		return nil
	}
	end(in.said())
	return in
}

// passOn is the reply of another server as one's own, without authority.
func (r *Request) passOn(in *Reply) *Message {
	m := r.NewReply(Code(in.m.Rcode))
	m.m.RecursionAvailable = true
	m.m.Answer, m.m.Ns = in.m.Answer, in.m.Ns
	m.m.Extra = append(m.m.Extra, slices.DeleteFunc(slices.Clone(in.m.Extra), func(rr miekg.RR) bool { return typeOf(rr) == TypeOPT })...)
	return m
}
