package lesson

import (
	"fmt"
	"net/netip"
	"strings"
)

// SameNetwork answers the first exercise of the lecture: is the name server in
// the same network as this machine? It works the answer out in binary: address
// AND mask of both, then compared.
func SameNetwork(machine netip.Prefix, server netip.Addr) (same bool, working string) {
	addr, server := machine.Addr().Unmap(), server.Unmap()
	if !addr.Is4() || !server.Is4() {
		same = machine.Contains(server)
		return same, fmt.Sprintf("machine %s, name server %s: IPv6, prefix of %d bits, same network: %s\n", addr, server, machine.Bits(), yesNo(same))
	}
	mask := maskOf(machine.Bits())
	a, s := and(addr, mask), and(server, mask)
	same = a == s
	var b strings.Builder
	row := func(what string, x netip.Addr) {
		fmt.Fprintf(&b, "%-22s %-15s  %s\n", what, x, binary32(x))
	}
	row("address", addr)
	row("netmask", mask)
	row("address AND netmask", a)
	b.WriteByte('\n')
	row("name server", server)
	row("netmask", mask)
	row("server AND netmask", s)
	fmt.Fprintf(&b, "\nThe two results are %s: the name server is %sin the network of this machine.\n",
		map[bool]string{true: "equal", false: "different"}[same], map[bool]string{true: "", false: "not "}[same])
	return same, b.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// maskOf is a netmask with that many ones.
func maskOf(bits int) netip.Addr {
	m := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)})
}

func and(a, b netip.Addr) netip.Addr {
	x, y := a.As4(), b.As4()
	for i := range x {
		x[i] &= y[i]
	}
	return netip.AddrFrom4(x)
}

func binary32(a netip.Addr) string {
	x := a.As4()
	return fmt.Sprintf("%08b.%08b.%08b.%08b", x[0], x[1], x[2], x[3])
}
