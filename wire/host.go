package wire

import (
	"context"
	"net"
	"time"
)

// Host is the outside world of a node. Its methods are safe for concurrent use.
type Host interface {
	// Listen accepts TCP connections on addr ("127.0.0.1:25", ":143").
	Listen(ctx context.Context, addr string) (net.Listener, error)
	// ListenPacket receives UDP datagrams on addr.
	ListenPacket(ctx context.Context, addr string) (net.PacketConn, error)
	// Dial opens a connection; network is "tcp" or "udp". addr names an IP
	// address and a port: names are the resolver's business.
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
	// Clock tells the time by which retries, TTLs and log entries go.
	Clock() Clock
}

// OS is the machine this process runs on.
type OS struct{}

// Listen opens a TCP listener of the operating system.
func (OS) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", addr)
}

// ListenPacket opens a UDP socket of the operating system.
func (OS) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, "udp", addr)
}

// Dial connects through the operating system.
func (OS) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 30 * time.Second}
	return d.DialContext(ctx, network, addr)
}

// Clock is the system's clock.
func (OS) Clock() Clock { return System{} }
