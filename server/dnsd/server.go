// Package dnsd puts a dns.Handler on the network: UDP and TCP on the addresses
// of a host, each datagram and each framed message an event of the trace.
//
// The work is bounded at the door: so many queries at once, so many connections,
// so many queries per second and client. What is above a bound is dropped over
// UDP, where a client asks again, and closed over TCP.
package dnsd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"glassmail/dns"
	"glassmail/trace"
	"glassmail/wire"
)

// Options are the bounds of a Server and who watches it. The zero value is fit
// for use.
type Options struct {
	Trace *trace.Log
	Node  string     // name under which events appear
	Role  trace.Role // in which it does; "" is trace.NameServer

	PerClient   int           // queries per second from one address; 0 is 2,000, below 0 no limit
	InFlight    int           // queries that wait for other servers at once; 0 is 512
	Connections int           // TCP connections at once; 0 is 256
	PerAddress  int           // TCP connections from one address; 0 is 64
	Idle        time.Duration // after which a silent TCP connection is closed; 0 is 10 seconds (RFC 7766 §6.2.3)
	Watch       time.Duration // after which the client of a query over TCP is watched, see wire.Watch; 0 is half a second
}

// Server is a name server on the network.
type Server struct {
	host    wire.Host
	addrs   []string
	handler dns.Handler
	quick   dns.Quick // handler, if it is one
	wire    dns.Wire  // handler, if it is one and nobody watches the datagrams
	o       Options
	limit   *limiter

	ready chan struct{} // closed once all sockets are open
	bound []netip.AddrPort

	mu      sync.Mutex
	cancel  context.CancelFunc // ends Run; nil before Run
	closed  bool
	stopped chan struct{} // closed when Run returns

	work  chan struct{} // one token per query that waits
	conns chan struct{} // one token per TCP connection
	tasks sync.WaitGroup
}

// New makes a server that will listen on addrs ("127.0.0.1:53"; port 0 takes a
// free one, the same for UDP and TCP) and let handler answer.
func New(host wire.Host, addrs []string, handler dns.Handler, o Options) *Server {
	o.PerClient = orDefault(o.PerClient, 2000)
	o.InFlight = orDefault(o.InFlight, 512)
	o.Connections = orDefault(o.Connections, 256)
	o.PerAddress = orDefault(o.PerAddress, 64)
	if o.Idle <= 0 {
		o.Idle = 10 * time.Second
	}
	quick, _ := handler.(dns.Quick)
	packed, _ := handler.(dns.Wire)
	if o.Trace != nil {
		packed = nil // an event needs the message
	}
	return &Server{
		host: host, addrs: addrs, handler: handler, quick: quick, wire: packed, o: o,
		limit:   newLimiter(host.Clock(), o.PerClient),
		ready:   make(chan struct{}),
		stopped: make(chan struct{}),
		work:    make(chan struct{}, o.InFlight),
		conns:   make(chan struct{}, o.Connections),
	}
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// Ready is closed once the server listens on all its addresses. It stays open if
// Run fails.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is the first address on which the server listens; valid once Ready.
func (s *Server) Addr() netip.AddrPort {
	<-s.ready
	return s.bound[0]
}

// Addrs is all addresses on which the server listens; valid once Ready.
func (s *Server) Addrs() []netip.AddrPort {
	<-s.ready
	return s.bound
}

// sockets is one address, both ways.
type sockets struct {
	udp net.PacketConn
	tcp net.Listener
}

func (s sockets) close() {
	s.udp.Close()
	s.tcp.Close()
}

// Run listens and serves until ctx ends or Close is called, then waits for the
// queries under way. It returns nil after an orderly end. It can run once.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.closed || s.cancel != nil {
		s.mu.Unlock()
		return errors.New("dnsd: the server has run already or is closed")
	}
	s.cancel = cancel
	s.mu.Unlock()
	defer close(s.stopped)

	open, err := s.listen(ctx)
	if err != nil {
		return err
	}
	close(s.ready)
	for _, so := range open {
		for range runtime.GOMAXPROCS(0) {
			s.tasks.Go(func() { s.serveUDP(ctx, so.udp) })
		}
		s.tasks.Go(func() { s.serveTCP(ctx, so.tcp) })
	}
	<-ctx.Done()
	for _, so := range open {
		so.close()
	}
	s.tasks.Wait()
	return nil
}

// Close ends Run and waits for it. Closing a server that never ran is fine.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	cancel := s.cancel
	s.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	<-s.stopped
	return nil
}

// listen opens all sockets, or none.
func (s *Server) listen(ctx context.Context) ([]sockets, error) {
	var open []sockets
	for _, addr := range s.addrs {
		so, err := s.listenOne(ctx, addr)
		if err != nil {
			for _, o := range open {
				o.close()
			}
			return nil, fmt.Errorf("dnsd: %w", err)
		}
		open = append(open, so)
		s.bound = append(s.bound, addrPort(so.udp.LocalAddr()))
	}
	if len(open) == 0 {
		return nil, errors.New("dnsd: no address to listen on")
	}
	return open, nil
}

// listenOne opens TCP and UDP on one port. With port 0 the system chooses a free
// TCP port, of which there are fewer because connections take them; UDP may find
// it taken: then another one is tried.
func (s *Server) listenOne(ctx context.Context, addr string) (sockets, error) {
	const tries = 8
	var last error
	for range tries {
		tcp, err := s.host.Listen(ctx, addr)
		if err != nil {
			return sockets{}, fmt.Errorf("listen on %s (TCP): %w", addr, err)
		}
		udp, err := s.host.ListenPacket(ctx, tcp.Addr().String())
		if err == nil {
			s.o.Trace.Listens(s.o.Node, cmp.Or(s.o.Role, trace.NameServer), tcp.Addr().String())
			return sockets{udp, tcp}, nil
		}
		tcp.Close()
		last = fmt.Errorf("listen on %s (UDP): %w", addr, err)
		if _, port, err := net.SplitHostPort(addr); err != nil || port != "0" {
			break
		}
	}
	return sockets{}, last
}

func addrPort(a net.Addr) netip.AddrPort {
	switch x := a.(type) {
	case *net.UDPAddr:
		return x.AddrPort()
	case *net.TCPAddr:
		return x.AddrPort()
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

// note records a decision of the server itself.
func (s *Server) note(text string) {
	s.o.Trace.Add(trace.Event{Node: s.o.Node, Proto: trace.DNS, Kind: trace.Note, Dir: trace.Self, Text: text})
}

// record records one message as it is on the wire; e says where and which way.
func (s *Server) record(m *dns.Message, e trace.Event) uint64 {
	if s.o.Trace == nil {
		return 0
	}
	e.Text = "bytes that are no DNS message"
	if m != nil {
		e.Text = m.Line()
	}
	e.Node, e.Proto, e.Kind, e.Side, e.Size = s.o.Node, trace.DNS, trace.Datagram, trace.Server, len(e.Bytes)
	return s.o.Trace.Add(e)
}
