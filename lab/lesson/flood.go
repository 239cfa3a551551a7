package lesson

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/dns"
	"glassmail/wire"
)

// FloodOptions sets up a flood of queries against the lab's root servers while
// users look for names: the lecture's attack, and the reason why it fails. It is
// confined by construction: it goes to servers whose address is Inside, and ends
// after a number of queries.
type FloodOptions struct {
	Host    wire.Host             // from which the flood comes
	Inside  func(netip.Addr) bool // whether an address belongs to the lab; required
	Roots   []dns.NameServer      // the servers to flood, on port 53 unless Port says otherwise
	Port    uint16
	Gauges  []*Gauge      // what stands before the handlers of those servers
	Users   *dns.Resolver // through which users look for names; it asks those servers
	Names   []string      // what they look for, in turn: names in several domains
	Warm    []string      // looked for before the flood, so that the cache knows the servers of their zones
	Lookups int           // of users, with and without a cache each, 1 to 1,000
	Queries int           // of the flood, 1 to 1,000,000; it ends earlier when the users have done
	Limit   int           // queries a second that a root server can bear; above it queries are lost. 0 is 500
	Timeout time.Duration // for one lookup of a user; 0 is 1 second
}

// FloodResult compares users whose local name server caches with users whose
// does not.
type FloodResult struct {
	Cached   FloodView `json:"cached"`   // the local name server keeps what it learned
	Uncached FloodView `json:"uncached"` // it forgets all before each lookup
}

// FloodView is one run: what the flood did to the root, and what users saw.
type FloodView struct {
	Sent     int           `json:"sent"`     // queries of the flood
	Answered int           `json:"answered"` // replies that the flood got
	Load     GaugeReading  `json:"load"`     // at the root servers together, users included
	Rate     float64       `json:"rate"`     // queries a second that reached the root servers together
	Took     time.Duration `json:"took"`     // in nanoseconds

	Lookups  int           `json:"lookups"`  // of users
	Found    int           `json:"found"`    // that brought an answer
	AtRoot   int           `json:"atRoot"`   // for which a root server had to be asked
	HitRate  float64       `json:"hitRate"`  // part of the lookups that needed no root server
	MeanTime time.Duration `json:"meanTime"` // of one lookup, in nanoseconds
}

