package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"glassmail/trace"
	"glassmail/wire"

	miekg "github.com/miekg/dns"
)

// StubOptions configures a Stub. Host and Servers are required.
type StubOptions struct {
	Host    wire.Host
	Servers []netip.AddrPort // recursive servers, asked in this order
	Trace   *trace.Log
	Node    string
	Timeout time.Duration // for one exchange; 0 is 2 seconds
	Entries int           // answers kept; 0 is 10,000
}

// Stub lets a recursive server do the search (RFC 1034 §5.3.1) and keeps the
// answers for their TTL. It is safe for concurrent use.
type Stub struct {
	o     StubOptions
	cache *Cache
	asker Client
}

// NewStub makes a Stub. It asks nobody until the first lookup.
func NewStub(o StubOptions) (*Stub, error) {
	if o.Host == nil {
		return nil, errors.New("stub resolver: no host")
	}
	if len(o.Servers) == 0 {
		return nil, errors.New("stub resolver: no server to ask")
	}
	if o.Entries <= 0 {
		o.Entries = 10_000
	}
	return &Stub{
		o: o, cache: NewCache(o.Host.Clock(), o.Entries),
		asker: Client{Host: o.Host, Trace: o.Trace, Node: o.Node, Timeout: o.Timeout},
	}, nil
}

// Cache is where the answers are kept.
func (s *Stub) Cache() *Cache { return s.cache }

// Resolve asks the servers in order, twice if need be, until one replies with an
// answer or with "there is none".
func (s *Stub) Resolve(ctx context.Context, name string, t Type) (*Message, error) {
	name, err := Name(name)
	if err != nil {
		return nil, err
	}
	name = Canonical(name)
	if e := s.cache.get(name, t); e != nil {
		return s.fromCache(ctx, name, t, e), nil
	}
	var last error
	for range maxTries {
		for _, to := range s.o.Servers {
			q := Query{Name: name, Type: t, RecursionDesired: true, Size: DefaultUDP, ID: RandomID()}
			in, err := s.asker.Ask(ctx, to, NewMessage(q))
			if err == nil {
				if err = s.keep(in, to, key{name, t}); err == nil {
					return in.Message, nil
				}
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("resolve %s %s: %w", name, t, err)
			}
			last = err
		}
	}
	return nil, fmt.Errorf("resolve %s %s: %w", name, t, last)
}

// keep stores a finished answer under the question: a chain of aliases as a whole
// for the shortest of its TTLs.
func (s *Stub) keep(in *Reply, from netip.AddrPort, k key) error {
	code := Code(in.m.Rcode)
	if code != NoError && code != NameError {
		return fmt.Errorf("ask %s: replied %s", from, code)
	}
	if !in.m.RecursionAvailable && len(in.m.Answer) == 0 && !in.m.Authoritative {
		return fmt.Errorf("ask %s: it does not search for others (RA is not set)", from)
	}
	e := &entry{key: k, code: code, rrs: in.m.Answer, zone: ".", from: from}
	ttl := ttlOf(in.m.Answer)
	if !hasType(in.m.Answer, k.typ) {
		soa := soaOf(in.m.Ns, ".", lastAlias(in.m.Answer, k.name))
		if len(soa) == 0 {
			return nil
		}
		x, _ := soa[0].(*miekg.SOA)
		e.proof = soa
		ttl = min(ttl, ttlOf(soa), time.Duration(x.Minttl)*time.Second)
	}
	s.cache.put(e, ttl)
	return nil
}

func hasType(rrs []miekg.RR, t Type) bool {
	for _, rr := range rrs {
		if typeOf(rr) == t {
			return true
		}
	}
	return false
}

// lastAlias follows the CNAME records of an answer from name.
func lastAlias(answer []miekg.RR, name string) string {
	for range maxAliases {
		c, _ := pick(answer, name, TypeCNAME)
		if len(c) == 0 {
			break
		}
		name = Canonical(targetOf(c[0]))
	}
	return name
}

func (s *Stub) fromCache(ctx context.Context, name string, t Type, e *entry) *Message {
	m := NewMessage(Query{Name: name, Type: t, RecursionDesired: true})
	m.m.Response, m.m.RecursionAvailable, m.m.Rcode = true, true, int(e.code)
	left := e.expires.Sub(s.o.Host.Clock().Now())
	m.m.Answer = aged(nil, e.rrs, left)
	m.m.Ns = aged(nil, e.proof, left)
	s.o.Trace.Add(trace.Event{Node: s.o.Node, Proto: trace.DNS, Kind: trace.CacheHit, Dir: trace.Self,
		Journey: trace.JourneyOf(ctx), Cause: trace.CauseOf(ctx), Text: fmt.Sprintf("%s %s is in the cache for another %s", name, t, left.Truncate(time.Second))})
	return m
}

// LookupMX is Resolver.LookupMX.
func (s *Stub) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return lookupMX(ctx, s.Resolve, name)
}

// LookupNetIP is Resolver.LookupNetIP.
func (s *Stub) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return lookupNetIP(ctx, s.Resolve, network, host)
}

// LookupTXT is Resolver.LookupTXT.
func (s *Stub) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return lookupTXT(ctx, s.Resolve, name)
}

// LookupAddr is Resolver.LookupAddr.
func (s *Stub) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return lookupAddr(ctx, s.Resolve, addr)
}
