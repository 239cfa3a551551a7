// Package wiretest gives tests of servers clients that seem to come from elsewhere, and
// interceptors.
package wiretest

import "net"

// From makes the connections of l seem to come from an address and port, such as
// "192.0.2.9:4711"; "" leaves them as they are.
func From(l net.Listener, remote string) net.Listener {
	if remote == "" {
		return l
	}
	a, err := net.ResolveTCPAddr("tcp", remote)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return &elsewhere{l, a}
}

type elsewhere struct {
	net.Listener
	remote net.Addr
}

// Accept waits for the next connection.
func (e *elsewhere) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{c.(*net.TCPConn), e.remote}, nil
}

type conn struct {
	*net.TCPConn
	remote net.Addr
}

// RemoteAddr is the address that the test wants.
func (c *conn) RemoteAddr() net.Addr { return c.remote }
