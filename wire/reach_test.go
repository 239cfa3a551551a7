package wire_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"glassmail/wire"
)

func TestReach(t *testing.T) {
	prefixes := func(s ...string) (out []netip.Prefix) {
		for _, p := range s {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	private := &wire.Reach{Private: true}
	named := &wire.Reach{Networks: prefixes("127.0.0.0/8", "10.0.0.0/8", "::1/128", "169.254.7.0/24", "0.0.0.0/32", "2002::/16")}
	for _, c := range []struct {
		addr                  string
		usual, private, named bool
	}{
		{"203.0.113.7", true, true, true},
		{"172.32.0.1", true, true, true},
		{"100.128.0.1", true, true, true},
		{"2001:db8::1", true, true, true},
		{"2a00:1450::1", true, true, true},
		{"::ffff:203.0.113.7", true, true, true},
		{"64:ff9b::203.0.113.7", true, true, true},
		{"2002:cb00:7107::1", true, true, true},

		{"127.0.0.1", false, false, true},
		{"127.255.255.254", false, false, true},
		{"::1", false, false, true},
		{"0.0.0.0", false, false, true},
		{"0.1.2.3", false, false, false},
		{"::", false, false, false},
		{"169.254.169.254", false, false, false},
		{"169.254.7.7", false, false, true},
		{"fe80::1", false, false, false},
		{"fe80::1%eth0", false, false, false},
		{"224.0.0.1", false, false, false},
		{"239.255.255.250", false, false, false},
		{"ff02::1", false, false, false},
		{"240.0.0.1", false, false, false},
		{"255.255.255.255", false, false, false},
		{"192.0.0.192", false, false, false},
		{"100::1", false, false, false},

		{"10.0.0.1", false, true, true},
		{"172.16.0.1", false, true, false},
		{"172.31.255.255", false, true, false},
		{"192.168.1.1", false, true, false},
		{"100.64.0.1", false, true, false},
		{"100.127.255.255", false, true, false},
		{"198.18.0.1", false, true, false},
		{"fd00::1", false, true, false},
		{"fc00::1", false, true, false},
		{"fec0::1", false, true, false},

		{"::ffff:127.0.0.1", false, false, true},
		{"::ffff:169.254.169.254", false, false, false},
		{"::ffff:192.168.1.1", false, true, false},
		{"::127.0.0.1", false, false, true},
		{"::ffff:0:127.0.0.1", false, false, true},
		{"64:ff9b::127.0.0.1", false, false, true},
		{"64:ff9b::169.254.169.254", false, false, false},
		{"64:ff9b::10.0.0.1", false, true, true},
		{"64:ff9b:1::203.0.113.7", false, true, false},
		{"64:ff9b:1::127.0.0.1", false, false, false},
		{"2002:7f00:1::1", false, false, true}, // the tunnel itself is named
		{"2002:a9fe:a9fe::1", false, false, true},
		{"2001:0:7f00:1::", false, false, false},            // Teredo, its server
		{"2001:0:cb00:7107::80ff:fffe", false, false, true}, // and 127.0.0.1 behind it
		{"", false, false, false},
	} {
		to := netip.AddrPortFrom(addr(c.addr), 25)
		for name, got := range map[string][2]bool{
			"the usual rule":   {(&wire.Reach{}).Check(to) == nil, c.usual},
			"private networks": {private.Check(to) == nil, c.private},
			"named networks":   {named.Check(to) == nil, c.named},
			"a lab":            {(*wire.Reach)(nil).Check(to) == nil, true},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, to %q: %t", name, c.addr, got[0])
			}
		}
	}
	for a, want := range map[string]string{"127.0.0.1": "a loopback address, and relay.allow", "192.168.1.1": "private network, and relay.private"} {
		if err := (&wire.Reach{}).Check(netip.AddrPortFrom(addr(a), 25)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// A listener of the node is never reached, whatever else is allowed.
func TestReachOfOwn(t *testing.T) {
	one := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.2:25"), netip.MustParseAddrPort("203.0.113.7:25")}
	for _, c := range []struct {
		listeners []netip.AddrPort
		to        string
		own       bool
	}{
		{one, "127.0.0.2:25", true},
		{one, "127.0.0.3:25", false},
		{one, "127.0.0.2:2525", false}, // another server of this machine
		{one, "203.0.113.7:25", true},
		{one, "[::ffff:203.0.113.7]:25", true},
		{one, "[64:ff9b::cb00:7107]:25", true},
		{one, "[2002:cb00:7107::1]:25", true},
		{[]netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:25")}, "127.0.0.9:25", true},
		{[]netip.AddrPort{netip.MustParseAddrPort("[::]:25")}, "127.0.0.1:25", true},
		{[]netip.AddrPort{netip.MustParseAddrPort("[::]:25")}, "[::1]:25", true},
		{[]netip.AddrPort{netip.MustParseAddrPort("[::]:25")}, "203.0.113.7:25", false},
	} {
		r := &wire.Reach{
			Private: true, Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
			Own: func(to netip.AddrPort) bool { return wire.Listens(c.listeners, to) },
		}
		if err := r.Check(netip.MustParseAddrPort(c.to)); errors.Is(err, wire.ErrOwn) != c.own || !c.own && err != nil {
			t.Errorf("listeners at %v, to %s: %v", c.listeners, c.to, err)
		}
	}
}
