package wiretest

import (
	"net"
	"time"
)

// Endless is a connection on which the same line is said again and again, and
// whatever is written to it is forgotten.
type Endless struct {
	net.Conn
	Line string
	at   int
}

// Read goes on with the line.
func (e *Endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], e.Line[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.Line)
	}
	return n, nil
}

// Write forgets p.
func (e *Endless) Write(p []byte) (int, error) { return len(p), nil }

// SetReadDeadline does nothing: no Read waits.
func (e *Endless) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (e *Endless) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is port 25 of no machine.
func (e *Endless) LocalAddr() net.Addr { return &net.TCPAddr{Port: 25} }

// RemoteAddr is port 4711 of no machine.
func (e *Endless) RemoteAddr() net.Addr { return &net.TCPAddr{Port: 4711} }
