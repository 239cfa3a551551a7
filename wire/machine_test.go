package wire_test

import (
	"net/netip"
	"testing"

	"glassmail/wire"
)

func TestPlainLogin(t *testing.T) {
	office := wire.PlainLogin{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}
	for _, c := range []struct {
		local, remote      string
		usual, office, lab bool
	}{
		{"127.0.0.1", "127.0.0.1", true, true, true},
		{"127.0.0.2", "127.0.0.1", true, true, true},
		{"::1", "::1", true, true, true},
		{"127.0.0.1", "::ffff:127.0.0.1", true, true, true},
		{"203.0.113.7", "203.0.113.7", true, true, true}, // a machine that calls itself by its name
		{"203.0.113.7", "::ffff:203.0.113.7", true, true, true},
		{"203.0.113.7", "127.0.0.1", false, false, true}, // no honest connection has such ends
		{"127.0.0.1", "203.0.113.7", false, false, true},
		{"203.0.113.7", "203.0.113.8", false, false, true},
		{"192.0.2.1", "192.0.2.9", false, true, true},
		{"203.0.113.7", "::ffff:192.0.2.9", false, true, true},
		{"2001:db8::1", "2001:db8:1::9", false, true, true},
		{"203.0.113.7", "198.51.100.9", false, false, true},
		{"0.0.0.0", "0.0.0.0", false, false, true},
		{"", "", false, false, true},
		{"127.0.0.1", "", false, false, true},
	} {
		local, remote := addr(c.local), addr(c.remote)
		for name, got := range map[string][2]bool{
			"the usual rule": {wire.PlainLogin{}.Allows(local, remote), c.usual},
			"networks":       {office.Allows(local, remote), c.office},
			"a lab":          {wire.PlainLogin{All: true}.Allows(local, remote), c.lab},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, from %q to %q: %t", name, c.remote, c.local, got[0])
			}
		}
	}
}

func addr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}
