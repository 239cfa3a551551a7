package wire_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"glassmail/wire"
)

// watched is a connection whose client is watched at once.
func watched(c net.Conn) *wire.Conn {
	return wire.NewConn(c, wire.Timeouts{Write: patience, Handshake: patience, Watch: 1}, nil)
}

// secured is a pair with TLS on top.
func secured(t *testing.T) (client net.Conn, f *wire.Conn) {
	t.Helper()
	a, err := wire.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Certificate(time.Now(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	c, s := pair(t)
	f = watched(s)
	tc := tls.Client(c, &tls.Config{RootCAs: a.Pool(), ServerName: "localhost"})
	done := make(chan error, 1)
	go func() { done <- tc.Handshake() }()
	if err := f.Handshake(wire.ServerTLS(cert)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return tc, f
}

// A client that leaves while its command is carried out is noticed, however it leaves
// and whatever it had sent before; one that stays is not, and nothing it says is lost.
func TestWatch(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (net.Conn, *wire.Conn){
		"plain": func(t *testing.T) (net.Conn, *wire.Conn) { c, s := pair(t); return c, watched(s) },
		"TLS":   secured,
	} {
		for how, leave := range map[string]func(net.Conn){
			"FIN":              func(c net.Conn) { c.Close() },
			"after a command":  func(c net.Conn) { io.WriteString(c, "NOOP\r\n"); c.Close() },
			"half of it alone": func(c net.Conn) { c.(interface{ CloseWrite() error }).CloseWrite() },
			"RST": func(c net.Conn) {
				if tc, ok := c.(*tls.Conn); ok {
					c = tc.NetConn()
				}
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				c, f := open(t)
				gone := make(chan struct{})
				stop := f.Watch(func() { close(gone) })
				leave(c)
				select {
				case <-gone:
				case <-time.After(patience):
					t.Error("nobody noticed")
				}
				stop()
			})
		}
		t.Run(name+" stays", func(t *testing.T) {
			c, f := open(t)
			for range 3 {
				stop := f.Watch(func() { t.Error("it is said to have gone") })
				if _, err := io.WriteString(c, "NOOP\r\n"); err != nil {
					t.Fatal(err)
				}
				stop()
				if line, err := f.ReadLine(patience, true, 100); err != nil || string(line) != "NOOP\r\n" {
					t.Fatalf("%q, %v", line, err)
				}
			}
		})
	}
}
