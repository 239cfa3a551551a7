package queue_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
)

// stages are the points at which a server can leave the relay; the ends are told, too.
var stages = []string{"greeting", "EHLO", "STARTTLS", "handshake", "MAIL", "RCPT", "DATA", "text", ".", "QUIT"}

func below(c net.Conn) *net.TCPConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*net.TCPConn)
}

// leaving is a stage with one host, which leaves in its own way at some point.
func leaving(t *testing.T, at string, leave func(*net.TCPConn)) *stage {
	s := newStage(t)
	s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
	p := newPeer(t, map[string][]string{at: {vanish}})
	p.leave = func(c net.Conn) { leave(below(c)) }
	if at == "STARTTLS" || at == "handshake" {
		p.tls, _ = certificate(t, "mail.hamburger.edu")
	}
	s.at("192.0.2.1", p)
	return s
}

// closed waits until the relay has given back all its connections.
func (s *stage) closed() {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); s.world.open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%d connections are left", s.world.open.Load())
		}
	}
}

// TestServersLeave: whatever a server was about to say, the relay gives the connection
// back at once and keeps the message.
func TestServersLeave(t *testing.T) {
	for how, leave := range map[string]func(*net.TCPConn){
		"FIN":        func(c *net.TCPConn) { c.Close() },
		"RST":        func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half of it": func(c *net.TCPConn) { c.CloseWrite() },
	} {
		for _, at := range stages {
			t.Run(at+", "+how, func(t *testing.T) {
				t.Parallel()
				s := leaving(t, at, leave)
				result := s.attempt(mail.Options{}, to(bob)...)[0]
				if result.Status == queue.Failed || at == "QUIT" && result.Status != queue.Delivered {
					t.Errorf("%+v", result)
				}
				if at == "QUIT" || result.Status == queue.Delivered { // a connection that has served is kept for a while
					s.stop()
				}
				s.closed()
			})
		}
	}
}

// TestStopWhileServersAreSilent: a stop waits for no server.
func TestStopWhileServersAreSilent(t *testing.T) {
	for _, at := range stages {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			silent := make(chan struct{}, 8)
			s := leaving(t, at, func(*net.TCPConn) { silent <- struct{}{} })
			s.run()
			s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
			if at == "QUIT" {
				s.settled(1)
			} else {
				<-silent
			}
			s.stop()
			if s.world.open.Load() != 0 {
				t.Error("a connection is left")
			}
			if _, reports, left := s.store.snapshot(); len(reports) != 0 || left != 1 && at != "QUIT" {
				t.Errorf("%d reports, %d messages left", len(reports), left)
			}
		})
	}
}
