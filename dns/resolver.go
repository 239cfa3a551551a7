package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// The work that one lookup may cause, whatever the servers say. It includes the
// lookups of name servers' own addresses.
const (
	maxExchanges = 64               // queries sent
	maxReferrals = 20               // referrals followed for one name
	maxNesting   = 4                // lookups of a server's address inside each other
	maxGlueless  = 3                // servers without address that are looked up per zone
	maxServers   = 13               // servers of a zone that are considered
	maxTries     = 2                // rounds over a zone's servers
	maxLookup    = 20 * time.Second // in all
)

// ResolverOptions configures a Resolver. Host and Roots are required.
type ResolverOptions struct {
	Host  wire.Host
	Roots []NameServer // root hints
	Trace *trace.Log
	Node  string // name under which events appear

	Cache     *Cache           // nil makes one of 50,000 entries
	Port      uint16           // where name servers listen; 0 is 53
	Timeout   time.Duration    // for one exchange; 0 is 2 seconds
	Minimise  bool             // tell each server no more of the name than it needs (RFC 9156)
	ForwardTo []netip.AddrPort // recursive servers that search in our place: the mode "forward"
	Anchors   []Record         // DNSKEY or DS records of the root: signatures are checked; none: they are not
	Recursion *Recursion       // what the servers of the mode "recursive" share; nil leaves that mode out

	// Reach is to which addresses of name servers it goes that a referral names. nil:
	// to all, as in a lab. Those of Roots and ForwardTo are not judged.
	Reach *wire.Reach

	// Lab says that the resolver sees nothing but a lab. Only then may these be
	// set, for lessons: each makes forged replies easier.
	Lab       bool
	FixedPort uint16 // local port of all queries
	IDBits    int    // width of query ids in bits, 1 to 16; 0 is 16
}

// Resolver finds names by asking servers from the root down (RFC 1034 §5.3.3).
// It is safe for concurrent use and runs nothing between lookups.
type Resolver struct {
	o     ResolverOptions
	cache *Cache
	asker Client

	switches atomic.Pointer[Switches] // replaced, never changed
	replies  atomic.Pointer[cached]

	port sync.Mutex // held by an exchange from the fixed port

	mu       sync.Mutex
	flight   map[key]chan struct{}    // lookups under way
	troubled map[netip.Addr]time.Time // servers that did not answer, until when they are asked last
}

// NewResolver makes a Resolver. It asks nobody until the first lookup.
func NewResolver(o ResolverOptions) (*Resolver, error) {
	if o.Host == nil {
		return nil, errors.New("resolver: no host")
	}
	if len(o.Roots) == 0 && len(o.ForwardTo) == 0 {
		return nil, errors.New("resolver: no root hints and no server to forward to")
	}
	if o.Port == 0 {
		o.Port = 53
	}
	if o.Cache == nil {
		o.Cache = NewCache(o.Host.Clock(), 0)
	}
	r := makeResolver(o)
	return r, r.Switch(o.start())
}

func makeResolver(o ResolverOptions) *Resolver {
	return &Resolver{
		o: o, cache: o.Cache,
		asker:    Client{Host: o.Host, Trace: o.Trace, Node: o.Node, Timeout: o.Timeout},
		flight:   map[key]chan struct{}{},
		troubled: map[netip.Addr]time.Time{},
	}
}

// Cache is where the resolver keeps what it learned.
func (r *Resolver) Cache() *Cache { return r.cache }

// Resolve finds the records of a name and type, following aliases, and returns
// them as the reply of a recursive server: code, answer, and for a negative
// answer the SOA record. The error says what made the search fail.
func (r *Resolver) Resolve(ctx context.Context, name string, t Type) (*Message, error) {
	w, found, err := r.walk(ctx, name, t, true)
	if err != nil {
		return nil, err
	}
	return w.message(name, t, found), nil
}

// walk runs one lookup. check says whether a broken chain of signatures makes it
// fail; it has no meaning without trust anchors.
func (r *Resolver) walk(ctx context.Context, name string, t Type, check bool) (*walk, []*entry, error) {
	name, err := Name(name)
	if err != nil {
		return nil, nil, err
	}
	name = Canonical(name)
	w := newWalk(r)
	w.cause = trace.CauseOf(ctx)
	if found, ok := w.ready(name, t, check); ok {
		w.cacheHit(name, t, found)
		return w, found, nil
	}
	ctx, stop := Within(ctx, r.o.Host.Clock(), maxLookup)
	defer stop()
	land, err := r.take(ctx, key{name, t})
	if err != nil {
		return nil, nil, err
	}
	defer land()
	found, err := w.find(ctx, name, t, 0)
	if err == nil && check && w.s.Validate {
		w.secure, err = w.validate(ctx, found)
	}
	if err != nil {
		return w, nil, fmt.Errorf("resolve %s %s: %w", name, t, err)
	}
	return w, found, nil
}

// ready is what is known without asking anybody, if it need not be checked or
// has been.
func (w *walk) ready(name string, t Type, check bool) ([]*entry, bool) {
	found, ok := w.known(name, t)
	if ok && check && w.s.Validate {
		w.secure, ok = checked(found)
	}
	return found, ok
}

// take waits until no other lookup of k is under way, so that many askers of one
// name cost one walk, then holds k until land is called.
func (r *Resolver) take(ctx context.Context, k key) (land func(), err error) {
	for {
		r.mu.Lock()
		other, busy := r.flight[k]
		if !busy {
			mine := make(chan struct{})
			r.flight[k] = mine
			r.mu.Unlock()
			return func() {
				r.mu.Lock()
				delete(r.flight, k)
				r.mu.Unlock()
				close(mine)
			}, nil
		}
		r.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// trouble notes that a server did not answer; the next lookups ask it last.
func (r *Resolver) trouble(a netip.Addr) {
	const remember = 1024
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.troubled) >= remember {
		clear(r.troubled)
	}
	r.troubled[a] = r.o.Host.Clock().Now().Add(30 * time.Second)
}

// order mixes addresses and puts those in trouble last, IPv4 before IPv6.
func (r *Resolver) order(list []target) {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	now := r.o.Host.Clock().Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	rank := func(t target) int {
		n := 0
		if r.troubled[t.addr].After(now) {
			n += 2
		}
		if t.addr.Is6() {
			n++
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b target) int { return rank(a) - rank(b) })
}

// id is a query id.
func (w *walk) id() uint16 { return RandomID() & (1<<w.s.IDBits - 1) }
