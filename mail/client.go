package mail

import "net/netip"

// ClientOf is what a client is counted by, wherever connections, failures or
// questions of one client are limited: its address, or the /64 of an IPv6 address,
// for a host can have them all (RFC 4291 §2.5.4). It is the zero Prefix without an
// address.
func ClientOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
