package wire_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// crowd is a listener that a test fills, with clients at addresses of its choice.
// Its handler greets, answers each line with "ok", takes a message after "data", and
// notes a login after "login".
type crowd struct {
	t      *testing.T
	clock  *wire.Manual
	conns  wire.Conns
	l      *wire.Listener
	real   net.Listener
	in     chan net.Conn
	closed chan struct{}
	heard  chan struct{} // a line, or a step of a message
}

func newCrowd(t *testing.T, limits wire.Limits) *crowd {
	t.Helper()
	w := &crowd{t: t, clock: wire.NewManual(time.Unix(1000, 0)), in: make(chan net.Conn), closed: make(chan struct{}), heard: make(chan struct{})}
	w.conns.Clock = w.clock
	var err error
	if w.real, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.real.Close() })
	limits.Conns = &w.conns
	w.l = wire.NewListener(w, w.clock, limits, func(c net.Conn) { io.WriteString(c, "421 full\r\n") })
	served := make(chan error, 1)
	go func() { served <- w.l.Serve(w.handle) }()
	t.Cleanup(func() {
		w.l.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *crowd) Accept() (net.Conn, error) {
	select {
	case c := <-w.in:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *crowd) Close() error {
	close(w.closed)
	return nil
}

func (w *crowd) Addr() net.Addr { return &net.TCPAddr{} }

func (w *crowd) handle(c net.Conn) {
	f := wire.NewConn(c, wire.Timeouts{Write: time.Minute, Handshake: time.Minute}, (*trace.Conn)(nil))
	w.conns.Enter(f, c, w.clock.Now())
	defer w.conns.Leave(f)
	f.Send([]byte("220 hello\r\n"))
	for {
		line, err := f.ReadLine(time.Hour, true, 1000)
		if errors.Is(err, wire.ErrFull) {
			f.Send([]byte("421 quiet\r\n"))
			f.Flush()
		}
		if err != nil {
			return
		}
		switch strings.TrimSpace(string(line)) {
		case "login":
			f.LoggedIn("bob")
		case "data":
			w.heard <- struct{}{}
			for f.Await(time.Hour, false) == nil {
				f.Discard(f.Buffered())
				w.heard <- struct{}{}
			}
			return
		}
		w.heard <- struct{}{}
	}
}

// at is a connection that says that it is from an address.
type at struct {
	net.Conn
	from net.Addr
}

func (c at) RemoteAddr() net.Addr { return c.from }

// guest is the client's side.
type guest struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

// pair is a connection, seen from both ends.
func (w *crowd) pair() (ours, theirs net.Conn) {
	w.t.Helper()
	theirs, err := net.Dial("tcp", w.real.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	if ours, err = w.real.Accept(); err != nil {
		w.t.Fatal(err)
	}
	return ours, theirs
}

// come connects and returns the first line.
func (w *crowd) come(from string) (*guest, string) {
	w.t.Helper()
	ours, theirs := w.pair()
	w.t.Cleanup(func() { theirs.Close() })
	theirs.SetDeadline(time.Now().Add(30 * time.Second))
	w.in <- at{ours, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 4711))}
	g := &guest{w.t, theirs, bufio.NewReader(theirs)}
	return g, g.line()
}

func (g *guest) line() string {
	s, err := g.in.ReadString('\n')
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSpace(s)
}

func (w *crowd) say(g *guest, text string) {
	w.t.Helper()
	if _, err := io.WriteString(g.c, text); err != nil {
		w.t.Error(err)
	}
}

// ask says a whole command and waits until it was heard.
func (w *crowd) ask(g *guest, text string) {
	w.say(g, text)
	<-w.heard
}

// A thousand connections of ten addresses, each with a byte now and then, do not
// keep others out, who are not disturbed by it either.
func TestTricklingConnectionsGiveWay(t *testing.T) {
	w := newCrowd(t, wire.Limits{Total: 1000, PerAddr: 100})
	var tricklers []*guest
	for i := range 1000 {
		g, hello := w.come(fmt.Sprintf("192.0.2.%d", i/100))
		if hello != "220 hello" {
			t.Fatalf("number %d: %s", i, hello)
		}
		tricklers = append(tricklers, g)
	}
	for _, g := range tricklers {
		w.say(g, "E")
	}
	waiting(w, len(tricklers))
	var honest []*guest
	for i := range 50 {
		g, hello := w.come(fmt.Sprintf("198.51.100.%d", i))
		if hello != "220 hello" {
			t.Fatalf("honest client %d: %s", i, hello)
		}
		w.ask(g, "EHLO x\r\n")
		honest = append(honest, g)
		for w.l.Connections() > 1000 { // until the other has gone
			time.Sleep(time.Millisecond)
		}
	}
	for _, g := range honest {
		w.ask(g, "MAIL\r\n") // still served
	}
	if _, hello := w.come("192.0.2.7"); hello != "421 full" && hello != "220 hello" {
		t.Errorf("one more of the ten: %s", hello)
	}
	var told atomic.Int64
	var reading sync.WaitGroup
	for _, g := range tricklers {
		g.c.SetReadDeadline(time.Now().Add(time.Second)) // it ends those that are told nothing
		reading.Go(func() {
			if g.line() == "421 quiet" {
				told.Add(1)
			}
		})
	}
	if reading.Wait(); told.Load() < 50 {
		t.Errorf("%d connections were told that they gave way, want 50 or more", told.Load())
	}
}

// Who gives way, and who does not.
func TestWhoGivesWay(t *testing.T) {
	const a, b, c = "192.0.2.1", "198.51.100.1", "203.0.113.1"
	for _, tt := range []struct {
		name     string
		from     []string // of the connections that fill the listener
		prepare  func(w *crowd, g []*guest)
		newcomer string
		gone     int // -1: the newcomer is refused
	}{
		{"the quietest of the client with most", []string{a, a, b}, func(w *crowd, g []*guest) { w.ask(g[0], "NOOP\r\n") }, c, 1},
		{"nobody who has just said something", []string{a, b, c}, func(w *crowd, g []*guest) { w.clock.Advance(9 * time.Second) }, "192.0.2.9", -1},
		{"the quietest, after ten seconds", []string{a, b, c}, func(w *crowd, g []*guest) {
			w.clock.Advance(5 * time.Second)
			w.ask(g[0], "NOOP\r\n")
			w.ask(g[2], "NOOP\r\n")
			w.clock.Advance(6 * time.Second)
		}, "192.0.2.9", 1},
		{"bytes alone say nothing", []string{a, b, c}, func(w *crowd, g []*guest) {
			w.clock.Advance(11 * time.Second)
			w.say(g[1], "NO")
			w.ask(g[0], "NOOP\r\n")
			w.ask(g[2], "NOOP\r\n")
		}, "192.0.2.9", 1},
		{"never a user", []string{a, a, b}, func(w *crowd, g []*guest) {
			w.ask(g[0], "login\r\n")
			w.clock.Advance(time.Hour)
			w.ask(g[1], "NOOP\r\n")
			w.ask(g[2], "NOOP\r\n")
		}, c, 1},
		{"never a message that flows", []string{a, a, b}, func(w *crowd, g []*guest) {
			w.ask(g[0], "data\r\n")
			w.ask(g[0], strings.Repeat("x", 2000))
			w.clock.Advance(5 * time.Second)
			w.ask(g[1], "NOOP\r\n")
		}, c, 1},
		{"a message that trickles", []string{a, a, b}, func(w *crowd, g []*guest) {
			w.ask(g[0], "data\r\n")
			w.ask(g[0], strings.Repeat("x", 2000))
			w.clock.Advance(11 * time.Second)
			w.ask(g[0], "x")
			w.ask(g[1], "NOOP\r\n")
		}, c, 0},
		{"not for a client that has as many", []string{a, a, b, b}, func(w *crowd, g []*guest) {}, a, -1},
		{"an IPv6 host is one client", []string{"2001:db8::1", "2001:db8::2", b}, func(w *crowd, g []*guest) { w.ask(g[0], "NOOP\r\n") }, c, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newCrowd(t, wire.Limits{Total: len(tt.from)})
			var all []*guest
			for _, from := range tt.from {
				g, hello := w.come(from)
				if hello != "220 hello" {
					t.Fatal(hello)
				}
				all = append(all, g)
				w.clock.Advance(time.Millisecond)
			}
			waiting(w, len(all))
			tt.prepare(w, all)
			waiting(w, len(all))
			_, hello := w.come(tt.newcomer)
			if want := map[bool]string{true: "421 full", false: "220 hello"}[tt.gone < 0]; hello != want {
				t.Fatalf("the newcomer hears %q, want %q", hello, want)
			}
			if tt.gone < 0 {
				return
			}
			end := all[tt.gone].line()
			if end != "421 quiet" && !strings.HasPrefix(end, "error") {
				t.Errorf("connection %d hears %q", tt.gone, end)
			}
			for i, g := range all {
				if i != tt.gone {
					g.c.SetReadDeadline(time.Now().Add(time.Millisecond))
					if s := g.line(); !strings.Contains(s, "timeout") {
						t.Errorf("connection %d hears %q", i, s)
					}
				}
			}
		})
	}
}

