package wire

import (
	"net"
	"sync"
	"time"
)

// Patient is conn with deadlines for reading that do not run while a line of this
// connection waits at the gate, at either end: whoever waits for it would give up
// otherwise. Without a gate it is conn itself.
func Patient(conn net.Conn, g Gate) net.Conn {
	if g == nil {
		return conn
	}
	return &patient{Conn: conn, gate: g, local: conn.LocalAddr().String(), remote: conn.RemoteAddr().String()}
}

type patient struct {
	net.Conn
	gate          Gate
	local, remote string // addresses

	mu    sync.Mutex
	due   time.Time     // the deadline for reading
	stood time.Duration // of the gate, when due was set
}

// SetReadDeadline is for the waits of the other end, not for those at the gate.
func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due, p.stood = t, p.gate.Stood(p.local, p.remote)
	return p.Conn.SetReadDeadline(t)
}

// SetDeadline sets both.
func (p *patient) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.SetWriteDeadline(t)
}

// Read goes on after a deadline by as much as lines had to wait.
func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if n > 0 || !isTimeout(err) || !p.extend() {
			return n, err
		}
	}
}

// extend moves a deadline that has passed, and tells whether there is a reason
// to.
func (p *patient) extend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, stood := time.Now(), p.gate.Stood(p.local, p.remote)
	if now.Before(p.due) { // it was moved meanwhile
		return true
	}
	next := p.due.Add(stood - p.stood)
	if p.due.IsZero() || !next.After(now) {
		return false
	}
	p.due, p.stood = next, stood
	return p.Conn.SetReadDeadline(next) == nil
}

// CloseWrite ends this side's half, if the connection has halves.
func (p *patient) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
