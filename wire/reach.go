package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Reach is to which addresses a node connects when it was somebody else who named
// them: in an MX record, an address literal, a referral. What listens on a loopback
// or private address trusts those who can reach it, and a stranger cannot; through
// the node he could. The zero value is the rule for everybody; nil, for a lab whose
// network is in this process, lets all pass.
type Reach struct {
	Private  bool                      // private networks, too
	Networks []netip.Prefix            // these whatever they are, by the operator's wish
	Own      func(netip.AddrPort) bool // the node's own listeners, which are never reached; nil: it has none
}

// ErrOwn says that an address is the node's own.
var ErrOwn = errors.New("it is this server's own")

// Check decides about one address. The error says in a few words what is against
// it, and is ErrOwn for a listener of the node (RFC 5321 §5.1: a loop). What has
// passed is to be dialled as it is: the name may have another address by now.
func (r *Reach) Check(to netip.AddrPort) error {
	if r == nil {
		return nil
	}
	outer := to.Addr().Unmap()
	for _, a := range meant(outer) {
		if r.Own != nil && r.Own(netip.AddrPortFrom(a, to.Port())) {
			return ErrOwn
		}
		if r.named(outer) || r.named(a) {
			continue
		}
		switch what, private := special(a); {
		case private && !r.Private:
			return fmt.Errorf("it is %s, and relay.private is not set", what)
		case what != "" && !private:
			return fmt.Errorf("it is %s, and relay.allow does not name it", what)
		}
	}
	return nil
}

func (r *Reach) named(a netip.Addr) bool {
	for _, n := range r.Networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// meant is an address with the IPv4 addresses to which translators and tunnels bring
// what is sent there.
func meant(a netip.Addr) []netip.Addr {
	out := []netip.Addr{a}
	if !a.Is6() {
		return out
	}
	b := a.As16()
	for _, t := range []struct {
		prefix string
		at     int
		flip   byte
	}{
		{"::/96", 12, 0},           // IPv4-compatible (RFC 4291 §2.5.5.1)
		{"::ffff:0:0:0/96", 12, 0}, // IPv4-translated (RFC 2765 §2.1)
		{"64:ff9b::/96", 12, 0},    // NAT64 (RFC 6052 §2.1)
		{"64:ff9b:1::/48", 12, 0},  // NAT64 of a site (RFC 8215)
		{"2002::/16", 2, 0},        // 6to4 (RFC 3056 §2)
		{"2001::/32", 4, 0},        // Teredo: the server (RFC 4380 §4)
		{"2001::/32", 12, 0xff},    // and the client
	} {
		if !netip.MustParsePrefix(t.prefix).Contains(a) {
			continue
		}
		v4 := [4]byte(b[t.at : t.at+4])
		for i := range v4 {
			v4[i] ^= t.flip
		}
		out = append(out, netip.AddrFrom4(v4))
	}
	return out
}

// special says what an address is that not everybody can reach, "" for the others
// (RFC 6890 and IANA's registries after it). private marks those of a network that
// an organisation may have.
func special(a netip.Addr) (what string, private bool) {
	switch {
	case !a.IsValid() || a.Zone() != "":
		return "no address of the internet", false
	case a.IsLoopback():
		return "a loopback address", false
	case a.IsLinkLocalUnicast():
		return "a link-local address", false
	case a.IsMulticast():
		return "a multicast address", false
	case a.IsPrivate():
		return "an address of a private network", true
	}
	for _, n := range []struct {
		prefix, what string
		private      bool
	}{
		{"0.0.0.0/8", "an unspecified address", false},                // RFC 1122 §3.2.1.3
		{"::/128", "an unspecified address", false},                   // RFC 4291 §2.5.2
		{"100.64.0.0/10", "an address behind a provider's NAT", true}, // RFC 6598
		{"192.0.0.0/24", "an address of a protocol", false},           // RFC 6890 §2.1
		{"198.18.0.0/15", "an address of a test network", true},       // RFC 2544
		{"255.255.255.255/32", "the broadcast address", false},        // RFC 919 §7
		{"240.0.0.0/4", "a reserved address", false},                  // RFC 1112 §4
		{"100::/64", "an address that discards", false},               // RFC 6666
		{"64:ff9b:1::/48", "an address of a private network", true},   // RFC 8215
		{"fec0::/10", "an address of a private network", true},        // RFC 3879: once site-local
	} {
		if netip.MustParsePrefix(n.prefix).Contains(a) {
			return n.what, n.private
		}
	}
	return "", false
}

// Listens reports whether one of the listeners takes what is sent to an address of
// this machine. A listener on no address in particular takes what comes to any of
// them.
func Listens(listeners []netip.AddrPort, to netip.AddrPort) bool {
	for _, l := range listeners {
		switch a := l.Addr().Unmap(); {
		case l.Port() != to.Port():
		case a == to.Addr():
			return true
		case (!a.IsValid() || a.IsUnspecified()) && thisMachine(to.Addr()):
			return true
		}
	}
	return false
}

// thisMachine reports whether an address is one of the machine's. If the system does
// not tell them, loopback is.
func thisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	interfaces, _ := net.InterfaceAddrs()
	for _, i := range interfaces {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
