// Package lab is the lecture's internet in one process: hosts with the lecture's
// addresses and ports joined by a network of our own, the name servers of the
// lecture's hierarchy, and two mail nodes, crepes.fr and hamburger.edu.
//
// Nothing in it can reach the outside: hosts dial addresses of the lab only. The
// operating system's loopback addresses are the doors through which user agents
// come in.
package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"glassmail/wire"
)

const nic = 1 // the one network interface, on which every address of the lab stands

// Internet is a network of its own, with real TCP and UDP over IPv4 in user
// space: no privileges, any port, any address, on every operating system.
type Internet struct {
	stack *stack.Stack
	clock wire.Clock

	mu    sync.Mutex
	hosts map[netip.Addr]string // who has an address
	down  map[string]bool       // hosts that refuse connections
}

// NewInternet is an internet without hosts, on which it is clock's time.
func NewInternet(clock wire.Clock) (*Internet, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	if err := s.CreateNIC(nic, loopback.New()); err != nil {
		return nil, fmt.Errorf("lab network: %s", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	sack := tcpip.TCPSACKEnabled(true)
	if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return nil, fmt.Errorf("lab network: %s", err)
	}
	return &Internet{stack: s, clock: clock, hosts: map[netip.Addr]string{}, down: map[string]bool{}}, nil
}

// Close ends every connection of the internet.
func (n *Internet) Close() error {
	n.stack.Close()
	n.stack.Wait()
	return nil
}

// Host joins a host with the given IPv4 addresses; it dials from the first.
func (n *Internet) Host(name string, addrs ...netip.Addr) (*Host, error) {
	if len(addrs) == 0 {
		return nil, fmt.Errorf("the lab's host %s has no address", name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range addrs {
		if !a.Is4() || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() {
			return nil, fmt.Errorf("the lab's host %s: %s is not an IPv4 address that a host can have", name, a)
		}
		if who, taken := n.hosts[a]; taken {
			return nil, fmt.Errorf("the lab's host %s: %s belongs to %s already", name, a, who)
		}
	}
	for _, a := range addrs {
		p := tcpip.ProtocolAddress{
			Protocol:          ipv4.ProtocolNumber,
			AddressWithPrefix: tcpip.AddrFrom4(a.As4()).WithPrefix(),
		}
		if err := n.stack.AddProtocolAddress(nic, p, stack.AddressProperties{}); err != nil {
			return nil, fmt.Errorf("the lab's host %s: address %s: %s", name, a, err)
		}
		n.hosts[a] = name
	}
	return &Host{net: n, name: name, addrs: addrs}, nil
}

// has tells whether some host has the address.
func (n *Internet) has(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.hosts[a]
	return ok
}

// SetDown makes a host refuse all new connections to it, or serve again. It is an error if there is no such host.
func (n *Internet) SetDown(host string, down bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range n.hosts {
		if strings.EqualFold(name, host) {
			n.down[name] = down
			return nil
		}
	}
	return fmt.Errorf("the lab has no host %s", host)
}

// isDown tells whether the host with an address was taken down.
func (n *Internet) isDown(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down[n.hosts[a]]
}

// Host is one machine of the lab. Listening on a loopback address opens a door
// of the real machine instead, through which its user agents come in; dialling
// never leaves the lab.
type Host struct {
	net   *Internet
	name  string
	addrs []netip.Addr
	os    wire.OS
}

// Listen accepts TCP connections on addr.
func (h *Host) Listen(ctx context.Context, addr string) (net.Listener, error) {
	ap, outside, err := h.local(addr)
	if err != nil {
		return nil, err
	}
	if outside {
		return h.os.Listen(ctx, addr)
	}
	return gonet.ListenTCP(h.net.stack, full(ap), ipv4.ProtocolNumber)
}

// ListenPacket receives UDP datagrams on addr.
func (h *Host) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	ap, outside, err := h.local(addr)
	if err != nil {
		return nil, err
	}
	if outside {
		return h.os.ListenPacket(ctx, addr)
	}
	l := full(ap)
	return gonet.DialUDP(h.net.stack, &l, nil, ipv4.ProtocolNumber)
}

// Dial connects to another host of the lab.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("the lab dials addresses, not names: %w", err)
	}
	if !h.net.has(to.Addr()) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: no host in the lab has this address", to.Addr())}
	}
	if h.net.isDown(to.Addr()) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: connection refused: the host is down", to)}
	}
	from := full(netip.AddrPortFrom(h.addrs[0], 0))
	if network == "udp" {
		r := full(to)
		return gonet.DialUDP(h.net.stack, &from, &r, ipv4.ProtocolNumber)
	}
	return gonet.DialTCPWithBind(ctx, h.net.stack, from, full(to), ipv4.ProtocolNumber)
}

// Clock is the lab's clock.
func (h *Host) Clock() wire.Clock { return h.net.clock }

// Addr is the host's first address.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// local checks that addr is one of the host's own, or a door to the real machine.
// Without a host it is the first of its own.
func (h *Host) local(addr string) (ap netip.AddrPort, outside bool, err error) {
	if strings.HasPrefix(addr, ":") {
		addr = h.addrs[0].String() + addr
	}
	ap, err = netip.ParseAddrPort(addr)
	if err != nil {
		return ap, false, fmt.Errorf("the lab's host %s: %w", h.name, err)
	}
	if ap.Addr().IsLoopback() {
		return ap, true, nil
	}
	for _, a := range h.addrs {
		if a == ap.Addr() {
			return ap, false, nil
		}
	}
	return ap, false, fmt.Errorf("the lab's host %s does not have the address %s", h.name, ap.Addr())
}

func full(ap netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom4(ap.Addr().As4()), Port: ap.Port()}
}
