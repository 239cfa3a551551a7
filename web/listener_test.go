package web

import (
	"net"
	"net/netip"
	"testing"
)

// callers is a listener to which connections come from given addresses.
type callers struct {
	net.Listener
	from []string
}

type caller struct {
	net.Conn
	from   string
	closed bool
}

func (c *caller) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.from)
	return a
}

func (c *caller) Close() error {
	c.closed = true
	return nil
}

func (l *callers) Accept() (net.Conn, error) {
	if len(l.from) == 0 {
		return nil, net.ErrClosed
	}
	c := &caller{from: l.from[0]}
	l.from = l.from[1:]
	return c, nil
}

const maxOfHost = maxConnections / 2

// One host cannot take all connections, this machine can; who leaves makes room, once.
func TestHostsShareConnections(t *testing.T) {
	in := &callers{}
	l := newFairListener(in, []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, maxOfHost)
	take := func(from string, n int) (got []net.Conn) {
		for range n {
			in.from = append(in.from, from)
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return got
			}
			got = append(got, c)
		}
	}
	all := take("203.0.113.9:1000", maxOfHost+10)
	if len(all) != maxOfHost {
		t.Errorf("one host has %d connections, want %d", len(all), maxOfHost)
	}
	for from, want := range map[string]int{"[::ffff:203.0.113.9]:1000": 0, "203.0.113.10:1000": 5, "[2001:db8::1]:1000": 5} {
		if got := take(from, 5); len(got) != want {
			t.Errorf("%s has %d connections, want %d", from, len(got), want)
		}
	}
	for _, from := range []string{"127.0.0.1:1000", "10.9.0.1:1000"} { // this machine, and a trusted proxy
		if got := take(from, maxConnections); len(got) != maxConnections {
			t.Errorf("%s has %d connections", from, len(got))
		}
	}
	all[0].Close()
	all[0].Close()
	came := take("203.0.113.9:1000", 5)
	if len(came) != 1 {
		t.Errorf("one left and %d came", len(came))
	}
	for _, c := range append(all, came...) {
		c.Close()
	}
	if got := take("203.0.113.9:1000", maxOfHost); len(got) != maxOfHost {
		t.Errorf("all left and %d came", len(got))
	}
}
