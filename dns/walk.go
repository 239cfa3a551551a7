package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"glassmail/trace"

	miekg "github.com/miekg/dns"
)

// walk is one lookup on its way from the root to the answer.
type walk struct {
	r     *Resolver
	s     *Switches
	sent  int               // queries so far
	cause uint64            // number of the event of the query that is answered
	seen  map[key]*entry    // what this walk learned, TTL 0 included
	asked map[question]bool // queries that failed and would fail again
	steps []Step

	verified   int             // signatures computed so far
	secure     bool            // all that was found is tied to a trust anchor
	judging    map[*entry]bool // entries whose signatures are being checked
	lookingFor map[string]bool // name servers whose address is being looked for

	heard func(zone string, s target, in *Reply) // sees each useful reply; may be nil
}

func newWalk(r *Resolver) *walk {
	return &walk{r: r, s: r.switches.Load(), seen: map[key]*entry{}, asked: map[question]bool{}, lookingFor: map[string]bool{}, judging: map[*entry]bool{}}
}

// question is one query to one server.
type question struct {
	server netip.Addr
	key
}

// target is a server's address with its name.
type target struct {
	name string
	addr netip.Addr
}

// Step is one exchange of a walk, or one answer from the cache.
type Step struct {
	Server string         `json:"server"` // name of the server, "cache" for the cache
	Addr   netip.AddrPort `json:"addr"`
	Zone   string         `json:"zone"` // for which the server was asked
	Name   string         `json:"name"`
	Type   Type           `json:"type"`
	Result string         `json:"result"`         // what it said, in words
	Took   time.Duration  `json:"took"`           // in nanoseconds
	Nested int            `json:"nested"`         // depth: above 0 the step looks for the address of a name server
	Bytes  int            `json:"bytes"`          // size of the reply
	Hops   []Hop          `json:"hops,omitempty"` // what the server asked in turn, in the mode "recursive"
}

// Walk finds a name with what r knows already, and returns the steps taken: for
// the picture of an iterated or recursive search. Fresh().Walk is the search with
// an empty cache.
func (r *Resolver) Walk(ctx context.Context, name string, t Type) (*Message, []Step, error) {
	w, found, err := r.walk(ctx, name, t, true)
	if w == nil {
		return nil, nil, err
	}
	if err != nil {
		return nil, w.steps, err
	}
	return w.message(name, t, found), w.steps, nil
}

// Heard is one useful reply of a walk, and who gave it.
type Heard struct {
	Zone   string // for which the server was asked
	Server string // its name
	Addr   netip.Addr
	Reply  *Reply
}

// Follow finds a name without asking the cache first whether it is known, and hands
// on each reply as it comes. Signatures are not checked.
func (r *Resolver) Follow(ctx context.Context, name string, t Type, heard func(Heard)) error {
	w := newWalk(r)
	w.heard = func(zone string, s target, in *Reply) { heard(Heard{zone, s.name, s.addr, in}) }
	_, err := w.find(ctx, Canonical(name), t, 0)
	return err
}

// find collects the entries that answer name and t: the aliases on the way, then
// the records or the knowledge that there are none.
func (w *walk) find(ctx context.Context, name string, t Type, nested int) ([]*entry, error) {
	var chain []*entry
	for range maxAliases {
		e := w.recall(name, t)
		if e == nil {
			var err error
			if e, err = w.iterate(ctx, name, t, nested); err != nil {
				return nil, err
			}
		}
		chain = append(chain, e)
		if e.typ != TypeCNAME || t == TypeCNAME {
			return chain, nil
		}
		name = Canonical(targetOf(e.rrs[0]))
	}
	return nil, fmt.Errorf("%s: more than %d aliases behind each other", name, maxAliases)
}

// known is find from what is kept, without asking anybody.
func (w *walk) known(name string, t Type) ([]*entry, bool) {
	var chain []*entry
	for range maxAliases {
		e := w.recall(name, t)
		if e == nil {
			return nil, false
		}
		chain = append(chain, e)
		if e.typ != TypeCNAME || t == TypeCNAME {
			return chain, true
		}
		name = Canonical(targetOf(e.rrs[0]))
	}
	return nil, false
}

// recall is what this walk or the cache knows of the name itself: the records
// asked for, the absence of them, or an alias.
func (w *walk) recall(name string, t Type) *entry {
	for _, k := range [3]key{{name, t}, {name, TypeCNAME}, {name, 0}} {
		if e := w.seen[k]; e != nil && (k.typ == t || len(e.rrs) > 0 || k.typ == 0) {
			return e
		}
	}
	if e := w.r.cache.get(name, t); e != nil {
		return e
	}
	if t != TypeCNAME && t != TypeANY {
		if e := w.r.cache.get(name, TypeCNAME); e != nil && len(e.rrs) > 0 {
			return e
		}
	}
	return w.recallDNAME(name)
}

