package web

import (
	"net"
	"net/netip"
	"sync"

	"glassmail/mail"
)

// fairListener closes connections of hosts that have too many, so that a single
// stranger cannot take all. This machine itself, and trusted proxies, may take all.
type fairListener struct {
	net.Listener
	most    int // connections of one host at one time
	proxies []netip.Prefix

	mu    sync.Mutex
	hosts map[netip.Prefix]int
}

func newFairListener(l net.Listener, proxies []netip.Prefix, most int) *fairListener {
	return &fairListener{Listener: l, most: max(most, 1), proxies: proxies, hosts: map[netip.Prefix]int{}}
}

// Accept returns the next connection that may be served.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, ok := l.enter(c.RemoteAddr())
		if !ok {
			c.Close()
			continue
		}
		return &countedConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(host) })}, nil
	}
}

func (l *fairListener) enter(addr net.Addr) (client netip.Prefix, ok bool) {
	ap, err := netip.ParseAddrPort(addr.String())
	host := ap.Addr().Unmap().WithZone("")
	if err != nil || host.IsLoopback() || within(host, l.proxies) {
		return netip.Prefix{}, true
	}
	client = mail.ClientOf(host)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[client] >= l.most {
		return client, false
	}
	l.hosts[client]++
	return client, true
}

func (l *fairListener) leave(client netip.Prefix) {
	if !client.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts[client]--; l.hosts[client] == 0 {
		delete(l.hosts, client)
	}
}

// countedConn is counted until it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
