package dnsd

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/net/ipv4"
)

// batchSize is how many datagrams are read and written in one system call.
const batchSize = 16

// batch is a socket of the operating system on which several datagrams are read
// and written at once, with the buffers for that.
type batch struct {
	conn *ipv4.PacketConn // for sockets of IPv6 too: it moves bytes and looks at nothing
	in   []ipv4.Message
	out  []ipv4.Message
	bufs [][]byte // for replies
}

// newBatch is nil where there are no such system calls.
func newBatch(pc net.PacketConn) *batch {
	u, ok := pc.(*net.UDPConn)
	if !ok || runtime.GOOS != "linux" {
		return nil
	}
	b := &batch{conn: ipv4.NewPacketConn(u), in: make([]ipv4.Message, batchSize), out: make([]ipv4.Message, 0, batchSize)}
	for i := range b.in {
		b.in[i].Buffers = [][]byte{make([]byte, maxQuery)}
		b.bufs = append(b.bufs, make([]byte, maxQuery))
	}
	return b
}

// serveBatches is serveUDP with several datagrams at a time: those that have come
// meanwhile, never waiting for more.
func (s *Server) serveBatches(ctx context.Context, so *socket, b *batch) {
	var pause time.Duration
	for {
		n, err := b.conn.ReadBatch(b.in, 0)
		if err != nil {
			if ctx.Err() != nil || !s.backOff(ctx, &pause, err) {
				return
			}
			continue
		}
		pause = 0
		b.out = b.out[:0]
		for i := range b.in[:n] {
			m := &b.in[i]
			u, ok := m.Addr.(*net.UDPAddr)
			if !ok {
				continue
			}
			if reply := s.datagram(ctx, so, m.Buffers[0][:m.N], b.bufs[i], unmapped(u)); reply != nil {
				b.out = append(b.out, ipv4.Message{Buffers: [][]byte{reply}, Addr: m.Addr})
			}
		}
		b.write()
	}
}

// unmapped is the address in the form in which the limits know it.
func unmapped(u *net.UDPAddr) netip.AddrPort {
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// write sends the replies. One that cannot be sent is asked for again.
func (b *batch) write() {
	for rest := b.out; len(rest) > 0; {
		n, err := b.conn.WriteBatch(rest, 0)
		if err != nil {
			n = max(n, 0) + 1
		}
		rest = rest[min(n, len(rest)):]
	}
}
