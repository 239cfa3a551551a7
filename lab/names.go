package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"glassmail/dns"
	"glassmail/server/dnsd"
	"glassmail/trace"
	"glassmail/wire"
)

// Names is the name system of the lab at work: every server of the lecture's
// hierarchy on a host of its own, port 53, and the local name server, which also
// answers at a door of the real machine.
type Names struct {
	Hierarchy *dns.Hierarchy
	Resolver  *dns.Resolver // of the local name server

	local   netip.AddrPort // in the lab
	servers []*dnsd.Server
	outside *dnsd.Server
	doors   map[string]*dnsd.Server // of the other servers, by address in the lab
}

// NamesOptions say where names are served.
type NamesOptions struct {
	Internet  *Internet
	Trace     *trace.Log
	Doors     []string              // addresses of this machine at which the local name server answers
	AllDoors  bool                  // every other server answers on this machine too, at free ports
	Addresses map[string]netip.Addr // replaced addresses of hosts
}

// NewNames puts the hierarchy on the internet. Nobody answers before Run.
func NewNames(o NamesOptions) (*Names, error) {
	h, err := dns.Lecture(dns.LectureOptions{Addresses: o.Addresses})
	if err != nil {
		return nil, fmt.Errorf("the lecture's name hierarchy: %w", err)
	}
	n := &Names{Hierarchy: h, doors: map[string]*dnsd.Server{}}
	for _, p := range h.Servers {
		name := strings.TrimSuffix(p.Name, ".")
		host, err := o.Internet.Host(name, p.Addr)
		if err != nil {
			return nil, err
		}
		n.add(host, p.Addr, p.Authority, name, o.Trace)
		if o.AllDoors {
			door := dnsd.New(host, []string{"127.0.0.1:0"}, p.Authority, dnsd.Options{Trace: o.Trace, Node: name})
			n.doors[p.Addr.String()] = door
			n.servers = append(n.servers, door)
		}
	}
	return n, n.addLocal(o)
}

// addLocal adds the local name server, which walks from the root for others.
func (n *Names) addLocal(o NamesOptions) error {
	name, addr := strings.TrimSuffix(n.Hierarchy.Local.Name, "."), n.Hierarchy.Local.Addrs[0]
	host, err := o.Internet.Host(name, addr)
	if err != nil {
		return err
	}
	n.Resolver, err = dns.NewResolver(dns.ResolverOptions{
		Host: host, Roots: n.Hierarchy.Roots, Trace: o.Trace, Node: name,
	})
	if err != nil {
		return err
	}
	everybody := func(netip.Addr) bool { return true } // nobody else can reach it
	recursive := dns.NewRecursive(n.Resolver, everybody)
	n.local = netip.AddrPortFrom(addr, 53)
	n.add(host, addr, recursive, name, o.Trace)
	if len(o.Doors) > 0 {
		n.outside = dnsd.New(host, o.Doors, recursive, dnsd.Options{Trace: o.Trace, Node: name})
		n.servers = append(n.servers, n.outside)
	}
	return nil
}

func (n *Names) add(host wire.Host, addr netip.Addr, h dns.Handler, name string, log *trace.Log) {
	at := netip.AddrPortFrom(addr, 53).String()
	n.servers = append(n.servers, dnsd.New(host, []string{at}, h, dnsd.Options{Trace: log, Node: name}))
}

// Run serves until ctx ends. ready is called once when all servers listen.
func (n *Names) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, s := range n.servers {
		wg.Go(func() {
			if err := s.Run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	for _, s := range n.servers {
		select {
		case <-s.Ready():
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil {
		ready()
	}
	<-ctx.Done()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// Doors tells where the local name server answers on this machine; valid once
// ready.
func (n *Names) Doors() []netip.AddrPort {
	if n.outside == nil {
		return nil
	}
	return n.outside.Addrs()
}

// Book tells for each name server of the lab, by "address:53", where it answers
// on this machine; valid once ready.
func (n *Names) Book() map[string]string {
	out := map[string]string{}
	for addr, s := range n.doors {
		out[addr+":53"] = s.Addr().String()
	}
	if d := n.Doors(); len(d) > 0 {
		out[n.local.String()] = d[0].String()
	}
	return out
}

// Stub asks the local name server from a host of the lab.
func (n *Names) Stub(host wire.Host, node string, log *trace.Log) (*dns.Stub, error) {
	return dns.NewStub(dns.StubOptions{Host: host, Servers: []netip.AddrPort{n.local}, Trace: log, Node: node})
}
