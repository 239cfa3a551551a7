package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"glassmail/control"
	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/trace"
	"glassmail/wire"
)

// Names is the name system of the lab at work: every server of the lecture's
// hierarchy on a host of its own, port 53, and the local name server, which also
// answers at a door of the real machine.
type Names struct {
	Hierarchy *lesson.Hierarchy
	Registrar *lesson.Registrar
	Resolver  *dns.Resolver // of the local name server

	o         NamesOptions
	recursion dns.Recursion // switched by Resolver
	lesson    sync.Mutex    // held by one walk or attack at a time

	local  netip.AddrPort // in the lab
	host   *Host          // of the local name server
	hosts  []*Host        // of the servers, in the order of Hierarchy.Servers
	second netip.AddrPort // another recursive server in the lab, to which the local one may forward

	secondCache *dns.Cache
	attacker    *Host           // where forged answers lead to and floods come from
	gauges      []*lesson.Gauge // before the root servers
	servers     []*dnsd.Server
	secondaries []*dns.Secondary
	outside     *dnsd.Server
	doors       map[string]*dnsd.Server // of the other servers, by address in the lab
}

// NamesOptions say where names are served.
type NamesOptions struct {
	Internet  *Internet
	Trace     *trace.Log
	Doors     []string              // addresses of this machine at which the local name server answers
	AllDoors  bool                  // every other server answers on this machine too, at free ports
	Control   string                // file by which commands find the names; "" lets none in
	Addresses map[string]netip.Addr // replaced addresses of hosts
}

// NewNames puts the hierarchy on the internet. Nobody answers before Run.
func NewNames(o NamesOptions) (*Names, error) {
	h, err := lesson.Lecture(lesson.LectureOptions{Addresses: o.Addresses, Now: o.Internet.clock.Now})
	if err != nil {
		return nil, fmt.Errorf("the lecture's name hierarchy: %w", err)
	}
	n := &Names{Hierarchy: h, Registrar: lesson.NewRegistrar(h), o: o, doors: map[string]*dnsd.Server{}}
	for _, p := range h.Servers {
		name := strings.TrimSuffix(p.Name, ".")
		host, err := o.Internet.Host(name, p.Addr)
		if err != nil {
			return nil, err
		}
		n.hosts = append(n.hosts, host)
		if p.Primary.IsValid() {
			n.secondaries = append(n.secondaries, h.Secondary(p, host, o.Trace))
		}
		client := dns.Client{Host: host, Trace: o.Trace, Node: name}
		var chain dns.Quick = dns.NewChain(p.Authority, client, &n.recursion, h.Addrs)
		if p.Authority.Zone(".") != nil {
			gauge := lesson.NewGauge(chain, host.Clock())
			n.gauges, chain = append(n.gauges, gauge), gauge
		}
		n.add(host, p.Addr, chain, name, trace.NameServer)
		if o.AllDoors {
			door := dnsd.New(host, []string{"127.0.0.1:0"}, chain, dnsd.Options{Trace: o.Trace, Node: name})
			n.doors[p.Addr.String()] = door
			n.servers = append(n.servers, door)
		}
	}
	if err := n.addLocal(o); err != nil {
		return nil, err
	}
	if n.attacker, err = o.Internet.Host("attacker", netip.AddrFrom4([4]byte{198, 18, 66, 66})); err != nil {
		return nil, err
	}
	return n, n.addSecond(o)
}

// addLocal adds the local name server, which walks from the root for others.
func (n *Names) addLocal(o NamesOptions) error {
	name, addr := strings.TrimSuffix(n.Hierarchy.Local.Name, "."), n.Hierarchy.Local.Addrs[0]
	host, err := o.Internet.Host(name, addr)
	if err != nil {
		return err
	}
	n.host = host
	n.Resolver, err = dns.NewResolver(n.resolverOptions(host, name))
	if err != nil {
		return err
	}
	everybody := func(netip.Addr) bool { return true } // nobody else can reach it
	recursive := dns.NewRecursive(n.Resolver, everybody)
	n.local = netip.AddrPortFrom(addr, 53)
	n.add(host, addr, recursive, name, trace.LocalNameServer)
	if len(o.Doors) > 0 {
		n.outside = dnsd.New(host, o.Doors, recursive, dnsd.Options{Trace: o.Trace, Node: name, Role: trace.LocalNameServer})
		n.servers = append(n.servers, n.outside)
	}
	return nil
}

// secondName is next to dns.foo.com.
const secondName, secondAddr = "resolver.foo.com", "198.18.4.54"

// addSecond adds the recursive server that the local one asks in the mode
// "forward".
func (n *Names) addSecond(o NamesOptions) error {
	addr, err := netip.ParseAddr(secondAddr)
	if err != nil {
		return err
	}
	host, err := o.Internet.Host(secondName, addr)
	if err != nil {
		return err
	}
	ro := n.resolverOptions(host, secondName)
	ro.Recursion = nil // it iterates
	r, err := dns.NewResolver(ro)
	if err != nil {
		return err
	}
	n.secondCache = r.Cache()
	n.second = netip.AddrPortFrom(addr, 53)
	n.add(host, addr, dns.NewRecursive(r, nil), secondName, trace.LocalNameServer)
	return nil
}

// resolverOptions are those of a resolver of the lab: it checks signatures from
// the lab's root down, and lessons may switch its ways.
func (n *Names) resolverOptions(host wire.Host, node string) dns.ResolverOptions {
	return dns.ResolverOptions{
		Host: host, Roots: n.Hierarchy.Roots, Trace: n.o.Trace, Node: node,
		Anchors: n.Hierarchy.Anchors, Recursion: &n.recursion, Lab: true,
	}
}

func (n *Names) add(host wire.Host, addr netip.Addr, h dns.Handler, name string, role trace.Role) {
	at := netip.AddrPortFrom(addr, 53).String()
	o := dnsd.Options{Trace: n.o.Trace, Node: name, Role: role, PerClient: -1} // a lesson may ask much, and nobody else can
	n.servers = append(n.servers, dnsd.New(host, []string{at}, h, o))
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
	background := []func() error{func() error { return n.Hierarchy.Run(ctx, n.host.Clock()) }}
	for _, s := range n.secondaries {
		background = append(background, func() error { return s.Run(ctx) })
	}
	for _, run := range background {
		wg.Go(func() {
			if err := run(); err != nil {
				cancel(err)
			}
		})
	}
	closeControl, err := n.openControl(&wg)
	if err != nil {
		cancel(err)
	}
	if ctx.Err() == nil {
		ready()
	}
	<-ctx.Done()
	closeControl()
	wg.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// openControl lets commands in, if they are wanted.
func (n *Names) openControl(wg *sync.WaitGroup) (closeControl func(), err error) {
	if n.o.Control == "" {
		return func() {}, nil
	}
	s, err := control.Serve(n.o.Control, n.table())
	if err != nil {
		return func() {}, err
	}
	wg.Go(s.Run)
	return s.Close, nil
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
