package wire

import (
	"net"
	"sync"
	"time"
)

// Pausable is conn with deadlines that do not run while a line of this connection
// waits at the interceptor, at either end: whoever waits for it would give up otherwise.
// Without an interceptor it is conn itself.
func Pausable(conn net.Conn, g Interceptor) net.Conn {
	if g == nil {
		return conn
	}
	return &pausableConn{Conn: conn, interceptor: g, local: conn.LocalAddr().String(), remote: conn.RemoteAddr().String()}
}

type pausableConn struct {
	net.Conn
	interceptor   Interceptor
	local, remote string // addresses
	reads, writes deadline
}

// deadline is one that moves.
type deadline struct {
	mu     sync.Mutex
	at     time.Time
	paused time.Duration // of the connection, when at was set
}

func (p *pausableConn) paused() time.Duration { return p.interceptor.Paused(p.local, p.remote) }

// SetReadDeadline is for the waits of the other end, not for those at the interceptor.
func (p *pausableConn) SetReadDeadline(t time.Time) error {
	return p.reads.put(t, p.paused(), p.Conn.SetReadDeadline)
}

// SetWriteDeadline is likewise for the other end, which may not read while a line
// of it waits, and for a handshake, which has one deadline for both directions.
func (p *pausableConn) SetWriteDeadline(t time.Time) error {
	return p.writes.put(t, p.paused(), p.Conn.SetWriteDeadline)
}

// SetDeadline sets both.
func (p *pausableConn) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.SetWriteDeadline(t)
}

// Read goes on after a deadline by as much as lines had to wait.
func (p *pausableConn) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if n > 0 || !isTimeout(err) || !p.reads.extend(p.paused(), p.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write goes on after a deadline as Read does.
func (p *pausableConn) Write(b []byte) (n int, err error) {
	for {
		k, err := p.Conn.Write(b[n:])
		n += k
		if !isTimeout(err) || !p.writes.extend(p.paused(), p.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

func (d *deadline) put(t time.Time, stood time.Duration, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.paused = t, stood
	return set(t)
}

// extend moves a deadline that has passed, and tells whether there is a reason
// to.
func (d *deadline) extend(stood time.Duration, set func(time.Time) error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Before(d.at) { // it was moved meanwhile
		return true
	}
	next := d.at.Add(stood - d.paused)
	if d.at.IsZero() || !next.After(now) {
		return false
	}
	d.at, d.paused = next, stood
	return set(next) == nil
}

// CloseWrite ends this side's half, if the connection has halves.
func (p *pausableConn) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