// Flood runs the attack twice, with and without a cache at the users' side.
func Flood(ctx context.Context, o FloodOptions) (FloodResult, error) {
	if o.Limit == 0 {
		o.Limit = 500
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.Port == 0 {
		o.Port = 53
	}
	if err := o.check(); err != nil {
		return FloodResult{}, fmt.Errorf("flood: %w", err)
	}
	for _, name := range o.Warm {
		if _, err := o.Users.Resolve(ctx, name, dns.TypeA); err != nil {
			return FloodResult{}, fmt.Errorf("flood: before it: %w", err)
		}
	}
	for _, g := range o.Gauges {
		g.Limit(o.Limit)
		defer g.Limit(0)
	}
	var r FloodResult
	var err error
	if r.Cached, err = o.run(ctx, false); err == nil {
		r.Uncached, err = o.run(ctx, true)
	}
	if err != nil {
		return r, fmt.Errorf("flood: %w", err)
	}
	return r, nil
}

func (o FloodOptions) check() error {
	switch {
	case o.Host == nil || o.Users == nil || len(o.Roots) == 0 || len(o.Gauges) == 0:
		return errors.New("host, users, root servers and their gauges are needed")
	case o.Inside == nil:
		return errors.New("nothing says which addresses belong to the lab")
	case len(o.Names) == 0:
		return errors.New("users need names to look for")
	case o.Lookups < 1 || o.Lookups > 1000:
		return errors.New("1 to 1,000 lookups")
	case o.Queries < 1 || o.Queries > 1_000_000:
		return errors.New("1 to 1,000,000 queries")
	case o.Limit < 1:
		return errors.New("a root server that bears at least one query a second")
	}
	for _, s := range o.Roots {
		for _, a := range s.Addrs {
			if !o.Inside(a) {
				return fmt.Errorf("%s lies outside the lab: only the lab's own servers can be flooded", a)
			}
		}
	}
	return nil
}

// run floods while users look for names, and counts.
func (o FloodOptions) run(ctx context.Context, forget bool) (FloodView, error) {
	before := o.reading()
	start := o.Host.Clock().Now()
	flood, err := o.start(ctx)
	if err != nil {
		return FloodView{}, err
	}
	o.await(ctx, flood, before.Lost)
	v, err := o.lookups(ctx, forget)
	v.Sent, v.Answered = flood.stop()
	v.Took = o.Host.Clock().Now().Sub(start)
	v.Load = o.reading().minus(before)
	if v.Took > 0 {
		v.Rate = float64(v.Load.Seen) / v.Took.Seconds()
	}
	return v, err
}

// reading is the counts of all root servers together.
func (o FloodOptions) reading() GaugeReading {
	var sum GaugeReading
	for _, g := range o.Gauges {
		sum = sum.plus(g.Read())
	}
	return sum
}

// await returns once the root servers lose queries, or when the flood is over.
func (o FloodOptions) await(ctx context.Context, f *flooding, lost int) {
	for o.reading().Lost == lost {
		next, stop := o.Host.Clock().After(time.Millisecond)
		select {
		case <-next:
		case <-f.over:
			stop()
			return
		case <-ctx.Done():
			stop()
			return
		}
	}
}

// lookups is what users do meanwhile, one after another.
func (o FloodOptions) lookups(ctx context.Context, forget bool) (FloodView, error) {
	var v FloodView
	var spent time.Duration
	for v.Lookups < o.Lookups && ctx.Err() == nil {
		r := o.Users
		if forget {
			r = r.Fresh()
		}
		name := o.Names[v.Lookups%len(o.Names)]
		v.Lookups++
		start := o.Host.Clock().Now()
		ctx, stop := dns.Within(ctx, o.Host.Clock(), o.Timeout)
		_, steps, err := r.Walk(ctx, name, dns.TypeA)
		stop()
		spent += o.Host.Clock().Now().Sub(start)
		if err == nil {
			v.Found++
		}
		for _, s := range steps {
			if s.Zone == "." && s.Server != "cache" {
				v.AtRoot++
				break
			}
		}
	}
	if v.Lookups > 0 {
		v.HitRate = 1 - float64(v.AtRoot)/float64(v.Lookups)
		v.MeanTime = spent / time.Duration(v.Lookups)
	}
	return v, ctx.Err()
}

// flooding is a flood under way.
type flooding struct {
	cancel   context.CancelFunc
	conns    []net.Conn
	over     chan struct{} // closed when all queries are out
	sending  sync.WaitGroup
	hearing  sync.WaitGroup
	sent     atomic.Int64
	answered atomic.Int64
}

// start sends until all queries are out or stop is called.
func (o FloodOptions) start(ctx context.Context) (*flooding, error) {
	ctx, cancel := context.WithCancel(ctx)
	f := &flooding{cancel: cancel, over: make(chan struct{})}
	for _, s := range o.Roots {
		for _, a := range s.Addrs {
			c, err := o.Host.Dial(ctx, "udp", netip.AddrPortFrom(a, o.Port).String())
			if err != nil {
				f.stop()
				return nil, err
			}
			f.conns = append(f.conns, c)
			f.hearing.Go(func() { f.hear(c) })
		}
	}
	f.sending.Go(func() { f.send(ctx, o) })
	return f, nil
}

// send spreads the queries over the servers, for names that exist nowhere, in
// bursts of one millisecond's share of ten times what the servers bear.
func (f *flooding) send(ctx context.Context, o FloodOptions) {
	defer close(f.over)
	burst := max(1, o.Limit*len(f.conns)/100)
	for n := 0; n < o.Queries; {
		for range min(burst, o.Queries-n) {
			name := fmt.Sprintf("flood-%08x.invalid.", rand.Uint32())
			if b, err := dns.NewMessage(dns.Query{Name: name, Type: dns.TypeA, ID: uint16(n)}).Pack(); err == nil {
				f.conns[n%len(f.conns)].Write(b) // a flood does not mind losses
				f.sent.Add(1)
			}
			n++
		}
		next, stop := o.Host.Clock().After(time.Millisecond)
		select {
		case <-next:
		case <-ctx.Done():
			stop()
			return
		}
	}
}

func (f *flooding) hear(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if n >= dns.HeaderSize {
			f.answered.Add(1)
		}
	}
}

// stop ends the flood and returns its counts.
func (f *flooding) stop() (sent, answered int) {
	f.cancel()
	f.sending.Wait()
	for _, c := range f.conns {
		c.SetDeadline(time.Unix(1, 0))
		c.Close()
	}
	f.hearing.Wait()
	return int(f.sent.Load()), int(f.answered.Load())
}
