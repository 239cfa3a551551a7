package tools

import (
	"io"
	"net"
	"time"
)

// memConn reads from r and swallows what is written.
type memConn struct {
	net.Conn
	r io.Reader
}

func (c *memConn) Read(b []byte) (int, error)  { return c.r.Read(b) }
func (c *memConn) Write(b []byte) (int, error) { return len(b), nil }
func (c *memConn) Close() error                { return nil }
func (c *memConn) SetDeadline(time.Time) error { return nil }

// farConn is a connection to another machine.
type farConn struct{ net.Conn }

func (*farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 25} }
