package wire_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/wire"
	"glassmail/wire/wiretest"
)

// always is an interceptor that does the same to every line.
func always(v wire.Verdict) *wiretest.Interceptor {
	return &wiretest.Interceptor{Decide: func(context.Context, wire.Line) wire.Verdict { return v }}
}

// stubborn is an interceptor that lets nothing go before its context ends; it tells of
// each line that waits.
func stubborn() (*wiretest.Interceptor, <-chan wire.Line) {
	waits := make(chan wire.Line, 10)
	return &wiretest.Interceptor{Decide: func(ctx context.Context, p wire.Line) wire.Verdict {
		if p.Waits != nil {
			p.Waits()
		}
		waits <- p
		<-ctx.Done()
		return wire.Verdict{}
	}}, waits
}

func checkpoint(g wire.Interceptor) (*wire.Interception, *trace.Log) {
	l := trace.NewLog(100, time.Now)
	c := l.Open("crepes.fr", trace.SMTP, "192.0.2.25:25", "198.51.100.7:4711")
	return wire.NewInterception(g, c, nil), l
}

func notes(l *trace.Log) string {
	var out []string
	for _, e := range l.Since(0) {
		if e.Kind == trace.Note {
			out = append(out, e.Text)
		}
	}
	return strings.Join(out, "\n")
}

func TestVerdicts(t *testing.T) {
	long := strings.Repeat("x", wire.MaxEdit+1)
	for _, c := range []struct {
		name   string
		given  wire.Verdict
		ask    func(*wire.Interception) wire.Verdict
		action wire.Action
		text   string
		note   string
	}{
		{"pass", wire.Verdict{Note: "let go"}, command, wire.Pass, "", "let go"},
		{"edit", wire.Verdict{Action: wire.Edit, Text: "NOOP"}, command, wire.Edit, "NOOP", "edited on the way; it was C: MAIL FROM:<a@b>"},
		{"drop", wire.Verdict{Action: wire.Drop}, command, wire.Drop, "", "dropped on the way: C: MAIL FROM:<a@b>"},
		{"answer", wire.Verdict{Action: wire.Answer, Text: "451 no"}, command, wire.Answer, "451 no", "answered on the way, and not heard by the server: C: MAIL FROM:<a@b>"},
		{"cut", wire.Verdict{Action: wire.Cut}, command, wire.Cut, "", "the connection was cut on the way of C: MAIL FROM:<a@b>"},
		{"answer to a reply", wire.Verdict{Action: wire.Answer, Text: "451 no"}, reply, wire.Edit, "451 no", ""},
		{"edit of a reply", wire.Verdict{Action: wire.Edit, Text: "451 no"}, reply, wire.Edit, "451 no", "edited on the way; it was S: 250 ok"},
		{"edit of a secret", wire.Verdict{Action: wire.Edit, Text: "AUTH"}, secret, wire.Pass, "", ""},
		{"a second line is cut off", wire.Verdict{Action: wire.Edit, Text: "NOOP\r\nRSET"}, command, wire.Edit, "NOOP", ""},
		{"an edit is bounded", wire.Verdict{Action: wire.Edit, Text: long}, command, wire.Edit, long[1:], ""},
		{"edit of text", wire.Verdict{Action: wire.Edit, Text: "x"}, stretch, wire.Pass, "", ""},
		{"drop of text", wire.Verdict{Action: wire.Drop}, stretch, wire.Pass, "", ""},
		{"cut in text", wire.Verdict{Action: wire.Cut}, stretch, wire.Cut, "", "the connection was cut on the way of message text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, l := checkpoint(always(c.given))
			defer p.Release()
			v := c.ask(p)
			if v.Action != c.action || v.Action != wire.Pass && v.Text != c.text {
				t.Errorf("verdict %v, want action %v and text %q", v, c.action, c.text)
			}
			if c.note != "" && notes(l) != c.note {
				t.Errorf("notes %q, want %q", notes(l), c.note)
			}
		})
	}
}

func command(c *wire.Interception) wire.Verdict { return c.Command("MAIL", "MAIL FROM:<a@b>", false) }
func reply(c *wire.Interception) wire.Verdict   { return c.Reply("250 ok") }
func secret(c *wire.Interception) wire.Verdict  { return c.Command("AUTH", "AUTH PLAIN ****", true) }
func stretch(c *wire.Interception) wire.Verdict {
	if c.Content(trace.Client, []byte("Do you like ketchup?"), 20) {
		return wire.Verdict{}
	}
	return wire.Verdict{Action: wire.Cut}
}

