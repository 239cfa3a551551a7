package tool

import (
	"context"
	"fmt"
	"net/netip"

	"glassmail/dns"
	"glassmail/wire"
)

// trace walks from the root and prints what each server said. Addresses come
// from the root hints and from glue, so that it works inside a lab; only servers
// without glue are looked up, from the root again.
func (d *digger) trace(ctx context.Context) error {
	r, err := d.resolver(ctx)
	if err != nil {
		return fmt.Errorf("dig +trace: %w", err)
	}
	if err := r.Follow(ctx, d.o.Name, d.o.Type, d.heard); err != nil {
		return fmt.Errorf("dig +trace: %w", err)
	}
	return nil
}

// heard prints one reply of the walk.
func (d *digger) heard(h dns.Heard) {
	section := h.Reply.Answer()
	if len(section) == 0 {
		section = h.Reply.Authority()
	}
	for _, r := range section {
		t := r.Type()
		if !d.o.DNSSEC && (t == dns.TypeRRSIG || t == dns.TypeNSEC || t == dns.TypeNSEC3 || t == dns.TypeDS) && t != d.o.Type {
			continue
		}
		fmt.Fprintln(d.w, recordColumns(r))
	}
	if code := h.Reply.Header().Code; code != dns.NoError {
		fmt.Fprintf(d.w, ";; status: %s\n", code)
	}
	fmt.Fprintf(d.w, ";; Received %d bytes from %s#%d(%s) in %d ms, asked as a server of %s\n\n", h.Reply.Size, h.Addr, d.port(), h.Server, h.Reply.Took.Milliseconds(), h.Zone)
}

func (d *digger) port() uint16 {
	if d.o.Port != 0 {
		return d.o.Port
	}
	return 53
}

// resolver starts from the root hints, or from what the named server tells about
// the root.
func (d *digger) resolver(ctx context.Context) (*dns.Resolver, error) {
	roots := d.env.Roots
	var reach *wire.Reach
	if len(roots) == 0 || d.o.Server != "" {
		var err error
		if roots, err = d.askRoots(ctx); err != nil {
			return nil, err
		}
		reach = reachFrom(roots)
	}
	return dns.NewResolver(dns.ResolverOptions{Host: d.host, Roots: roots, Port: d.o.Port, Timeout: d.o.Timeout, Reach: reach})
}

// reachFrom is the rule for the internet's root. A root at a special address is
// somebody's own, and so is what it refers to.
func reachFrom(roots []dns.NameServer) *wire.Reach {
	reach := &wire.Reach{}
	for _, s := range roots {
		for _, a := range s.Addrs {
			if reach.Check(netip.AddrPortFrom(a, 53)) != nil {
				return nil
			}
		}
	}
	return reach
}

// askRoots asks a server who serves the root, and for their addresses if they
// are not in the reply.
func (d *digger) askRoots(ctx context.Context) ([]dns.NameServer, error) {
	servers, err := d.env.servers(d.o.Server, 0)
	if err != nil {
		return nil, err
	}
	stub, err := dns.NewStub(dns.StubOptions{Host: d.host, Servers: servers, Timeout: d.o.Timeout})
	if err != nil {
		return nil, err
	}
	m, err := stub.Resolve(ctx, ".", dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var roots []dns.NameServer
	for _, r := range m.Answer() {
		if r.Type() != dns.TypeNS {
			continue
		}
		name, _ := r.Target()
		s := dns.NameServer{Name: dns.Canonical(name), Addrs: m.Glue(name)}
		if len(s.Addrs) == 0 {
			s.Addrs, _ = stub.LookupNetIP(ctx, "ip4", s.Name) // one root with an address is enough
		}
		if len(s.Addrs) > 0 {
			roots = append(roots, s)
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%s does not tell the addresses of the root servers", servers[0])
	}
	return roots, nil
}
