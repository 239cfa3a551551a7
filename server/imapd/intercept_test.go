package imapd

import (
	"bufio"
	"context"
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/wire"
	"glassmail/wire/wiretest"
)

// on decides v about the lines of one who says them that begin with text,
// or that are empty if it is.
func on(dir trace.Dir, text string, v wire.Verdict) *wiretest.Interceptor {
	return &wiretest.Interceptor{Decide: func(_ context.Context, p wire.Line) wire.Verdict {
		if p.Dir == dir && (p.Text == text || text != "" && strings.HasPrefix(p.Text, text)) {
			return v
		}
		return wire.Verdict{}
	}}
}

func behind(t *testing.T, g *wiretest.Interceptor) *site {
	t.Helper()
	return newSite(t, func(o *Options) { o.Interceptor = g })
}

// alike checks that each line begins as it should.
func alike(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d: %s, want %s", i, got[i], want[i])
		}
	}
}

const lunch = "Subject: lunch\r\n\r\nDo you like ketchup?\r\n"

// Every line comes to the interceptor by itself, pipelined or not, and so do the texts of
// messages, both ways.
func TestInterceptorSeesEachLine(t *testing.T) {
	g := &wiretest.Interceptor{}
	s := behind(t, g)
	s.deliver(t, lunch)
	c := s.inbox(t)
	start := len(g.Lines())
	c.send("a NOOP\r\nb FETCH 1 BODY.PEEK[]\r\n")
	c.want("^a OK", "^. 1 FETCH")
	c.want("^Subject: lunch$", "^$", "^Do you like ketchup.$", `^\)$`, "^b OK")
	alike(t, g.Lines()[start:], "C NOOP: a NOOP", "S NOOP: a OK", "C FETCH: b FETCH 1 BODY.PEEK[]",
		"S FETCH: * 1 FETCH (BODY[] {40}", `S FETCH: "Subject: lunch\r\n\r\nDo you like ketchup?\r\n", 40 bytes`, "S FETCH: )", "S FETCH: b OK")
	start = len(g.Lines())
	c.do("d APPEND INBOX {40}", `^\+`)
	c.send(lunch + "\r\n")
	c.want(`^\* 2 EXISTS`, "^d OK")
	alike(t, g.Lines()[start:], "C APPEND: d APPEND INBOX {40}", "S APPEND: +", `C APPEND: "Subject: lunch\r\n\r\nDo you like ketchup?\r\n", 40 bytes`,
		"S APPEND: * 2 EXISTS", "S APPEND: d OK")
}

// A line that IDLE pushes is held, and neither it nor DONE is lost.
func TestIdleHeld(t *testing.T) {
	g, waits, release := wiretest.StopAt("* 1 EXISTS")
	s := behind(t, g)
	c := s.inbox(t)
	c.do("i IDLE", `^\+`)
	s.deliver(t, lunch)
	<-waits
	c.send("DONE\r\n")
	release()
	c.want(`^\* 1 EXISTS`, "^i OK")
	c.run("n NOOP")
}

// DONE can be held as well; what happens meanwhile is told before the answer.
func TestDoneHeld(t *testing.T) {
	g, waits, release := wiretest.StopAt("DONE")
	s := behind(t, g)
	c := s.inbox(t)
	c.do("i IDLE", `^\+`)
	c.send("DONE\r\n")
	<-waits
	s.deliver(t, lunch)
	release()
	c.want(`^\* 1 EXISTS`, "^i OK")
}

// A password never comes to the interceptor, however it is sent.
func TestInterceptorSeesNoSecrets(t *testing.T) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00secret"))
	for _, tt := range []struct {
		name    string
		say     string
		replies int // that are no continuation
	}{
		{"LOGIN", "a LOGIN bob secret\r\n", 1},
		{"LOGIN with literals", "a LOGIN {3+}\r\nbob {6+}\r\nsecret\r\n", 1},
		{"PLAIN at once", "a AUTHENTICATE PLAIN " + plain + "\r\n", 1},
		{"PLAIN when asked", "a AUTHENTICATE PLAIN\r\n" + plain + "\r\n", 1},
		{"an answer too late", "a AUTHENTICATE NONSENSE\r\n" + plain + "\r\n", 2},
		{"mistyped", "a LOGN bob secret\r\n", 1},
		{"without a tag", "LOGIN bob secret\r\n", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &wiretest.Interceptor{}
			s := behind(t, g)
			c := s.dial(t)
			c.send(tt.say)
			for n := 0; n < tt.replies; {
				if !strings.HasPrefix(c.line(), "+") {
					n++
				}
			}
			first := true
			for _, p := range g.Seen() {
				if strings.Contains(p.Text, "secret") || strings.Contains(p.Text, plain) {
					t.Errorf("the interceptor saw %q", p.Text)
				}
				if p.Dir == trace.Client && first {
					first = false
					if holds := strings.Contains(strings.SplitN(tt.say, "\r\n", 2)[0], "secret"); holds && !p.Secret {
						t.Errorf("%q can be edited", p.Text)
					}
				}
			}
			if first {
				t.Error("the interceptor saw nothing")
			}
		})
	}
}