// The interceptor is told who says what, where, and what a reply answers.
func TestPoints(t *testing.T) {
	g := &wiretest.Interceptor{}
	c, _ := checkpoint(g)
	defer c.Release()
	command(c)
	reply(c)
	c.Content(trace.Client, []byte(strings.Repeat("x", wire.MaxEdit+5)), 9000)
	for i, want := range []wire.Line{
		{Dir: trace.Client, Command: "MAIL", Text: "MAIL FROM:<a@b>"},
		{Dir: trace.Server, Command: "MAIL", Text: "250 ok"},
		{Dir: trace.Client, Command: "MAIL", Text: strings.Repeat("x", wire.MaxEdit), Data: true, Size: 9000},
	} {
		got := g.Seen()[i]
		if got.Dir != want.Dir || got.Command != want.Command || got.Text != want.Text || got.Data != want.Data || got.Size != want.Size {
			t.Errorf("point %d: %+v, want %+v", i, got, want)
		}
		if got.Node != "crepes.fr" || got.Side != trace.Server || got.Proto != trace.SMTP || got.Local != "192.0.2.25:25" || got.Remote != "198.51.100.7:4711" || got.Conn == 0 {
			t.Errorf("point %d is at %+v", i, got)
		}
	}
}

// Without an interceptor, or without a transcript, there is no checkpoint, and the absent
// one lets everything pass.
func TestNoGate(t *testing.T) {
	log := trace.NewLog(10, time.Now).Open("a", trace.SMTP, "a", "b")
	if wire.NewInterception(nil, log, nil) != nil || wire.NewInterception(&wiretest.Interceptor{}, nil, nil) != nil {
		t.Fatal("there is an interception without an interceptor or a log")
	}
	var c *wire.Interception
	c.Release()
	if command(c).Action != wire.Pass || reply(c).Action != wire.Pass || stretch(c).Action != wire.Pass {
		t.Error("something did not pass")
	}
	_, server := pair(t)
	if wire.Pausable(server, nil) != server {
		t.Error("without an interceptor a connection is wrapped")
	}
}

// An idle interceptor is not asked; which command a reply answers is known all the same
// when it is idle no longer.
func TestIdleGate(t *testing.T) {
	g := always(wire.Verdict{Action: wire.Drop})
	g.SetIdle(true)
	c, _ := checkpoint(g)
	defer c.Release()
	if v := command(c); v.Action != wire.Pass || len(g.Seen()) > 0 || !c.Idle() {
		t.Errorf("verdict %+v of %+v", v, g.Seen())
	}
	g.SetIdle(false)
	if v := reply(c); v.Action != wire.Drop || g.Seen()[0].Command != "MAIL" {
		t.Errorf("verdict %+v of %+v", v, g.Seen())
	}
}

// Release lets go what waits, and nothing waits after it.
func TestRelease(t *testing.T) {
	g, waits := stubborn()
	c, _ := checkpoint(g)
	done := make(chan wire.Verdict, 1)
	go func() { done <- command(c) }()
	<-waits
	c.Release()
	c.Release()
	if v := <-done; v.Action != wire.Pass {
		t.Errorf("verdict %v", v)
	}
	command(c)
	if len(g.Seen()) != 1 {
		t.Errorf("the interceptor was asked %d times, want once", len(g.Seen()))
	}
}

// guarded is a connection with an interceptor.
func guarded(t *testing.T, g wire.Interceptor) (client net.Conn, f *wire.Conn) {
	t.Helper()
	client, server := pair(t)
	log := trace.NewLog(100, time.Now).Open("crepes.fr", trace.SMTP, server.LocalAddr().String(), server.RemoteAddr().String())
	f = wire.NewConn(server, wire.Timeouts{Write: patience, Handshake: patience}, log)
	f.Intercept(g)
	return client, f
}

// A Stop and a Close of a connection never wait for a line that is held, whether that
// is a command or a reply.
func TestStopWithAHeldLine(t *testing.T) {
	for name, ask := range map[string]func(*wire.Interception) wire.Verdict{"command": command, "reply": reply, "text": stretch} {
		for way, end := range map[string]func(*wire.Conn){"Stop": (*wire.Conn).Stop, "Close": func(f *wire.Conn) { f.Close() }} {
			t.Run(name+way, func(t *testing.T) {
				g, waits := stubborn()
				_, f := guarded(t, g)
				done := make(chan wire.Verdict, 1)
				go func() { done <- ask(f.Interception()) }()
				<-waits
				end(f)
				if v := <-done; v.Action != wire.Pass {
					t.Errorf("verdict %v", v)
				}
				if err := f.Await(patience, true); err == nil {
					t.Error("the front goes on")
				}
				f.Close()
			})
		}
	}
}

// What was said before a line that waits is seen before it.
func TestWaitsShowsWhatWasSaid(t *testing.T) {
	g, waits := stubborn()
	client, f := guarded(t, g)
	defer f.Close()
	f.Send([]byte("250-crepes.fr\r\n"))
	done := make(chan struct{})
	go func() { defer close(done); reply(f.Interception()) }()
	<-waits
	client.SetReadDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(client).ReadString('\n'); err != nil || line != "250-crepes.fr\r\n" {
		t.Errorf("the client got %q, %v", line, err)
	}
	f.Stop()
	<-done
}

