package lab

import (
	"context"
	"testing"

	"glassmail/trace"
	"glassmail/wire"
)

// BenchmarkColdRelay is what names cost a relay that knows nothing, in the lab's
// network: the MX record of a domain and the address of its mail host, walked from
// the root with an empty cache, every server a host of its own and every datagram
// an event.
func BenchmarkColdRelay(b *testing.B) {
	clock := wire.System{}
	internet, err := NewInternet(clock)
	if err != nil {
		b.Fatal(err)
	}
	defer internet.Close()
	names, err := NewNames(NamesOptions{Internet: internet, Trace: trace.NewLog(1000, clock.Now)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- names.Run(ctx, func() { close(ready) }) }()
	defer func() { cancel(); <-done }()
	select {
	case <-ready:
	case err := <-done:
		b.Fatal(err)
	}
	for b.Loop() {
		r := names.Resolver.Fresh()
		mx, err := r.LookupMX(ctx, "hamburger.edu")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.LookupNetIP(ctx, "ip4", mx[0].Host); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/relay")
}
