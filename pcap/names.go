package pcap

import (
	"net/netip"
	"strings"

	"glassmail/trace"
)

// Bounds of what is remembered of hosts.
const (
	maxNames = 1000
	maxName  = 255 // bytes
)

// names is who has which address.
type names struct {
	written map[netip.Addr]bool
	home    map[string]netip.Addr // of nodes: the address at which they are known
}

func newNames() names {
	return names{written: map[netip.Addr]bool{}, home: map[string]netip.Addr{}}
}

// learn draws from e where its node is at home. Loopback addresses are doors, not
// homes.
func (p *Writer) learn(e *trace.Event) {
	if e.Side == 0 || e.Node == "" {
		return
	}
	if _, known := p.names.home[e.Node]; known || len(p.names.home) >= maxNames {
		return
	}
	a, err := netip.ParseAddrPort(e.Local)
	if addr := a.Addr().Unmap(); err == nil && !addr.IsLoopback() && !addr.IsUnspecified() {
		p.names.home[strings.Clone(e.Node)] = addr
		p.nameHost(addr, e.Node)
	}
}

// nameHost writes the name of an address, once.
func (p *Writer) nameHost(addr netip.Addr, name string) {
	addr = addr.Unmap()
	if !addr.IsValid() || p.names.written[addr] || len(p.names.written) >= maxNames || name == "" || len(name) > maxName || strings.ContainsRune(name, 0) {
		return
	}
	p.names.written[addr] = true
	p.nameRecord(addr.WithZone(""), name)
}

// way is the route from client to server of an event's connection: with the port
// at which the protocol is at home, and in place of a door the node's address.
// door is the server's address as it was, if that is another.
func (p *Writer) way(e *trace.Event) (r route, door string) {
	client, server := parse(e.ClientAddr(), 1), parse(e.ServerAddr(), 2)
	was := server
	addr := server.Addr()
	if home, ok := p.names.home[e.Node]; ok && e.Side == trace.Server && addr.IsLoopback() {
		addr = home
	}
	server = netip.AddrPortFrom(addr, homePort(e.Proto, server.Port()))
	if client.Addr().Is4() != server.Addr().Is4() {
		client, server = wide(client), wide(server)
	}
	if was != server {
		door = was.String()
	}
	return route{client, server}, door
}

// parse reads an address; one that is none becomes one of the addresses for
// documentation (RFC 5737).
func parse(s string, number byte) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, number}), 1024)
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// wide is an address as one of IPv6.
func wide(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// homePort is the port by which dissectors know what is spoken. Ports of implicit
// TLS become those of the same protocol in clear; submission is known by how its
// port ends: 587 itself, or a lab's 2587 and 2588.
func homePort(proto trace.Protocol, port uint16) uint16 {
	switch {
	case proto == trace.IMAP:
		return 143
	case proto == trace.DNS:
		return 53
	case port == 465 || port%100 == 87 || port%100 == 88:
		return 587
	}
	return 25
}