// iterate asks from the nearest known servers down until one has authority.
func (w *walk) iterate(ctx context.Context, name string, t Type, nested int) (*entry, error) {
	if w.s.Mode != Iterate {
		return w.forward(ctx, name, t, nested)
	}
	d := w.start(name, t)
	shown := Labels(d.zone) + 1 // labels of the name told to the servers
	for range maxReferrals {
		ask := key{name, t}
		if w.s.Minimise && shown < Labels(name) {
			ask = key{suffix(name, shown), TypeA} // RFC 9156 §2.1
		}
		in, from, err := w.askZone(ctx, d, ask, nested)
		if err != nil {
			return nil, err
		}
		if next := w.refer(in, from, d, ask.name, nested); next != nil {
			d, shown = next, Labels(next.zone)+1
			continue
		}
		e := w.learn(in, netip.AddrPortFrom(from.addr, w.r.o.Port), d.zone, ask)
		if ask.name == name || e.code == NameError {
			return e, nil
		}
		shown++
	}
	return nil, fmt.Errorf("more than %d steps for %s", maxReferrals, name)
}

// start is where a walk begins. The servers of the zone above answer for DS.
func (w *walk) start(name string, t Type) *delegation {
	if t == TypeDS && name != "." {
		name = Parent(name)
	}
	if d := w.r.cache.closest(name); d != nil {
		return d
	}
	return &delegation{zone: ".", servers: w.r.o.Roots}
}

// askZone asks the servers of d until one gives a useful reply.
func (w *walk) askZone(ctx context.Context, d *delegation, k key, nested int) (*Reply, target, error) {
	var last error
	for range maxTries {
		list := w.targets(ctx, d, nested)
		if len(list) == 0 {
			return nil, target{}, fmt.Errorf("no address for any server of %s", d.zone)
		}
		for _, s := range list {
			q := question{s.addr, k}
			if w.asked[q] {
				continue
			}
			in, err := w.ask(ctx, d.zone, s, k, nested)
			switch {
			case err == nil:
				return in, s, nil
			case ctx.Err() != nil:
				return nil, target{}, context.Cause(ctx)
			case errors.Is(err, errSpent):
				return nil, target{}, err
			case !errors.Is(err, ErrTimeout):
				w.asked[q] = true // a second try would say the same
			}
			last = err
		}
	}
	if last == nil {
		last = errors.New("they have been asked before: their replies go round in a circle")
	}
	return nil, target{}, fmt.Errorf("the servers of %s: %w", d.zone, last)
}

// errSpent ends a lookup that costs too much.
var errSpent = fmt.Errorf("more than %d queries for one lookup", maxExchanges)

// forward asks the servers that search in our place.
func (w *walk) forward(ctx context.Context, name string, t Type, nested int) (*entry, error) {
	var last error
	for _, to := range w.upstreams() {
		if w.sent++; w.sent > maxExchanges {
			return nil, errSpent
		}
		in, err := w.exchange(ctx, to.at, Query{Name: name, Type: t, Size: DefaultUDP, DNSSEC: true, RecursionDesired: true, CheckingDisabled: w.s.Validate, ID: w.id()})
		if err == nil && in.m.Rcode != miekg.RcodeSuccess && in.m.Rcode != miekg.RcodeNameError {
			err = fmt.Errorf("ask %s: replied %s", to.at, Code(in.m.Rcode))
		}
		if err == nil && in.referral() != "" {
			err = fmt.Errorf("ask %s: it does not search for others", to.at)
		}
		if err != nil {
			last = err
			continue
		}
		w.steps = append(w.steps, Step{Server: to.name, Addr: to.at, Zone: ".", Name: name, Type: t, Result: in.said(), Took: in.Took, Nested: nested, Bytes: in.Size, Hops: w.hops(key{name, t})})
		return w.learn(in, to.at, ".", key{name, t}), nil
	}
	return nil, last
}

// note records a decision of the walk.
func (w *walk) note(kind trace.Kind, text string) {
	w.r.o.Trace.Add(trace.Event{Node: w.r.o.Node, Proto: trace.DNS, Kind: kind, Dir: trace.Self, Text: text, Cause: w.cause})
}

// cacheHit records that nobody was asked.
func (w *walk) cacheHit(name string, t Type, found []*entry) {
	last := found[len(found)-1]
	left := last.expires.Sub(w.r.o.Host.Clock().Now()).Truncate(time.Second)
	result := fmt.Sprintf("%s, %s left", last.words(), left)
	w.steps = append(w.steps, Step{Server: "cache", Zone: last.zone, Name: name, Type: t, Result: result})
	w.note(trace.CacheHit, fmt.Sprintf("%s %s is in the cache: %s", name, t, result))
}

// words is what an entry says.
func (e *entry) words() string {
	switch {
	case e.code == NameError:
		return e.name + " does not exist"
	case len(e.rrs) == 0:
		return e.name + " has no " + e.typ.String() + " record"
	}
	s := e.typ.String()
	for i, rr := range e.rrs {
		if i > 0 {
			s += ","
		}
		s += " " + Record{rr}.Data()
	}
	return s
}
