package dns_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
)

// A secondary copies a zone and answers the same.
func TestTransfer(t *testing.T) {
	w := lessontest.NewWorld(t, lesson.LectureOptions{})
	z, err := dns.Transfer(bg, w.Internet, netip.MustParseAddrPort("198.51.100.53:53"), "crepes.fr")
	if err != nil {
		t.Fatal(err)
	}
	var a, b []string
	for _, r := range w.Hierarchy.Zone("crepes.fr").Records() {
		a = append(a, r.String())
	}
	for _, r := range z.Records() {
		b = append(b, r.String())
	}
	if !slices.Equal(a, b) || len(a) < 10 {
		t.Errorf("%d records became %d", len(a), len(b))
	}
	w.Set("198.51.100.53", dns.NewAuthority(nil, w.Hierarchy.Zone("crepes.fr")))
	if _, err := dns.Transfer(bg, w.Internet, netip.MustParseAddrPort("198.51.100.53:53"), "crepes.fr"); err == nil || !strings.Contains(err.Error(), "REFUSED") {
		t.Errorf("a server that allows nobody: %v", err)
	}
}
