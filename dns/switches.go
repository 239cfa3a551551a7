package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Mode is how a Resolver finds what its cache does not hold.
type Mode string

// The modes of a Resolver.
const (
	Iterate Mode = "iterative" // it asks from the root down itself
	Recurse Mode = "recursive" // it asks a root server to search on, which asks the next, and so on: the textbook's second picture
	Forward Mode = "forward"   // it asks recursive servers that do the work
)

// Modes lists the modes.
func Modes() []Mode { return []Mode{Iterate, Recurse, Forward} }

// Switches are the ways of a Resolver that can be changed while it runs. A lookup
// under way keeps those with which it began.
type Switches struct {
	Mode      Mode             `json:"mode"`
	ForwardTo []netip.AddrPort `json:"forwardTo,omitempty"` // used by the mode "forward"
	Minimise  bool             `json:"minimise"`            // tell each server no more of the name than it needs (RFC 9156)
	Validate  bool             `json:"validate"`            // check signatures from the trust anchors down

	// These two make forged replies easier and can be set inside a lab only.
	IDBits    int    `json:"idBits"`    // width of query ids, 1 to 16
	FixedPort uint16 `json:"fixedPort"` // local port of all queries; 0 is a new random one for each
}

// Switches is how the resolver works now.
func (r *Resolver) Switches() Switches {
	s := *r.switches.Load()
	s.ForwardTo = slices.Clone(s.ForwardTo)
	return s
}

// Switch changes how the resolver works from the next lookup on. What the cache
// holds stays: Flush it to see a difference. The error says which switch cannot
// be set, and then nothing has changed.
func (r *Resolver) Switch(s Switches) error {
	if s.IDBits == 0 {
		s.IDBits = 16
	}
	if err := r.allows(s); err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	s.ForwardTo = slices.Clone(s.ForwardTo)
	r.switches.Store(&s)
	r.cache.version.Add(1)
	if r.o.Recursion != nil {
		r.o.Recursion.on.Store(s.Mode == Recurse)
	}
	return nil
}

// allows reports why s cannot be had.
func (r *Resolver) allows(s Switches) error {
	switch s.Mode {
	case Iterate:
		if len(r.o.Roots) == 0 {
			return errors.New("no root hints to begin with")
		}
	case Recurse:
		if r.o.Recursion == nil || len(r.o.Roots) == 0 {
			return errors.New("recursive mode needs root servers that search for others: only a lab has them")
		}
	case Forward:
		if len(s.ForwardTo) == 0 {
			return errors.New("no server to forward to")
		}
	default:
		return fmt.Errorf("unknown mode %q: there are %v", s.Mode, Modes())
	}
	switch {
	case s.Validate && len(r.o.Anchors) == 0:
		return errors.New("signatures cannot be checked without a trust anchor")
	case s.IDBits < 1 || s.IDBits > 16:
		return fmt.Errorf("ids of %d bits: want 1 to 16", s.IDBits)
	case !r.o.Lab && (s.IDBits < 16 || s.FixedPort != 0):
		return errors.New("short ids and a fixed port invite forged replies: they can be set inside a lab only")
	}
	return nil
}

// start is the switches that options ask for.
func (o ResolverOptions) start() Switches {
	s := Switches{Mode: Iterate, ForwardTo: o.ForwardTo, Minimise: o.Minimise, Validate: len(o.Anchors) > 0, IDBits: o.IDBits, FixedPort: o.FixedPort}
	if len(o.ForwardTo) > 0 {
		s.Mode = Forward
	}
	return s
}

// Fresh is a resolver like r with an empty cache: for a cold walk that leaves
// what r knows alone. Switching one does not switch the other, but the servers of
// the recursive mode are shared.
func (r *Resolver) Fresh() *Resolver {
	o := r.o
	o.Cache = NewCache(o.Host.Clock(), r.cache.most)
	f := makeResolver(o)
	f.switches.Store(r.switches.Load())
	return f
}

// upstream is a server that searches in the resolver's place.
type upstream struct {
	name string
	at   netip.AddrPort
}

// upstreams is the servers to ask when the resolver does not iterate itself.
func (w *walk) upstreams() []upstream {
	var out []upstream
	switch w.s.Mode {
	case Forward:
		for _, a := range w.s.ForwardTo {
			out = append(out, upstream{a.String(), a})
		}
	case Recurse:
		for _, s := range w.r.o.Roots {
			for _, a := range s.Addrs {
				out = append(out, upstream{s.Name, netip.AddrPortFrom(a, w.r.o.Port)})
			}
		}
	}
	return out
}
