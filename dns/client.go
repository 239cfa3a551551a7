package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"glassmail/trace"
	"glassmail/wire"

	miekg "github.com/miekg/dns"
)

// Client sends one query to one server and waits for its reply. Each UDP query
// leaves from a socket of its own, so that the port is as hard to guess as the
// id (RFC 5452 §9.2).
type Client struct {
	Host    wire.Host
	Trace   *trace.Log
	Node    string        // whose events these are
	Timeout time.Duration // for one try; 0 is 2 seconds
	TCP     bool          // do not try UDP first
	Port    uint16        // local UDP port; 0 is a new one each time. A fixed port invites forged replies: for lessons only
}

const defaultTimeout = 2 * time.Second

// ErrTimeout is returned when no fitting reply came in time.
var ErrTimeout = errors.New("no reply in time")

// Reply is what came back and how.
type Reply struct {
	*Message
	Size    int           // bytes on the wire, without the length of TCP
	Raw     []byte        // those bytes
	TCP     bool          // over TCP
	Took    time.Duration // by the host's clock
	Foreign int           // datagrams that were not the reply: wrong id, question or form
}

// Ask sends m, whose id should be random, and returns the reply with the same id
// and question. A truncated reply is asked for again over TCP (RFC 7766 §5).
func (c *Client) Ask(ctx context.Context, server netip.AddrPort, m *Message) (*Reply, error) {
	start := c.Host.Clock().Now()
	r, err := c.try(ctx, server, m, c.TCP)
	if err == nil && r.m.Truncated && !r.TCP {
		r, err = c.try(ctx, server, m, true)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	r.Took = c.Host.Clock().Now().Sub(start)
	return r, nil
}

func (c *Client) try(ctx context.Context, server netip.AddrPort, m *Message, tcp bool) (*Reply, error) {
	out, err := m.Pack()
	if err != nil {
		return nil, err
	}
	limit := c.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	ctx, stop := Within(ctx, c.Host.Clock(), limit)
	defer stop()
	conn, err := c.dial(ctx, server, tcp)
	if err != nil {
		return nil, timeoutError(ctx, err)
	}
	defer conn.Close()
	unhook := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	c.record(ctx, conn, server, trace.Client, m, out)
	var r *Reply
	if tcp {
		r, err = askTCP(conn, m, out)
	} else {
		r, err = askUDP(conn, m, out)
	}
	if err != nil {
		return nil, timeoutError(ctx, err)
	}
	c.record(ctx, conn, server, trace.Server, r.Message, r.Raw)
	return r, nil
}

func (c *Client) dial(ctx context.Context, server netip.AddrPort, tcp bool) (net.Conn, error) {
	if tcp {
		return c.Host.Dial(ctx, "tcp", server.String())
	}
	if c.Port == 0 {
		return c.Host.Dial(ctx, "udp", server.String())
	}
	pc, err := c.Host.ListenPacket(ctx, fmt.Sprintf(":%d", c.Port))
	if err != nil {
		return nil, err
	}
	return &fixedConn{PacketConn: pc, server: net.UDPAddrFromAddrPort(server)}, nil
}

// fixedConn is a UDP socket that speaks with one server from a chosen port.
type fixedConn struct {
	net.PacketConn
	server *net.UDPAddr
}

func (f *fixedConn) Write(b []byte) (int, error) { return f.WriteTo(b, f.server) }
func (f *fixedConn) RemoteAddr() net.Addr        { return f.server }
func (f *fixedConn) Read(b []byte) (int, error) {
	for {
		n, from, err := f.ReadFrom(b)
		if err != nil || sameAddr(from, f.server) {
			return n, err
		}
	}
}

func sameAddr(from net.Addr, want *net.UDPAddr) bool {
	u, ok := from.(*net.UDPAddr)
	return ok && u.Port == want.Port && u.IP.Equal(want.IP)
}

func askUDP(conn net.Conn, m *Message, out []byte) (*Reply, error) {
	if _, err := conn.Write(out); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	foreign := 0
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		in, err := Unpack(buf[:n])
		if err != nil || !in.answers(m) { // RFC 5452 §9.1: go on listening
			foreign++
			continue
		}
		return &Reply{Message: in, Size: n, Raw: buf[:n:n], Foreign: foreign}, nil
	}
}

func askTCP(conn net.Conn, m *Message, out []byte) (*Reply, error) {
	if err := WriteFrame(conn, out); err != nil {
		return nil, err
	}
	b, err := ReadFrame(conn)
	if err != nil {
		return nil, err
	}
	in, err := Unpack(b)
	if err != nil {
		return nil, err
	}
	if !in.answers(m) {
		return nil, errors.New("the reply belongs to another query")
	}
	return &Reply{Message: in, Size: len(b), Raw: b, TCP: true}, nil
}

// answers reports whether m replies to q: same id, and the same question unless
// the server could not read it.
func (m *Message) answers(q *Message) bool {
	if !m.m.Response || m.m.Id != q.m.Id || m.m.Opcode != q.m.Opcode {
		return false
	}
	if len(m.m.Question) == 0 {
		return m.m.Rcode == miekg.RcodeFormatError || m.m.Rcode == miekg.RcodeNotImplemented || m.m.Rcode == miekg.RcodeServerFailure || m.m.Rcode == miekg.RcodeRefused
	}
	return sameQuestion(m, q)
}

// sameQuestion reports that a reply repeats the question of a query.
func sameQuestion(m, q *Message) bool {
	a, b := m.m.Question[0], q.m.Question[0]
	return len(m.m.Question) == 1 && a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}

func (c *Client) record(ctx context.Context, conn net.Conn, server netip.AddrPort, dir trace.Dir, m *Message, b []byte) {
	if c.Trace == nil {
		return
	}
	local := ""
	if a := conn.LocalAddr(); a != nil {
		local = a.String()
	}
	_, tcp := conn.LocalAddr().(*net.TCPAddr)
	c.Trace.Add(trace.Event{Node: c.Node, TCP: tcp, Local: local, Remote: server.String(), Proto: trace.DNS,
		Kind: trace.Datagram, Dir: dir, Side: trace.Client, Text: m.Line(), Bytes: b, Size: len(b),
		Journey: trace.JourneyOf(ctx), Cause: trace.CauseOf(ctx)})
}

// Within is ctx with an end d from now by clock. stop frees what it holds.
func Within(ctx context.Context, clock wire.Clock, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t, stopTimer := clock.After(d)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-t:
			cancel(ErrTimeout)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(context.Canceled)
		stopTimer()
		<-done
	}
}

// timeoutError is err, or what ended ctx if that is the reason.
func timeoutError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return err
}

// ReadFrame reads one message with its length in front (RFC 1035 §4.2.2).
func ReadFrame(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

// WriteFrame writes one message with its length in front, in one write.
func WriteFrame(w io.Writer, b []byte) error {
	if len(b) > MaxMessage {
		return fmt.Errorf("message of %d bytes: TCP carries %d", len(b), MaxMessage)
	}
	out := make([]byte, 2, 2+len(b))
	binary.BigEndian.PutUint16(out, uint16(len(b)))
	_, err := w.Write(append(out, b...))
	return err
}

// RandomID is a query id that cannot be foreseen.
func RandomID() uint16 {
	var b [2]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return binary.BigEndian.Uint16(b[:])
}
