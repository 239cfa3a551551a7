package lab_test

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"

	"glassmail/lab"
	"glassmail/wire"
)

func newInternet(t *testing.T) *lab.Internet {
	t.Helper()
	n, err := lab.NewInternet(wire.System{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func newHost(t *testing.T, n *lab.Internet, name, addr string) *lab.Host {
	t.Helper()
	h, err := n.Host(name, netip.MustParseAddr(addr))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Both ends see the lecture's own addresses and port 25, without privileges.
func TestTCPBetweenHosts(t *testing.T) {
	n := newInternet(t)
	crepes := newHost(t, n, "mail.crepes.fr", "192.0.2.25")
	hamburger := newHost(t, n, "mail.hamburger.edu", "198.51.100.25")
	l, err := hamburger.Listen(t.Context(), "198.51.100.25:25")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			peer <- err.Error()
			return
		}
		defer c.Close()
		io.WriteString(c, "220 hamburger.edu\r\n")
		peer <- c.RemoteAddr().String()
	}()
	c, err := crepes.Dial(t.Context(), "tcp", "198.51.100.25:25")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "220 hamburger.edu\r\n" {
		t.Fatalf("read %q, %v", got, err)
	}
	if p := <-peer; !strings.HasPrefix(p, "192.0.2.25:") {
		t.Errorf("hamburger.edu saw the peer %s, want 192.0.2.25", p)
	}
}

func TestUDPBetweenHosts(t *testing.T) {
	n := newInternet(t)
	a, b := newHost(t, n, "a", "192.0.2.1"), newHost(t, n, "b", "192.0.2.2")
	srv, err := b.ListenPacket(t.Context(), "192.0.2.2:53")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	go func() {
		buf := make([]byte, 512)
		if k, from, err := srv.ReadFrom(buf); err == nil {
			srv.WriteTo([]byte(strings.ToUpper(string(buf[:k]))), from)
		}
	}()
	c, err := a.Dial(t.Context(), "udp", "192.0.2.2:53")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	buf := make([]byte, 512)
	k, err := c.Read(buf)
	if err != nil || string(buf[:k]) != "HELLO" {
		t.Fatalf("read %q, %v", buf[:k], err)
	}
}

func TestNothingLeavesTheLab(t *testing.T) {
	n := newInternet(t)
	h := newHost(t, n, "a", "192.0.2.1")
	for _, to := range []string{"127.0.0.1:25", "8.8.8.8:53", "192.0.2.99:25"} {
		if c, err := h.Dial(t.Context(), "tcp", to); err == nil {
			c.Close()
			t.Errorf("a host of the lab could dial %s", to)
		}
	}
	if _, err := h.Dial(t.Context(), "tcp", "192.0.2.1:25"); err == nil {
		t.Error("a port on which nobody listens accepted a connection")
	}
	if _, err := h.Listen(t.Context(), "192.0.2.7:25"); err == nil {
		t.Error("a host could listen on an address it does not have")
	}
	if _, err := n.Host("b", netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("two hosts got one address")
	}
}

func TestLoopbackIsADoor(t *testing.T) {
	h := newHost(t, newInternet(t), "a", "192.0.2.1")
	l, err := h.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := wire.OS{}.Dial(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
