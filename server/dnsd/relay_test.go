package dnsd_test

import (
	"context"
	"testing"

	"glassmail/dns"
	internet "glassmail/lab"
	"glassmail/trace"
	"glassmail/wire"
)

// BenchmarkColdRelay is what names cost a relay that knows nothing: the MX record
// of a domain and the address of its mail host, walked from the root with an empty
// cache. In the lab's network every server is a host of its own and every datagram
// an event; on loopback the servers are sockets of this machine, and the second
// run checks signatures.
func BenchmarkColdRelay(b *testing.B) {
	cold := func(b *testing.B, r *dns.Resolver) {
		ctx := context.Background()
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
	b.Run("lab", func(b *testing.B) { cold(b, labNames(b)) })
	b.Run("loopback", func(b *testing.B) {
		r := newLab(b).r
		s := r.Switches()
		s.Validate = false
		if err := r.Switch(s); err != nil {
			b.Fatal(err)
		}
		cold(b, r)
	})
	b.Run("loopback, signatures checked", func(b *testing.B) { cold(b, newLab(b).r) })
}

// labNames is the local name server of a lab at work.
func labNames(b *testing.B) *dns.Resolver {
	b.Helper()
	clock := wire.System{}
	net, err := internet.NewInternet(clock)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { net.Close() })
	names, err := internet.NewNames(internet.NamesOptions{Internet: net, Trace: trace.NewLog(1000, clock.Now)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- names.Run(ctx, func() { close(ready) }) }()
	b.Cleanup(func() { cancel(); <-done })
	select {
	case <-ready:
	case err := <-done:
		b.Fatal(err)
	}
	return names.Resolver
}
