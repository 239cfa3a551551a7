package dnsd

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"glassmail/dns"
	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// isClosed reports the error of a socket that was closed by us.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// serveTCP accepts connections, Connections of them at most.
func (s *Server) serveTCP(ctx context.Context, l net.Listener) {
	peers := &peers{most: s.o.PerAddress, count: map[netip.Prefix]int{}}
	var pause time.Duration
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || !s.backOff(ctx, &pause, err) {
				return
			}
			continue
		}
		pause = 0
		from := addrPort(conn.RemoteAddr())
		select {
		case s.conns <- struct{}{}:
		default:
			conn.Close()
			s.note("too many TCP connections: " + from.String() + " closed")
			continue
		}
		if !peers.enter(mail.ClientOf(from.Addr())) {
			<-s.conns
			conn.Close()
			s.note("too many TCP connections from " + from.Addr().String() + ": one closed")
			continue
		}
		s.tasks.Go(func() {
			defer func() { <-s.conns }()
			defer peers.leave(mail.ClientOf(from.Addr()))
			s.connection(ctx, conn, from)
		})
	}
}

// peers counts connections by client, see mail.ClientOf.
type peers struct {
	most int

	mu    sync.Mutex
	count map[netip.Prefix]int
}

func (p *peers) enter(c netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[c] >= p.most {
		return false
	}
	p.count[c]++
	return true
}

func (p *peers) leave(c netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[c]--; p.count[c] <= 0 {
		delete(p.count, c)
	}
}

// connection answers the queries of one TCP connection in order until the client
// leaves, is silent for too long, or ctx ends.
func (s *Server) connection(ctx context.Context, conn net.Conn, from netip.AddrPort) {
	defer conn.Close()
	unhook := context.AfterFunc(ctx, func() { conn.Close() })
	defer unhook()
	for in := bufio.NewReader(conn); s.exchange(ctx, conn, in, from); {
	}
}

// exchange reads one query and writes its reply, each within Idle. It reports
// whether the connection can go on.
func (s *Server) exchange(ctx context.Context, conn net.Conn, in *bufio.Reader, from netip.AddrPort) bool {
	stop := s.closeAfter(conn)
	b, err := dns.ReadFrame(in)
	stop()
	if err != nil || !s.limit.allow(from.Addr()) {
		return false
	}
	local := conn.LocalAddr().String()
	m, err := dns.Unpack(b)
	cause := s.record(m, trace.Event{Dir: trace.Client, Local: local, Remote: from.String(), Bytes: b, TCP: true})
	if err != nil {
		if r := dns.FormatErrorReply(b); r != nil {
			s.frame(conn, local, from, r, cause)
		}
		return false
	}
	req := &dns.Request{Message: m, From: from, TCP: true, Cause: cause}
	reply := s.answer(ctx, conn, in, req)
	if reply == nil {
		return false
	}
	frames, err := reply.PackStream()
	if err != nil {
		if frames, err = req.NewReply(dns.ServerFailure).PackStream(); err != nil {
			return false
		}
	}
	for _, f := range frames {
		if !s.frame(conn, local, from, f, cause) {
			return false
		}
	}
	return true
}

// answer asks the handler for as long as the client is there.
func (s *Server) answer(ctx context.Context, conn net.Conn, in *bufio.Reader, req *dns.Request) *dns.Message {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := wire.Watch(conn, in, s.o.Watch, cancel)
	reply := s.handler.Answer(ctx, req)
	stop()
	conn.SetReadDeadline(time.Time{})
	return reply
}

func (s *Server) frame(conn net.Conn, local string, to netip.AddrPort, b []byte, cause uint64) bool {
	if s.o.Trace != nil {
		m, _ := dns.Unpack(b)
		s.record(m, trace.Event{Dir: trace.Server, Local: local, Remote: to.String(), Bytes: b, Cause: cause, TCP: true})
	}
	stop := s.closeAfter(conn)
	defer stop()
	return dns.WriteFrame(conn, b) == nil
}

// closeAfter closes conn when Idle has passed by the host's clock, unless stop is
// called first.
func (s *Server) closeAfter(conn net.Conn) (stop func()) {
	t, stopTimer := s.host.Clock().After(s.o.Idle)
	off, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-t:
			conn.Close()
		case <-off:
		}
	}()
	return func() {
		close(off)
		stopTimer()
		<-done
	}
}
