package dnsd_test

import (
	"context"
	"testing"
)

// BenchmarkColdRelay is what names cost a relay that knows nothing: the MX record
// of a domain and the address of its mail host, walked from the root with an empty
// cache over sockets on loopback, without and with signatures checked.
func BenchmarkColdRelay(b *testing.B) {
	b.Run("plain", func(b *testing.B) { coldRelay(b, false) })
	b.Run("signatures checked", func(b *testing.B) { coldRelay(b, true) })
}

func coldRelay(b *testing.B, check bool) {
	ctx, r := context.Background(), newLab(b).r
	s := r.Switches()
	s.Validate = check
	if err := r.Switch(s); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f := r.Fresh()
		mx, err := f.LookupMX(ctx, "hamburger.edu")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.LookupNetIP(ctx, "ip4", mx[0].Host); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/relay")
}
