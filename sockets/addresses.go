package sockets

import (
	"fmt"
	"io"
	"net"
	"net/netip"
)

// announce prints where a server that listens on addr can be reached.
func announce(out io.Writer, what string, addr net.Addr) {
	fmt.Fprintf(out, "The %s server is ready on %s.\n", what, addr)
	at, err := netip.ParseAddrPort(addr.String())
	switch {
	case err != nil:
		return
	case at.Addr().IsLoopback():
		fmt.Fprintln(out, "Only programs on this machine can reach it. To let others in, listen on 0.0.0.0.")
	case at.Addr().IsUnspecified():
		for _, ip := range own() {
			fmt.Fprintf(out, "Other machines can try %s.\n", netip.AddrPortFrom(ip, at.Port()))
		}
		fmt.Fprintln(out, "A firewall on the way may still stop them.")
	}
}

// own lists the addresses that this machine has on its networks.
func own() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []netip.Addr
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().IsGlobalUnicast() {
			ips = append(ips, p.Addr())
		}
	}
	return ips
}