// What the interceptor decides about a line is what happens.
func TestInterceptorChanges(t *testing.T) {
	for _, tt := range []struct {
		name        string
		interceptor *wiretest.Interceptor
		play        func(c *client)
	}{
		{"edit a command", on(trace.Client, "a SELECT", wire.Verdict{Action: wire.Edit, Text: "a SELECT Nowhere"}), func(c *client) {
			c.do("a SELECT INBOX", "^a NO")
		}},
		{"answer a command", on(trace.Client, "a SELECT", wire.Verdict{Action: wire.Answer, Text: "NO [INUSE] Not now"}), func(c *client) {
			c.do("a SELECT INBOX", `^a NO \[INUSE\] Not now$`)
			c.do("b FETCH 1 FLAGS", "^b BAD") // nothing is selected
		}},
		{"answer an empty line", on(trace.Client, "", wire.Verdict{Action: wire.Answer, Text: "BAD what"}), func(c *client) {
			c.do("", `^\* BAD what$`)
		}},
		{"drop a command", on(trace.Client, "a NOOP", wire.Verdict{Action: wire.Drop}), func(c *client) {
			c.send("a NOOP\r\n")
			c.do("b NOOP", "^b OK")
		}},
		{"cut at a command", on(trace.Client, "a NOOP", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.send("a NOOP\r\n")
			c.eof()
		}},
		{"edit a reply", on(trace.Server, "a OK", wire.Verdict{Action: wire.Edit, Text: "a NO not really"}), func(c *client) {
			c.do("a NOOP", "^a NO not really$")
		}},
		{"drop a reply", on(trace.Server, "a OK", wire.Verdict{Action: wire.Drop}), func(c *client) {
			c.send("a NOOP\r\n")
			c.do("b NOOP", "^b OK")
		}},
		{"cut at a reply", on(trace.Server, "a OK", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.send("a NOOP\r\n")
			c.eof()
		}},
		{"cut in the text of a FETCH", on(trace.Server, "Subject", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.run("s SELECT INBOX")
			c.do("f FETCH 1 BODY.PEEK[]", `\{40\}$`)
			c.eof()
		}},
		{"cut in the text of an APPEND", on(trace.Client, "Subject", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.do("d APPEND INBOX {40}", `^\+`)
			c.send(lunch)
			c.eof()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := behind(t, tt.interceptor)
			s.deliver(t, lunch)
			tt.play(s.bob(t))
			s.bob(t).run("z STATUS INBOX (MESSAGES)") // others are served as before
		})
	}
}

// The time for a login stands still while lines wait; without them it ends.
func TestLoginTimeWhileHeld(t *testing.T) {
	clock := wire.NewManual(time.Now())
	g := &wiretest.Interceptor{}
	s := newSite(t, func(o *Options) {
		o.Interceptor, o.LoginTime, o.Host = g, time.Minute, clockHost{clock: clock}
	})
	c := s.dial(t)
	clock.Sleepers(1)
	g.Stand(time.Hour)
	clock.Advance(time.Minute)
	clock.Sleepers(1) // it waits for an hour more
	clock.Advance(time.Hour - time.Minute)
	c.run("a LOGIN bob secret")

	late := s.dial(t)
	clock.Sleepers(1)
	clock.Advance(time.Minute)
	late.want(`^\* BYE Too long without a login`)
	late.eof()
}

// A client whose lines wait is not silent; one that says nothing is.
func TestIdleTimeWhileHeld(t *testing.T) {
	g := &wiretest.Interceptor{}
	g.Grow(time.Hour)
	s := newSite(t, func(o *Options) { o.Interceptor, o.IdleTime = g, 200*time.Millisecond })
	c := s.bob(t)
	for before := g.Grow(time.Hour); g.Grow(time.Hour) == before; { // until a deadline has passed and was moved
		c.run("n NOOP")
	}
	c.run("m NOOP")
	g.Grow(0)
	c.run("o NOOP") // begins a wait by which nothing stood
	c.want(`^\* BYE Nothing was said`)
	c.eof()
}

// raw is a client that has not read the greeting.
func (s *site) raw(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{t: t, Conn: conn, br: bufio.NewReader(conn)}
}

// A server stops at once while a line is held, wherever that is.
func TestShutdownWithAHeldLine(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		play func(c *client)
	}{
		"greeting": {"* OK", func(*client) {}},
		"command":  {"a NOOP", func(c *client) { c.send("x LOGIN bob secret\r\na NOOP\r\n") }},
		"reply":    {"a OK", func(c *client) { c.send("x LOGIN bob secret\r\na NOOP\r\n") }},
		"push":     {"* 2 EXISTS", func(c *client) { c.send("x LOGIN bob secret\r\ns SELECT INBOX\r\ni IDLE\r\n") }},
		"literal":  {"Subject", func(c *client) { c.send("x LOGIN bob secret\r\ns SELECT INBOX\r\nf FETCH 1 BODY[]\r\n") }},
		"append":   {"From: a", func(c *client) { c.send("x LOGIN bob secret\r\nd APPEND INBOX {9+}\r\nFrom: a\r\n\r\n") }},
	} {
		t.Run(name, func(t *testing.T) {
			g, waits, _ := wiretest.StopAt(tt.text)
			s := behind(t, g)
			s.deliver(t, lunch)
			c := s.raw(t)
			tt.play(c)
			if name == "push" {
				for l := c.line(); !strings.HasPrefix(l, "+"); l = c.line() {
				}
				s.deliver(t, lunch)
			}
			<-waits
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if n := s.server.Shutdown(ctx); n != (wire.Ended{}) {
				t.Errorf("%d connections had to be cut", n)
			}
		})
	}
}
