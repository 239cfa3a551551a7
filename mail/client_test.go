package mail_test

import (
	"net/netip"
	"testing"

	"glassmail/mail"
)

func TestClientOf(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"::1", "127.0.0.1", false},
	} {
		a, b := mail.ClientOf(netip.MustParseAddr(c.a)), mail.ClientOf(netip.MustParseAddr(c.b))
		if (a == b) != c.same || !a.IsValid() {
			t.Errorf("%s is %v, %s is %v", c.a, a, c.b, b)
		}
	}
	if p := mail.ClientOf(netip.Addr{}); p.IsValid() {
		t.Errorf("no address is %v", p)
	}
}
