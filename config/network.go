package config

import (
	"fmt"
	"net/netip"
)

// Network is a range of IP addresses.
type Network netip.Prefix

// UnmarshalText reads 192.0.2.0/24, 2001:db8::/32, or one address. Bits behind the
// length are dropped.
func (n *Network) UnmarshalText(b []byte) error {
	p, err := netip.ParsePrefix(string(b))
	if err != nil {
		a, err := netip.ParseAddr(string(b))
		if err != nil || a.Zone() != "" {
			return fmt.Errorf("%q is no network; write it as 192.0.2.0/24, 2001:db8::/32, or as one address", b)
		}
		a = a.Unmap()
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 { // ::ffff:192.0.2.0/120
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	*n = Network(p.Masked())
	return nil
}

// MarshalText writes it so that UnmarshalText reads it.
func (n Network) MarshalText() ([]byte, error) { return netip.Prefix(n).MarshalText() }

// Prefixes are networks in the standard library's type.
func Prefixes(networks []Network) []netip.Prefix {
	out := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		out[i] = netip.Prefix(n)
	}
	return out
}
