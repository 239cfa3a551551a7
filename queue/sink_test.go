package queue_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// TestPostfixSink relays to Postfix's test server: a peer that we did not write.
func TestPostfixSink(t *testing.T) {
	bin, err := exec.LookPath("smtp-sink")
	if err != nil {
		t.Skip("smtp-sink is not installed (Debian package postfix)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(l.Addr().String())
	_ = l.Close()
	args := []string{addr.String(), "100"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it refuses to run as root
	}
	cmd := exec.Command(bin, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	eventually(t, func() bool {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})

	s := newStage(t)
	s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
	s.names.a["mail.hamburger.edu"] = []netip.Addr{addr.Addr()}
	s.opts.Port = addr.Port()
	s.opts.Host = onClock{wire.OS{}, s.clock}
	s.run()
	for i := range 50 {
		s.store.add(fmt.Sprint("m", i), ketchup+strings.Repeat(".dot\r\n", i*100), alice, mail.Options{}, to(bob, carol)...)
	}
	s.settled(50)
	h, _, left := s.store.snapshot()
	for _, rs := range h {
		for _, r := range rs {
			if r.Status != queue.Delivered {
				t.Fatalf("%s: %s: %s", r.Address, r.Status, r.Reply.Error())
			}
		}
	}
	if left != 0 {
		t.Errorf("%d recipients wait", left)
	}
}

// onClock is this machine with another clock.
type onClock struct {
	wire.OS
	clock wire.Clock
}

func (o onClock) Clock() wire.Clock { return o.clock }
