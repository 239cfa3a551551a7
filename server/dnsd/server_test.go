package dnsd_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/lab/lesson/lessontest"
	"glassmail/server/dnsd"
	"glassmail/trace"
	"glassmail/wire"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run starts a server on loopback and stops it at the end of the test.
func run(t testing.TB, h dns.Handler, o dnsd.Options) *dnsd.Server {
	t.Helper()
	s := dnsd.New(wire.OS{}, []string{"127.0.0.1:0"}, h, o)
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

func hamburger(t testing.TB) *dns.Authority {
	t.Helper()
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return dns.NewAuthority(func(r *dns.Request) bool { return true }, h.Zone("hamburger.edu"))
}

func TestUDPAndTCP(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	s := run(t, hamburger(t), dnsd.Options{Trace: log, Node: "dns1.hamburger.edu"})
	for _, tcp := range []bool{false, true} {
		c := dns.Client{Host: wire.OS{}, TCP: tcp}
		r, err := c.Ask(context.Background(), s.Addr(), dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: 99}))
		if err != nil {
			t.Fatal(err)
		}
		if a := r.Answer(); len(a) != 1 || a[0].Data() != "10 mail.hamburger.edu." || !r.Header().Authoritative || r.TCP != tcp {
			t.Errorf("tcp %v: %v", tcp, a)
		}
	}
	var got []string
	for _, e := range log.Since(0) {
		if e.Kind == trace.Datagram {
			got = append(got, e.String())
			if len(e.Bytes) == 0 || e.Remote == "" || e.Local != s.Addr().String() {
				t.Errorf("event %+v", e)
			}
		}
	}
	want := "C: Q hamburger.edu. MX|S: A hamburger.edu. MX 10 mail.hamburger.edu."
	if strings.Join(got, "|") != want+"|"+want {
		t.Errorf("events %q", got)
	}
}

// A reply that is too large for the client's UDP comes over TCP.
func TestTruncation(t *testing.T) {
	a := hamburger(t)
	if err := a.Update("hamburger.edu", func(z *dns.Zone) (*dns.Zone, error) {
		var add []dns.Record
		for i := range 10 {
			add = append(add, lessontest.Record(t, fmt.Sprintf("large.hamburger.edu. 60 TXT %d-%s", i, strings.Repeat("x", 90))))
		}
		return z.Edit(dns.Edit{Add: add})
	}); err != nil {
		t.Fatal(err)
	}
	s := run(t, a, dnsd.Options{})
	q := dns.NewMessage(dns.Query{Name: "large.hamburger.edu", Type: dns.TypeTXT, Size: 512, ID: 5})
	c := dns.Client{Host: wire.OS{}}
	r, err := c.Ask(context.Background(), s.Addr(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !r.TCP || r.Size <= 512 || len(r.Answer()) < 8 {
		t.Errorf("tcp %v, %d bytes, %d records", r.TCP, r.Size, len(r.Answer()))
	}
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b, _ := q.Pack()
	conn.Write(b)
	buf := make([]byte, 2000)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dns.Unpack(buf[:n])
	if err != nil || !m.Header().Truncated || n > 512 {
		t.Errorf("UDP reply of %d bytes, %+v, %v", n, m.Header(), err)
	}
}

// Bytes that are no message get FORMERR if they have a header, else silence; the
// server lives on.
func TestGarbage(t *testing.T) {
	s := run(t, hamburger(t), dnsd.Options{})
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte{1, 2, 3})
	conn.Write([]byte{0xab, 0xcd, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0})       // a broken reply: never answered
	conn.Write([]byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 'x'}) // a label beyond the end
	buf := make([]byte, 512)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dns.Unpack(buf[:n])
	if err != nil || m.ID() != 0x1234 || m.Header().Code != dns.FormatError {
		t.Errorf("got %x: %v", buf[:n], err)
	}
}