// What was said before a cut is heard.
func TestCutShowsWhatWasSaid(t *testing.T) {
	client, f := guarded(t, always(wire.Verdict{Action: wire.Cut}))
	defer f.Close()
	f.Send([]byte("250-crepes.fr\r\n"))
	reply(f.Interception())
	client.SetReadDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(client).ReadString('\n'); err != nil || line != "250-crepes.fr\r\n" {
		t.Errorf("the client got %q, %v", line, err)
	}
}

// A deadline moves by as long as lines of its own connection waited.
func TestDeadlinesStandWhileHeld(t *testing.T) {
	var mu sync.Mutex
	asked, extended := 0, make(chan struct{})
	g := &wiretest.Interceptor{}
	client, f := guarded(t, g)
	defer f.Close()
	g.Stood = func(a, b string) time.Duration {
		if a != f.NetConn().LocalAddr().String() || b != client.LocalAddr().String() {
			t.Errorf("asked about the connection of %s and %s", a, b)
		}
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked == 1 {
			return 0
		}
		if asked == 2 {
			close(extended)
		}
		return time.Hour
	}
	go func() {
		<-extended
		client.Write([]byte("x"))
	}()
	if err := f.Await(time.Millisecond, true); err != nil {
		t.Errorf("a wait at the interceptor counted: %v", err)
	}
}

// So does one for writing: the whole of it is written, and once.
func TestWriteDeadlinesStandWhileHeld(t *testing.T) {
	client, server := pair(t)
	asked, extended := 0, make(chan struct{})
	p := wire.Pausable(server, &wiretest.Interceptor{Stood: func(string, string) time.Duration {
		if asked++; asked == 1 {
			return 0
		}
		if asked == 2 {
			close(extended)
		}
		return time.Hour
	}})
	if err := p.SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	const size = 16 << 20 // more than the system holds for a client that does not read
	got := make(chan int64, 1)
	go func() {
		<-extended
		n, _ := io.Copy(io.Discard, client)
		got <- n
	}()
	if n, err := p.Write(make([]byte, size)); n != size || err != nil {
		t.Errorf("written %d of %d, %v", n, size, err)
	}
	p.Close()
	if n := <-got; n != size {
		t.Errorf("the client got %d bytes, want %d", n, size)
	}
}

// What is measured over more than one wait can take off what stood.
func TestCheckpointStood(t *testing.T) {
	g := &wiretest.Interceptor{Stood: func(a, b string) time.Duration {
		if a != "192.0.2.25:25" || b != "198.51.100.7:4711" {
			t.Errorf("asked about %s and %s", a, b)
		}
		return time.Minute
	}}
	c, _ := checkpoint(g)
	defer c.Release()
	if s := c.Paused(); s != time.Minute {
		t.Errorf("it stood for %s", s)
	}
	c = nil
	if s := c.Paused(); s != 0 {
		t.Errorf("without an interceptor it stood for %s", s)
	}
}

// A line that waits on another connection moves nothing; neither does an interceptor that
// has forgotten a connection.
func TestDeadlinesRunElsewhere(t *testing.T) {
	first := true
	g := &wiretest.Interceptor{Stood: func(string, string) time.Duration {
		if first {
			first = false
			return time.Hour
		}
		return 0
	}}
	_, f := guarded(t, g)
	defer f.Close()
	if err := f.Await(time.Millisecond, true); !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("error %v, want ErrTimeout", err)
	}
}

// A Pausable's half closes like that of its connection, and both its deadlines can
// be set at once.
func TestPatientConn(t *testing.T) {
	client, server := pair(t)
	p := wire.Pausable(server, &wiretest.Interceptor{})
	if err := p.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write after the deadline: %v", err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read after the deadline: %v", err)
	}
	p.(interface{ CloseWrite() error }).CloseWrite()
	client.SetReadDeadline(time.Now().Add(patience))
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the other end read %v, want its end", err)
	}
}

// BenchmarkInterceptor is one turn of a connection: without the seam, and with it but without
// an interceptor.
func BenchmarkInterceptor(b *testing.B) {
	turn := func(b *testing.B, through bool) {
		f := wire.NewConn(&wiretest.Endless{Line: "MAIL FROM:<alice@crepes.fr>\r\n"}, wire.Timeouts{Write: patience}, nil)
		f.Intercept(nil)
		ok := []byte("250 2.1.0 Ok\r\n")
		b.ReportAllocs()
		for b.Loop() {
			line, err := f.ReadLine(patience, true, 1000)
			if err != nil {
				b.Fatal(err)
			}
			if g := f.Interception(); through && g != nil && g.Command("MAIL", string(line), false).Action != wire.Pass {
				b.Fatal("not passed")
			}
			if g := f.Interception(); through && g != nil && g.Reply(string(ok)).Action != wire.Pass {
				b.Fatal("not passed")
			}
			if err := f.Send(ok); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("none", func(b *testing.B) { turn(b, false) })
	b.Run("nil", func(b *testing.B) { turn(b, true) })
}
