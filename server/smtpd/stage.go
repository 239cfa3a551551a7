package smtpd

import (
	"io"
	"net"
	"time"
)

// stage is a conn as one engine sees it. STARTTLS ends the stage of the plain
// engine and begins that of the secure one; what the first still says by then
// reaches nobody. Deadlines are wire.Front's business: the engine's are ignored.
type stage struct {
	*conn
	over bool
	left chan struct{} // closed when the engine has let go
}

// Read gives the engine its next line, or part of it.
func (s *stage) Read(p []byte) (int, error) {
	if s.over {
		return 0, io.EOF
	}
	return s.conn.read(p)
}

// Write takes whole lines of a reply.
func (s *stage) Write(p []byte) (int, error) {
	if s.over {
		return len(p), nil
	}
	s.conn.hear(p)
	return len(p), nil
}

// Close ends the stage; the connection goes on if another follows.
func (s *stage) Close() error {
	s.over = true
	select {
	case <-s.left:
	default:
		close(s.left)
	}
	return nil
}

// LocalAddr is this server's address.
func (s *stage) LocalAddr() net.Addr { return s.front.Conn().LocalAddr() }

// RemoteAddr is the client's address.
func (s *stage) RemoteAddr() net.Addr { return s.front.Conn().RemoteAddr() }

// SetDeadline does nothing.
func (s *stage) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (s *stage) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (s *stage) SetWriteDeadline(time.Time) error { return nil }
