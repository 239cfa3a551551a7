package dns

import "net/netip"

// Inside reports whether an address belongs to the lab: it is that of a host of
// the hierarchy, or lies in a network that is set aside for documentation (RFC
// 5737 §3) or measurements (RFC 2544, RFC 6890 §2.2.2), where no real host is.
func (h *Hierarchy) Inside(a netip.Addr) bool {
	a = a.Unmap()
	for _, net := range [4]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, 0}), 15),
	} {
		if net.Contains(a) {
			return true
		}
	}
	for _, z := range h.Zones() {
		for _, rr := range z.rrs(false) {
			if have, ok := addrOf(rr); ok && have == a {
				return true
			}
		}
	}
	return false
}
