package dns

import (
	"context"
	"net/netip"
	"slices"
)

// targets is the addresses of the servers of d, in the order to try. Servers
// without known address are looked up only if no other is left.
func (w *walk) targets(ctx context.Context, d *delegation, nested int) []target {
	var list []target
	var bare []string
	for i, s := range d.servers {
		if i == maxServers {
			break
		}
		addrs := s.Addrs
		if len(addrs) == 0 {
			addrs = w.addressesKnown(s.Name)
		}
		if len(addrs) == 0 {
			bare = append(bare, s.Name)
		}
		for _, a := range addrs {
			if w.r.reaches(a) {
				list = append(list, target{s.Name, a})
			}
		}
	}
	for i, name := range bare {
		if i == maxGlueless || len(list) > 0 || nested >= maxNesting {
			break
		}
		list = w.lookUpServer(ctx, name, nested+1)
	}
	w.r.order(list)
	return list
}

// lookUpServer finds the addresses of a name server that came without glue. A
// server whose address is being looked for already leads in a circle.
func (w *walk) lookUpServer(ctx context.Context, name string, nested int) []target {
	if w.lookingFor[name] {
		return nil
	}
	w.lookingFor[name] = true
	defer delete(w.lookingFor, name)
	for _, t := range [2]Type{TypeA, TypeAAAA} {
		if found, err := w.find(ctx, name, t, nested); err == nil {
			list := slices.DeleteFunc(appendAddrs(nil, name, found), func(t target) bool { return !w.r.reaches(t.addr) })
			if len(list) > 0 {
				return list
			}
		}
	}
	return nil
}

// reaches reports whether a server may be asked: where a stranger's referral leads may
// be an address that only this machine can reach.
func (r *Resolver) reaches(a netip.Addr) bool {
	return r.o.Reach.Check(netip.AddrPortFrom(a, r.o.Port)) == nil ||
		slices.ContainsFunc(r.o.Roots, func(s NameServer) bool { return slices.Contains(s.Addrs, a) })
}

func appendAddrs(list []target, name string, found []*entry) []target {
	for _, rr := range found[len(found)-1].rrs {
		if a, ok := addrOf(rr); ok {
			list = append(list, target{name, a})
		}
	}
	return list
}

// addressesKnown is the addresses of a host that are kept already.
func (w *walk) addressesKnown(name string) []netip.Addr {
	var out []netip.Addr
	for _, t := range [2]Type{TypeA, TypeAAAA} {
		if found, ok := w.known(name, t); ok {
			for _, s := range appendAddrs(nil, name, found) {
				out = append(out, s.addr)
			}
		}
	}
	return out
}
