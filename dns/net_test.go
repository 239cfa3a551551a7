package dns_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/trace"
	"glassmail/wire"
)

// internet is a network without sockets: a datagram to an address is a call of
// the handler there. Addresses without handler never answer.
type internet struct {
	clock wire.Clock
	me    netip.AddrPort

	mu       sync.Mutex
	handlers map[netip.Addr]dns.Handler
	raw      map[netip.Addr]func(query []byte) [][]byte // in place of a handler: the datagrams sent back
	queries  atomic.Int64
	silent   chan struct{} // receives when a datagram goes where nobody answers
	deserted func()        // called when a datagram goes where nobody listens
}

func newInternet(clock wire.Clock) *internet {
	return &internet{clock: clock, me: netip.MustParseAddrPort("198.18.3.53:40000"), handlers: map[netip.Addr]dns.Handler{}, raw: map[netip.Addr]func([]byte) [][]byte{}, silent: make(chan struct{}, 1000)}
}

func (n *internet) set(addr string, h dns.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[netip.MustParseAddr(addr)] = h
}

func (n *internet) remove(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.handlers, netip.MustParseAddr(addr))
}

func (n *internet) Clock() wire.Clock { return n.clock }
func (n *internet) Listen(context.Context, string) (net.Listener, error) {
	return nil, errors.New("nobody listens here")
}
func (n *internet) ListenPacket(context.Context, string) (net.PacketConn, error) {
	return nil, errors.New("nobody listens here")
}

func (n *internet) Dial(_ context.Context, network, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	return &pipe{n: n, to: to, tcp: network == "tcp", wake: make(chan struct{}, 1), past: make(chan struct{})}, nil
}

// pipe is a connection of the internet.
type pipe struct {
	n   *internet
	to  netip.AddrPort
	tcp bool

	mu   sync.Mutex
	in   [][]byte
	wake chan struct{}
	past chan struct{}
	once sync.Once
}

func (p *pipe) Write(b []byte) (int, error) {
	p.n.queries.Add(1)
	q := bytes.Clone(b)
	if p.tcp {
		q = q[2:]
	}
	p.n.mu.Lock()
	h, raw := p.n.handlers[p.to.Addr()], p.n.raw[p.to.Addr()]
	p.n.mu.Unlock()
	var out [][]byte
	switch {
	case raw != nil:
		out = raw(q)
	case h != nil:
		if m, err := dns.Unpack(q); err == nil {
			req := &dns.Request{Message: m, From: p.n.me, TCP: p.tcp}
			if r := h.Answer(context.Background(), req); r != nil {
				r, err := r.PackUDP(nil, limitOf(p.tcp, req))
				if err != nil {
					return 0, err
				}
				out = append(out, r)
			}
		}
	case p.n.deserted != nil:
		p.n.deserted()
	}
	if len(out) == 0 {
		select {
		case p.n.silent <- struct{}{}:
		default:
		}
	}
	p.mu.Lock()
	for _, o := range out {
		if p.tcp {
			var f bytes.Buffer
			dns.WriteFrame(&f, o)
			o = f.Bytes()
		}
		p.in = append(p.in, o)
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

func limitOf(tcp bool, req *dns.Request) int {
	if tcp {
		return dns.MaxMessage
	}
	return req.Limit()
}

func (p *pipe) Read(b []byte) (int, error) {
	for {
		p.mu.Lock()
		if len(p.in) > 0 {
			n := copy(b, p.in[0])
			if p.tcp && n < len(p.in[0]) {
				p.in[0] = p.in[0][n:]
			} else {
				p.in = p.in[1:]
			}
			p.mu.Unlock()
			return n, nil
		}
		p.mu.Unlock()
		select {
		case <-p.wake:
		case <-p.past:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

func (p *pipe) Close() error                       { return nil }
func (p *pipe) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(p.n.me) }
func (p *pipe) RemoteAddr() net.Addr               { return net.UDPAddrFromAddrPort(p.to) }
func (p *pipe) SetReadDeadline(t time.Time) error  { return p.SetDeadline(t) }
func (p *pipe) SetWriteDeadline(t time.Time) error { return p.SetDeadline(t) }
func (p *pipe) SetDeadline(t time.Time) error {
	if t.Before(time.Now()) {
		p.once.Do(func() { close(p.past) })
	}
	return nil
}

var _ io.ReadWriteCloser = (*pipe)(nil)

// world is the lecture's hierarchy on an internet with a clock turned by hand.
type world struct {
	*internet
	h     *dns.Hierarchy
	clock *wire.Manual
	log   *trace.Log
}

var start = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, o dns.LectureOptions) *world {
	t.Helper()
	clock := wire.NewManual(start)
	o.Now = clock.Now
	h, err := dns.Lecture(o)
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOf(h, clock)
}

// newWorldOf puts a hierarchy on an internet of its own.
func newWorldOf(h *dns.Hierarchy, clock *wire.Manual) *world {
	w := &world{internet: newInternet(clock), h: h, clock: clock, log: trace.NewLog(10_000, clock.Now)}
	for _, s := range h.Servers {
		w.set(s.Addr.String(), s.Authority)
	}
	return w
}

func (w *world) resolver(t testing.TB, change ...func(*dns.ResolverOptions)) *dns.Resolver {
	t.Helper()
	o := dns.ResolverOptions{Host: w.internet, Roots: w.h.Roots, Trace: w.log, Node: "dns.nyu.edu"}
	for _, c := range change {
		c(&o)
	}
	r, err := dns.NewResolver(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