// Queries above the limit of a client are dropped; others are not touched.
func TestPerClient(t *testing.T) {
	clock := &asked{Manual: wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))}
	s := dnsd.New(host{clock}, []string{"127.0.0.1:0"}, hamburger(t), dnsd.Options{PerClient: 3})
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	<-s.Ready()
	defer func() { s.Close(); <-done }()
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	ask := func(id uint16) {
		b, _ := dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: id}).Pack()
		conn.Write(b)
	}
	read := func() uint16 {
		buf := make([]byte, 512)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := dns.Unpack(buf[:n])
		return m.ID()
	}
	answered := map[uint16]bool{}
	before := clock.times.Load()
	for id := range uint16(3) {
		ask(id)
		answered[read()] = true
	}
	each := (clock.times.Load() - before) / 3
	for id := range uint16(20) {
		ask(100 + id)
	}
	other, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 99)}, net.UDPAddrFromAddrPort(s.Addr()))
	if err != nil {
		t.Skip("this system has no second loopback address")
	}
	defer other.Close()
	other.SetDeadline(time.Now().Add(time.Minute))
	b, _ := dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX, ID: 7}).Pack()
	other.Write(b)
	buf := make([]byte, 512)
	if _, err := other.Read(buf); err != nil { // another client is served at once
		t.Fatal(err)
	}
	for clock.times.Load() < before+each*(3+20+1) { // until the limit has seen all
		if time.Sleep(time.Millisecond); t.Context().Err() != nil {
			t.Fatal("some queries were lost")
		}
	}
	clock.Advance(time.Second)
	ask(200)
	for id := read(); id != 200; id = read() {
		if id >= 100 {
			t.Errorf("query %d was answered above the limit", id)
		}
	}
}

// asked is a clock that counts how often it was asked.
type asked struct {
	*wire.Manual
	times atomic.Int64
}

func (a *asked) Now() time.Time {
	defer a.times.Add(1)
	return a.Manual.Now()
}

// host is the system's network under a clock turned by hand.
type host struct{ clock wire.Clock }

func (h host) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return wire.OS{}.Listen(ctx, addr)
}
func (h host) ListenPacket(ctx context.Context, addr string) (net.PacketConn, error) {
	return wire.OS{}.ListenPacket(ctx, addr)
}
func (h host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return wire.OS{}.Dial(ctx, network, addr)
}
func (h host) Clock() wire.Clock { return h.clock }

// A silent TCP client is closed after Idle; one connection too many at once.
func TestTCPBounds(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	s := dnsd.New(host{clock}, []string{"127.0.0.1:0"}, hamburger(t), dnsd.Options{PerAddress: 1})
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	<-s.Ready()
	defer func() { s.Close(); <-done }()
	first, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	clock.Sleepers(1) // the first is served
	second, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("the second connection was served")
	}
	clock.Advance(10 * time.Second)
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the silent connection got data")
	}
}

// Close ends a Run whose handler waits for other servers.
func TestCloseWhileWaiting(t *testing.T) {
	entered := make(chan struct{}, 1)
	h := waiting{entered}
	s := run(t, h, dnsd.Options{})
	conn, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b, _ := dns.NewMessage(dns.Query{Name: "x", Type: dns.TypeA}).Pack()
	conn.Write(b)
	<-entered
}

type waiting struct{ entered chan struct{} }

func (w waiting) Answer(ctx context.Context, _ *dns.Request) *dns.Message {
	w.entered <- struct{}{}
	<-ctx.Done()
	return nil
}

func TestRunTwice(t *testing.T) {
	s := run(t, hamburger(t), dnsd.Options{})
	if err := s.Run(context.Background()); err == nil {
		t.Error("a second Run succeeded")
	}
	taken := dnsd.New(wire.OS{}, []string{s.Addr().String()}, hamburger(t), dnsd.Options{})
	if err := taken.Run(context.Background()); err == nil || !strings.Contains(err.Error(), s.Addr().String()) {
		t.Errorf("a taken port: %v", err)
	}
	if err := dnsd.New(wire.OS{}, nil, hamburger(t), dnsd.Options{}).Close(); err != nil {
		t.Error(err)
	}
	var zero netip.AddrPort
	if s.Addr() == zero || len(s.Addrs()) != 1 {
		t.Error("no address")
	}
}
