package intercept_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what is waited for: a test that fails ends.
const patience = 10 * time.Second

// start is when the clocks of the tests begin.
var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func newDesk(t *testing.T) (*intercept.Interceptor, *wire.Manual) {
	t.Helper()
	clock := wire.NewManual(start)
	d := intercept.New(intercept.Options{Clock: clock})
	t.Cleanup(d.Close)
	return d, clock
}

// client and server are what a server sees of a connection with somebody outside
// of the lab.
func client(command, text string) wire.Line {
	return wire.Line{
		Node: "hamburger.edu", Conn: 7, Proto: trace.SMTP, Side: trace.Server, Dir: trace.Client,
		Local: "127.0.0.1:2526", Remote: "127.0.0.1:40001", Command: command, Text: text,
	}
}

func server(command, text string) wire.Line {
	p := client(command, text)
	p.Dir = trace.Server
	return p
}

// far is a line as the node sees it that relays over a connection, and near as the
// server does.
func far(dir trace.Dir, command, text string) wire.Line {
	return wire.Line{
		Node: "crepes.fr", Conn: 8, Proto: trace.SMTP, Side: trace.Client, Dir: dir,
		Local: "192.0.2.25:50000", Remote: "198.51.100.25:25", Command: command, Text: text,
	}
}

func near(dir trace.Dir, command, text string) wire.Line {
	return wire.Line{
		Node: "hamburger.edu", Conn: 9, Proto: trace.SMTP, Side: trace.Server, Dir: dir,
		Local: "198.51.100.25:25", Remote: "192.0.2.25:50000", Command: command, Text: text,
	}
}

// pass takes a line past the interceptor; what is decided comes out of the channel.
func pass(t *testing.T, d *intercept.Interceptor, p wire.Line) <-chan wire.Verdict {
	t.Helper()
	return passFor(t.Context(), d, p)
}

func passFor(ctx context.Context, d *intercept.Interceptor, p wire.Line) <-chan wire.Verdict {
	c := make(chan wire.Verdict, 1)
	go func() { c <- d.Intercept(ctx, p) }()
	return c
}

// passes is pass for a line that must not wait.
func passes(t *testing.T, d *intercept.Interceptor, p wire.Line) wire.Verdict {
	t.Helper()
	return went(t, pass(t, d, p))
}

// went is what was decided about a line.
func went(t *testing.T, c <-chan wire.Verdict) wire.Verdict {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("the line still waits")
		return wire.Verdict{}
	}
}

// waits checks that a line has not gone; whoever asks knows that it is held.
func waits(t *testing.T, c <-chan wire.Verdict) {
	t.Helper()
	select {
	case v := <-c:
		t.Fatalf("the line went with %+v", v)
	default:
	}
}

// held waits until n lines wait.
func held(t *testing.T, d *intercept.Interceptor, n int) []intercept.Held {
	t.Helper()
	late := time.After(patience)
	for {
		changed := d.Changed()
		s := d.State()
		if len(s.Held) == n {
			return s.Held
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d lines wait, want %d: %+v", len(s.Held), n, s.Held)
		}
	}
}

// nth is the line number i of as many connections.
func nth(i int) wire.Line {
	p := client("NOOP", fmt.Sprint("NOOP ", i))
	p.Remote = fmt.Sprintf("127.0.0.1:%d", 10_000+i)
	return p
}

func breakAt(t *testing.T, d *intercept.Interceptor, b intercept.Breakpoint) intercept.Breakpoint {
	t.Helper()
	b, err := d.AddBreakpoint(b)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
