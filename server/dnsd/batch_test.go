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
	"glassmail/trace"
	"glassmail/wire"
)

// slow is a handler that never answers at once.
type slow struct{ dns.Handler }

// Each of many datagrams that arrive together gets its own answer, whether the
// server reads in batches or, watched, one by one; answers made at once, kept from
// before and made later; over IPv4, IPv6 and a socket for both.
func TestManyAtOnce(t *testing.T) {
	quick := hamburger(t)
	for _, c := range []struct{ listen, dial string }{{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}, {"[::]:0", "127.0.0.1"}, {"[::]:0", "::1"}} {
		for _, h := range []dns.Handler{quick, slow{quick}} {
			for _, log := range []*trace.Log{nil, trace.NewLog(10, time.Now)} {
				t.Run(fmt.Sprintf("%s from %s, %T, watched %t", c.listen, c.dial, h, log != nil), func(t *testing.T) {
					manyAtOnce(t, c.listen, c.dial, h, log)
				})
			}
		}
	}
}

func manyAtOnce(t *testing.T, listen, dial string, h dns.Handler, log *trace.Log) {
	s := dnsd.New(wire.OS{}, []string{listen}, h, dnsd.Options{Trace: log})
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	select {
	case <-s.Ready():
	case err := <-done:
		t.Skipf("this system has no such address: %v", err)
	}
	defer func() { s.Close(); <-done }()
	conn, err := net.Dial("udp", net.JoinHostPort(dial, fmt.Sprint(s.Addr().Port())))
	if err != nil {
		t.Skipf("this system has no such address: %v", err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	const most = 40
	want := map[uint16]string{}
	for id := range uint16(most) {
		q := dns.Query{Name: "mail.hamburger.edu", Type: dns.TypeA, ID: id}
		want[id] = "A mail.hamburger.edu. A 203.0.113.25"
		if id%2 == 1 {
			q.Name = "nobody.hamburger.edu"
			want[id] = "A nobody.hamburger.edu. A NXDOMAIN"
		}
		b, err := dns.NewMessage(q).Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 4096)
	for len(want) > 0 {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%d queries have no answer: %v", len(want), err)
		}
		id := binary.BigEndian.Uint16(buf)
		m, err := dns.Unpack(buf[:n])
		if err != nil || m.Line() != want[id] {
			t.Fatalf("id %d: %v, %v, want %q", id, m, err, want[id])
		}
		delete(want, id)
	}
}