// waiting waits until all handlers wait for their clients.
func waiting(w *crowd, n int) {
	for w.conns.Waiting() < n {
		time.Sleep(time.Millisecond)
	}
}

// stretches is a connection that gives a byte at a time and notes the deadlines of
// its reads.
type stretches struct {
	net.Conn
	mu   sync.Mutex
	text string
	ends []time.Time
}

func (s *stretches) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == "" {
		return 0, io.EOF
	}
	p[0], s.text = s.text[0], s.text[1:]
	return 1, nil
}

func (s *stretches) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, t)
	return nil
}

// A command has five minutes from its first byte, not for each (RFC 5321
// §4.5.3.2.7), in a line that is good and in one that is skipped.
func TestTimeOfALine(t *testing.T) {
	for name, read := range map[string]func(*wire.Conn) error{
		"line": func(f *wire.Conn) error {
			_, err := f.ReadLine(time.Hour, true, 100)
			return err
		},
		"skipped": func(f *wire.Conn) error { return f.SkipLine(time.Hour, 100) },
	} {
		c := &stretches{text: "NOOP\r\n"}
		start := time.Now()
		if err := read(wire.NewConn(c, wire.Timeouts{}, nil)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rest := c.ends[1:]
		if len(rest) < 4 {
			t.Fatalf("%s: %d waits", name, len(c.ends))
		}
		for _, end := range rest {
			if !end.Equal(rest[0]) || end.After(time.Now().Add(5*time.Minute)) || end.Before(start.Add(5*time.Minute)) {
				t.Errorf("%s: a wait until %v after the start, the first until %v", name, end.Sub(start), rest[0].Sub(start))
			}
		}
	}
}
