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
	if b := newBatch(pc); b != nil && s.o.Trace == nil {
		s.serveBatches(ctx, so, b)
		return
	}
	in := make([]byte, maxQuery)
	out := make([]byte, maxQuery)
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
		if b := s.datagram(ctx, so, in[:n], out, from); b != nil {
			so.write(b, from)
		}
	}
}

// maxQuery is how many bytes of a datagram are read. Longer ones are cut and fail
// to be a message.
const maxQuery = 4096

// datagram returns the reply to one query, in out if it is large enough; nil if
// there is none now. in and out belong to the reading loop.
func (s *Server) datagram(ctx context.Context, so *socket, in, out []byte, from netip.AddrPort) []byte {
	if !s.limit.allow(from.Addr()) {
		return nil
	}
	if s.wire != nil {
		if b := s.wire.AnswerWire(in, from, out); b != nil {
			return b
		}
	}
	m, err := dns.Unpack(in)
	var cause uint64
	if s.o.Trace != nil {
		cause = s.record(m, trace.Event{Dir: trace.Client, Local: so.local, Remote: from.String(), Bytes: slices.Clone(in)})
	}
	if err != nil {
		b := dns.FormatErrorReply(in)
		s.sent(so, from, b, cause)
		return b
	}
	req := &dns.Request{Message: m, From: from, Cause: cause}
	if s.quick != nil {
		if reply, ok := s.quick.AnswerNow(req); ok {
			b := s.pack(req, reply, out)
			if s.wire != nil && b != nil {
				s.wire.KeepWire(in, reply, b)
			}
			s.sent(so, from, b, cause)
			return b
		}
	}
	s.later(ctx, so, req)
	return nil
}

// later answers a query that must wait for other servers.
func (s *Server) later(ctx context.Context, so *socket, req *dns.Request) {
	select {
	case s.work <- struct{}{}:
	default:
		s.note("too many queries at once: one dropped")
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.work }()
		if b := s.pack(req, s.handler.Answer(ctx, req), nil); b != nil {
			s.sent(so, req.From, b, req.Cause)
			so.write(b, req.From)
		}
	})
}

// pack is the reply as bytes, cut to what the client takes.
func (s *Server) pack(req *dns.Request, reply *dns.Message, buf []byte) []byte {
	if reply == nil {
		return nil
	}
	b, err := reply.PackUDP(buf, req.Limit())
	if err != nil {
		b, err = req.NewReply(dns.ServerFailure).PackUDP(buf, req.Limit())
	}
	if err != nil {
		return nil
	}
	return b
}

// sent records a reply that goes out.
func (s *Server) sent(so *socket, to netip.AddrPort, b []byte, cause uint64) {
	if s.o.Trace == nil || b == nil {
		return
	}
	b = slices.Clone(b)
	m, _ := dns.Unpack(b)
	s.record(m, trace.Event{Dir: trace.Server, Local: so.local, Remote: to.String(), Bytes: b, Cause: cause})
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
