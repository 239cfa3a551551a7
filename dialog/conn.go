package dialog

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// conn is a connection read line by line.
type conn struct {
	net.Conn
	r      *bufio.Reader
	back   string // a line that was read and put back
	backed bool
}

func newConn(c net.Conn) *conn {
	return &conn{Conn: c, r: bufio.NewReaderSize(c, MaxLine)}
}

// line reads up to and with the next LF. With an error comes what was read
// before it.
func (c *conn) line() (string, error) {
	if c.backed {
		c.backed = false
		if c.back == "" {
			return "", io.EOF
		}
		return c.back, nil
	}
	b, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = fmt.Errorf("a line of more than %d bytes came", MaxLine)
	}
	return string(b), err
}

// push puts a line back for the next call of line; "" stands for the end.
func (c *conn) push(l string) { c.back, c.backed = l, true }

// take reads n bytes.
func (c *conn) take(n int) (string, error) {
	b := make([]byte, n)
	k, err := io.ReadFull(c.r, b)
	return string(b[:k]), err
}

// send writes text in pieces of segment bytes, or at once if segment is 0.
func (c *conn) send(text string, segment int) error {
	if segment <= 0 {
		segment = len(text)
	}
	for len(text) > 0 {
		n := min(segment, len(text))
		if _, err := io.WriteString(c.Conn, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// startTLS puts TLS between the connection and its reader. Bytes that the peer
// sent before the handshake would pass unprotected: they end the dialogue.
func (c *conn) startTLS(ctx context.Context, cfg *tls.Config, server bool) error {
	if n := c.r.Buffered(); n > 0 {
		return fmt.Errorf("%d bytes came in the clear after the go-ahead for TLS", n)
	}
	var tc *tls.Conn
	switch {
	case server && cfg == nil:
		return errors.New("a server needs a TLS configuration")
	case server:
		tc = tls.Server(c.Conn, cfg)
	case cfg == nil:
		tc = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	default:
		tc = tls.Client(c.Conn, cfg)
	}
	if err := tc.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.Conn = tc
	c.r.Reset(tc)
	return nil
}

// ended reports whether err says that the peer has closed the connection. A peer
// that closes with our bytes unread resets it.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
