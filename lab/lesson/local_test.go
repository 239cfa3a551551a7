package lesson_test

import (
	"net/netip"
	"strings"
	"testing"

	"glassmail/lab/lesson"

	"pgregory.net/rapid"
)

func TestSameNetwork(t *testing.T) {
	same, text := lesson.SameNetwork(netip.MustParsePrefix("158.108.32.17/23"), netip.MustParseAddr("158.108.33.53"))
	if !same || !strings.Contains(text, "netmask                255.255.254.0    11111111.11111111.11111110.00000000") ||
		!strings.Contains(text, "address AND netmask    158.108.32.0     10011110.01101100.00100000.00000000") {
		t.Errorf("%t\n%s", same, text)
	}
	if same, text = lesson.SameNetwork(netip.MustParsePrefix("158.108.32.17/24"), netip.MustParseAddr("158.108.33.53")); same || !strings.Contains(text, "not in the network") {
		t.Errorf("%t\n%s", same, text)
	}
	rapid.Check(t, func(rt *rapid.T) {
		four := func(name string) netip.Addr {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, name)))
		}
		p, s := netip.PrefixFrom(four("machine"), rapid.IntRange(0, 32).Draw(rt, "bits")), four("server")
		if same, _ := lesson.SameNetwork(p, s); same != p.Contains(s) {
			rt.Fatalf("%s and %s: %t", p, s, same)
		}
	})
}
