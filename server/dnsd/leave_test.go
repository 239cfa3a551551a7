package dnsd_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/server/dnsd"
)

// endless is a handler whose answers take for ever.
type endless struct{ asked, left chan struct{} }

func (e endless) Answer(ctx context.Context, _ *dns.Request) *dns.Message {
	e.asked <- struct{}{}
	<-ctx.Done()
	e.left <- struct{}{}
	return nil
}

func (e endless) wait(t *testing.T, c chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("in vain: " + what)
	}
}

// question is one query as it goes over TCP.
func question(t *testing.T) []byte {
	t.Helper()
	b, err := dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: 7}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// A client that leaves, however, takes its query along and gives its connection back:
// with room for one connection the next is served.
func TestClientsLeave(t *testing.T) {
	whole := question(t)
	for how, leave := range map[string]func(*net.TCPConn){
		"FIN":        func(c *net.TCPConn) { c.Close() },
		"RST":        func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half of it": func(c *net.TCPConn) { c.CloseWrite() },
	} {
		for _, sent := range [][]byte{nil, whole[:1], whole[:2], whole[:9], whole, append(whole[:len(whole):len(whole)], whole[:5]...)} {
			t.Run(fmt.Sprintf("%s after %d bytes", how, len(sent)), func(t *testing.T) {
				t.Parallel()
				h := endless{make(chan struct{}, 8), make(chan struct{}, 8)}
				s := run(t, h, dnsd.Options{Connections: 1, Idle: time.Hour, Watch: 1})
				c, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.Write(sent); err != nil {
					t.Fatal(err)
				}
				if len(sent) >= len(whole) {
					h.wait(t, h.asked, "the query")
				}
				leave(c.(*net.TCPConn))
				if len(sent) >= len(whole) {
					h.wait(t, h.left, "the end of the query")
				}
				for end := time.Now().Add(20 * time.Second); !served(t, s, h, whole); {
					if time.Now().After(end) {
						t.Fatal("its connection is not given back")
					}
				}
			})
		}
	}
}

// served reports that a query over a new connection arrives; the server closes those
// that are too many.
func served(t *testing.T, s *dnsd.Server, h endless, query []byte) bool {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Write(query)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		c.Read(make([]byte, 1))
	}()
	defer func() {
		c.Close()
		<-closed
	}()
	select {
	case <-h.asked:
		return true
	case <-closed:
		return false
	}
}

// A stop ends what is asked, over TCP and in datagrams, which have no client to watch.
func TestStop(t *testing.T) {
	h := endless{make(chan struct{}, 8), make(chan struct{}, 8)}
	s := run(t, h, dnsd.Options{Idle: time.Hour})
	for _, network := range []string{"tcp", "udp"} {
		c, err := net.Dial(network, s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b := question(t)
		if network == "udp" {
			b = b[2:]
		}
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		h.wait(t, h.asked, "the query over "+network)
	}
	done := make(chan struct{})
	go func() {
		s.Close()
		close(done)
	}()
	h.wait(t, h.left, "the end of one")
	h.wait(t, h.left, "the end of the other")
	h.wait(t, done, "the end of the server")
}

// patient is a handler that answers when it is told to.
type patient struct{ asked, go_ chan struct{} }

func (p patient) Answer(ctx context.Context, r *dns.Request) *dns.Message {
	p.asked <- struct{}{}
	select {
	case <-p.go_:
		return r.NewReply(dns.NoError)
	case <-ctx.Done():
		return nil
	}
}

// TestClientsStay: a client that is watched while its query takes long loses nothing of
// what it sends meanwhile.
func TestClientsStay(t *testing.T) {
	p := patient{make(chan struct{}), make(chan struct{})}
	s := run(t, p, dnsd.Options{Idle: time.Hour, Watch: 1})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	b := question(t)
	c.Write(b)
	for i := range 200 {
		<-p.asked
		c.Write(b[:i%len(b)])
		p.go_ <- struct{}{}
		if _, err := dns.ReadFrame(c); err != nil {
			t.Fatal(err)
		}
		c.Write(b[i%len(b):])
	}
	<-p.asked
	p.go_ <- struct{}{}
}
