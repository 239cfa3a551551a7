package dnsd

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"glassmail/dns"
	"glassmail/trace"
)

// socket is a UDP socket that spares an allocation per datagram where it can.
type socket struct {
	net.PacketConn
	fast interface { // of the operating system's sockets
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
		WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	}
	local string
}

func newSocket(pc net.PacketConn) *socket {
	s := &socket{PacketConn: pc, local: pc.LocalAddr().String()}
	if u, ok := pc.(*net.UDPConn); ok {
		s.fast = u
	}
	return s
}

func (s *socket) read(b []byte) (int, netip.AddrPort, error) {
	if s.fast != nil {
		n, from, err := s.fast.ReadFromUDPAddrPort(b)
		return n, from, err
	}
	n, from, err := s.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(from), nil
}

func (s *socket) write(b []byte, to netip.AddrPort) {
	if s.fast != nil {
		s.fast.WriteToUDPAddrPort(b, to) // an answer that cannot be sent is asked for again
		return
	}
	s.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

// serveUDP reads datagrams and answers at once what needs no waiting. The rest
// goes to a goroutine of its own, InFlight of them at most.
func (s *Server) serveUDP(ctx context.Context, pc net.PacketConn) {
	so := newSocket(pc)
	in := make([]byte, 4096)
	out := make([]byte, 4096)
	var pause time.Duration
	for {
		n, from, err := so.read(in)
		if err != nil {
			if ctx.Err() != nil || !s.backOff(ctx, &pause, err) {
				return
			}
			continue
		}
		pause = 0
		s.datagram(ctx, so, in[:n], out, from)
	}
}

// datagram answers one query. in and out belong to the reading loop.
func (s *Server) datagram(ctx context.Context, so *socket, in, out []byte, from netip.AddrPort) {
	if !s.limit.allow(from.Addr()) {
		return
	}
	m, err := dns.Unpack(in)
	var cause uint64
	if s.o.Trace != nil {
		cause = s.record(m, trace.Event{Dir: trace.Client, Local: so.local, Remote: from.String(), Bytes: slices.Clone(in)})
	}
	if err != nil {
		if b := dns.FormatErrorReply(in); b != nil {
			s.reply(so, from, b, cause)
		}
		return
	}
	req := &dns.Request{Message: m, From: from, Cause: cause}
	if s.quick != nil {
		if reply, ok := s.quick.AnswerNow(req); ok {
			s.send(so, req, reply, out, cause)
			return
		}
	}
	select {
	case s.work <- struct{}{}:
	default:
		s.note("too many queries at once: one dropped")
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.work }()
		s.send(so, req, s.handler.Answer(ctx, req), nil, cause)
	})
}

// send writes the reply, cut to what the client takes.
func (s *Server) send(so *socket, req *dns.Request, reply *dns.Message, buf []byte, cause uint64) {
	if reply == nil {
		return
	}
	b, err := reply.PackUDP(buf, req.Limit())
	if err != nil {
		b, err = req.NewReply(dns.ServerFailure).PackUDP(buf, req.Limit())
	}
	if err != nil {
		return
	}
	s.reply(so, req.From, b, cause)
}

func (s *Server) reply(so *socket, to netip.AddrPort, b []byte, cause uint64) {
	if s.o.Trace != nil {
		b = slices.Clone(b)
		m, _ := dns.Unpack(b)
		s.record(m, trace.Event{Dir: trace.Server, Local: so.local, Remote: to.String(), Bytes: b, Cause: cause})
	}
	so.write(b, to)
}

// backOff waits a little after an error that is not the end, longer each time up
// to a second. It reports false when the socket is closed or ctx ends.
func (s *Server) backOff(ctx context.Context, pause *time.Duration, err error) bool {
	if isClosed(err) {
		return false
	}
	*pause = min(max(2**pause, 5*time.Millisecond), time.Second)
	t, stop := s.host.Clock().After(*pause)
	defer stop()
	select {
	case <-t:
		return true
	case <-ctx.Done():
		return false
	}
}
