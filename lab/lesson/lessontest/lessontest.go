// Package lessontest is the lecture's hierarchy of name servers on an internet without
// sockets, for tests: a datagram is a call of the handler at its address, and the clock
// is turned by hand.
package lessontest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/trace"
	"glassmail/wire"
)

// Internet is a network without sockets: a datagram to an address is a call of
// the handler there. Addresses without handler never answer.
type Internet struct {
	clock wire.Clock
	me    netip.AddrPort

	mu       sync.Mutex
	handlers map[netip.Addr]dns.Handler
	Raw      map[netip.Addr]func(query []byte) [][]byte // in place of a handler: the datagrams sent back
	Queries  atomic.Int64
	Silent   chan struct{} // receives when a datagram goes where nobody answers
	Deserted func()        // called when a datagram goes where nobody listens
}

func NewInternet(clock wire.Clock) *Internet {
	return &Internet{clock: clock, me: netip.MustParseAddrPort("198.18.3.53:40000"), handlers: map[netip.Addr]dns.Handler{}, Raw: map[netip.Addr]func([]byte) [][]byte{}, Silent: make(chan struct{}, 1000)}
}

func (n *Internet) Set(addr string, h dns.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[netip.MustParseAddr(addr)] = h
}

func (n *Internet) Remove(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.handlers, netip.MustParseAddr(addr))
}

func (n *Internet) Clock() wire.Clock { return n.clock }
func (n *Internet) Listen(context.Context, string) (net.Listener, error) {
	return nil, errors.New("nobody listens here")
}
func (n *Internet) ListenPacket(context.Context, string) (net.PacketConn, error) {
	return nil, errors.New("nobody listens here")
}

func (n *Internet) Dial(_ context.Context, network, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	return &pipe{n: n, to: to, tcp: network == "tcp", wake: make(chan struct{}, 1), past: make(chan struct{})}, nil
}

// pipe is a connection of the internet.
type pipe struct {
	n   *Internet
	to  netip.AddrPort
	tcp bool

	mu   sync.Mutex
	in   [][]byte
	wake chan struct{}
	past chan struct{}
	once sync.Once
}

func (p *pipe) Write(b []byte) (int, error) {
	p.n.Queries.Add(1)
	q := bytes.Clone(b)
	if p.tcp {
		q = q[2:]
	}
	p.n.mu.Lock()
	h, raw := p.n.handlers[p.to.Addr()], p.n.Raw[p.to.Addr()]
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
	case p.n.Deserted != nil:
		p.n.Deserted()
	}
	if len(out) == 0 {
		select {
		case p.n.Silent <- struct{}{}:
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

// World is the lecture's hierarchy on an internet with a clock turned by hand.
type World struct {
	*Internet
	Hierarchy   *lesson.Hierarchy
	ManualClock *wire.Manual
	Log         *trace.Log
}

var Start = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

func NewWorld(t testing.TB, o lesson.LectureOptions) *World {
	t.Helper()
	clock := wire.NewManual(Start)
	o.Now = clock.Now
	h, err := lesson.Lecture(o)
	if err != nil {
		t.Fatal(err)
	}
	return NewWorldOf(h, clock)
}

// NewWorldOf puts a hierarchy on an internet of its own.
func NewWorldOf(h *lesson.Hierarchy, clock *wire.Manual) *World {
	w := &World{Internet: NewInternet(clock), Hierarchy: h, ManualClock: clock, Log: trace.NewLog(10_000, clock.Now)}
	for _, s := range h.Servers {
		w.Set(s.Addr.String(), s.Authority)
	}
	return w
}

func (w *World) Resolver(t testing.TB, change ...func(*dns.ResolverOptions)) *dns.Resolver {
	t.Helper()
	o := dns.ResolverOptions{Host: w.Internet, Roots: w.Hierarchy.Roots, Trace: w.Log, Node: "dns.nyu.edu"}
	for _, c := range change {
		c(&o)
	}
	r, err := dns.NewResolver(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Validating makes a resolver check signatures from the root of w.
func Validating(w *World) func(*dns.ResolverOptions) {
	return func(o *dns.ResolverOptions) { o.Anchors = w.Hierarchy.Anchors }
}

// Record reads a line of master text.
func Record(t testing.TB, line string) dns.Record {
	t.Helper()
	r, err := dns.ParseRecord(line)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Data is the sorted values of records, without signatures.
func Data(records []dns.Record) []string {
	var out []string
	for _, r := range records {
		if r.Type() != dns.TypeRRSIG {
			out = append(out, r.Data())
		}
	}
	slices.Sort(out)
	return out
}

// Reply is the packed reply of the server of edu to q.
func Reply(t testing.TB, q dns.Query) []byte {
	t.Helper()
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := h.Server("a.edu").Authority.AnswerNow(&dns.Request{Message: dns.NewMessage(q)})
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
