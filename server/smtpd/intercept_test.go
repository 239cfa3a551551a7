package smtpd_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
	"glassmail/wire/wiretest"
)

// on decides v about the lines of one who says them that begin with text.
func on(dir trace.Dir, text string, v wire.Verdict) *wiretest.Interceptor {
	return &wiretest.Interceptor{Decide: func(_ context.Context, p wire.Line) wire.Verdict {
		if p.Dir == dir && strings.HasPrefix(p.Text, text) {
			return v
		}
		return wire.Verdict{}
	}}
}

func behind(t *testing.T, g wire.Interceptor, set func(*smtpd.Options)) *rig {
	t.Helper()
	return serve(t, func(o *smtpd.Options) {
		o.Interceptor = g
		if set != nil {
			set(o)
		}
	})
}

// Every line comes to the interceptor by itself, those that were pipelined too, and the
// text once, before its dot.
func TestInterceptorSeesEachLine(t *testing.T) {
	g := &wiretest.Interceptor{}
	r := behind(t, g, nil)
	c := r.dial(t)
	c.expect("220")
	c.say("HELO crepes.fr", "250")
	c.send("MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<nobody@hamburger.edu>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n")
	for _, want := range []string{"250", "550", "250", "354"} {
		c.expect(want)
	}
	c.say("Do you like ketchup?\r\n..\r\n.", "250")
	c.say("QUIT", "221")
	want := []string{
		"S : 220 hamburger.edu", "C HELO: HELO crepes.fr", "S HELO: 250",
		"C MAIL: MAIL FROM:<alice@crepes.fr>", "S MAIL: 250",
		"C RCPT: RCPT TO:<nobody@hamburger.edu>", "S RCPT: 550",
		"C RCPT: RCPT TO:<bob@hamburger.edu>", "S RCPT: 250",
		"C DATA: DATA", "S DATA: 354",
		`C DATA: "Do you like ketchup?\r\n..\r\n", `, "C .: .", "S .: 250",
		"C QUIT: QUIT", "S QUIT: 221",
	}
	alike(t, g.Lines(), want)
}

// alike checks that each line begins as it should.
func alike(t *testing.T, got, want []string) {
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

// So does every BDAT, and the message when it is whole; RSET between two chunks
// comes once.
func TestInterceptorSeesChunks(t *testing.T) {
	g := &wiretest.Interceptor{}
	r := behind(t, g, nil)
	c := r.greeted(t)
	c.envelope()
	start := len(g.Lines())
	c.chunk("BDAT 3\r\na\r\n", "250")
	c.chunk("BDAT 3 LAST\r\nb\r\n", "250")
	alike(t, g.Lines()[start:], []string{
		"C BDAT: BDAT 3", "S BDAT: 250 2.0.0 3 bytes", "C BDAT: BDAT 3 LAST", `C BDAT: "a\r\nb\r\n", 6 bytes`, "S BDAT: 250 2.0.0",
	})
	c.envelope()
	start = len(g.Lines())
	c.chunk("BDAT 3\r\na\r\n", "250")
	c.say("NOOP", "250")
	c.say("RSET", "250")
	alike(t, g.Lines()[start:], []string{
		"C BDAT: BDAT 3", "S BDAT: 250", "C NOOP: NOOP", "S NOOP: 250", "C RSET: RSET", "S RSET: 250",
	})
	if got := r.messages(); len(got) != 1 || got[0].text != "a\r\nb\r\n" {
		t.Errorf("messages %+v", got)
	}
}

// An interceptor that was idle while a command came knows what its reply answers.
func TestInterceptorWakesUp(t *testing.T) {
	g := &wiretest.Interceptor{}
	g.SetIdle(true)
	r := behind(t, g, nil)
	r.hold, r.reading = make(chan struct{}), make(chan struct{}, 1)
	c := r.greeted(t)
	c.envelope()
	c.send("BDAT 3 LAST\r\na\r\n")
	<-r.reading
	waitFor(t, func() bool { return traced(r, trace.Line, "BDAT 3 LAST") })
	g.SetIdle(false)
	close(r.hold)
	c.expect("250 2.0.0")
	if got := g.Lines(); !strings.HasPrefix(got[len(got)-1], "S BDAT: 250 2.0.0") {
		t.Errorf("the interceptor saw %q", got)
	}
}

// A password never comes to the interceptor, however it is sent, and what hides one cannot
// be edited.
func TestInterceptorSeesNoSecrets(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	plain, user, password := encode([]byte("\x00alice\x00sesame")), encode([]byte("alice")), encode([]byte("sesame"))
	for _, tt := range []struct {
		name   string
		lines  []string
		hidden int // lines with a secret
	}{
		{"PLAIN at once", []string{"AUTH PLAIN " + plain}, 1},
		{"PLAIN when asked", []string{"AUTH PLAIN", plain}, 2},
		{"LOGIN", []string{"AUTH LOGIN", user, password}, 3},
		{"LOGIN with the name", []string{"AUTH LOGIN " + user, password}, 2},
		{"an answer that looks like a command", []string{"AUTH LOGIN", user, "NOOP"}, 3},
		{"mistyped", []string{"AUHT PLAIN " + plain}, 1},
		{"after a refusal", []string{"AUTH NONSENSE", password}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &wiretest.Interceptor{}
			r := behind(t, g, func(o *smtpd.Options) { o.Submission = true })
			c := r.greeted(t)
			for _, l := range tt.lines {
				c.send(l + "\r\n")
				c.reply()
			}
			secrets := 0
			for _, p := range g.Seen() {
				for _, s := range []string{"sesame", plain, user, password} {
					if strings.Contains(p.Text, s) {
						t.Errorf("the interceptor saw %q", p.Text)
					}
				}
				if p.Secret {
					secrets++
				}
			}
			if secrets != tt.hidden {
				t.Errorf("%d lines hold a secret, want %d: %s", secrets, tt.hidden, strings.Join(g.Lines(), "\n"))
			}
		})
	}
}

// What the interceptor decides about a command, or about the dot, is what happens.
func TestInterceptorChangesWhatIsHeard(t *testing.T) {
	for _, tt := range []struct {
		name        string
		interceptor *wiretest.Interceptor
		play        func(c *client)
		messages    []string
	}{
		{"edit a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Edit, Text: "RCPT TO:<nobody@hamburger.edu>"}), func(c *client) {
			c.say("MAIL FROM:<alice@crepes.fr>", "250")
			c.say("RCPT TO:<bob@hamburger.edu>", "550 5.1.1")
		}, nil},
		{"answer a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Answer, Text: "451 4.3.0 Not now"}), func(c *client) {
			c.say("MAIL FROM:<alice@crepes.fr>", "250")
			c.say("RCPT TO:<bob@hamburger.edu>", "451 4.3.0 Not now\r\n")
			c.say("DATA", "503")
		}, nil},
		{"an answer that is no reply", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Answer, Text: "maybe"}), func(c *client) {
			c.say("MAIL FROM:<alice@crepes.fr>", "250")
			c.say("RCPT TO:<bob@hamburger.edu>", "451 4.3.0")
		}, nil},
		{"answer MAIL", on(trace.Client, "MAIL", wire.Verdict{Action: wire.Answer, Text: "550 5.7.1 Not you"}), func(c *client) {
			c.say("MAIL FROM:<alice@crepes.fr>", "550 5.7.1 Not you\r\n")
			c.say("RCPT TO:<bob@hamburger.edu>", "503")
		}, nil},
		{"drop a command", on(trace.Client, "NOOP", wire.Verdict{Action: wire.Drop}), func(c *client) {
			c.send("NOOP\r\n")
			c.say("RSET", "250")
			c.say("QUIT", "221")
			c.ended()
		}, nil},
		{"cut at a command", on(trace.Client, "MAIL", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.send("MAIL FROM:<alice@crepes.fr>\r\n")
			c.ended()
		}, nil},
		{"answer the dot", on(trace.Client, ".", wire.Verdict{Action: wire.Answer, Text: "452 4.3.1 Full"}), func(c *client) {
			c.begin()
			c.say("text\r\n.", "452 4.3.1 Full")
			c.say("NOOP", "250")
		}, nil},
		{"drop the dot", onceOn(".", wire.Verdict{Action: wire.Drop}), func(c *client) {
			c.begin()
			c.send("text\r\n.\r\n")
			c.say("more\r\n.", "250")
		}, []string{"text\r\nmore\r\n"}},
		{"cut at the dot", on(trace.Client, ".", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.begin()
			c.send("text\r\n.\r\n")
			c.ended()
		}, nil},
		{"cut at the text", on(trace.Client, "text", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.begin()
			c.send("text\r\n.\r\n")
			c.ended()
		}, nil},
		{"edit a reply", on(trace.Server, "250 2.1.5", wire.Verdict{Action: wire.Edit, Text: "550 5.1.1 Who?"}), func(c *client) {
			c.say("MAIL FROM:<alice@crepes.fr>", "250")
			c.say("RCPT TO:<bob@hamburger.edu>", "550 5.1.1 Who?\r\n")
			c.say("DATA", "354") // the server took bob
			c.say("text\r\n.", "250")
		}, []string{"text\r\n"}},
		{"drop a reply", on(trace.Server, "250 2.1.0", wire.Verdict{Action: wire.Drop}), func(c *client) {
			c.send("MAIL FROM:<alice@crepes.fr>\r\n")
			c.say("RCPT TO:<bob@hamburger.edu>", "250 2.1.5")
		}, nil},
		{"cut at a reply", on(trace.Server, "250 2.1.0", wire.Verdict{Action: wire.Cut}), func(c *client) {
			c.send("MAIL FROM:<alice@crepes.fr>\r\n")
			c.ended()
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := behind(t, tt.interceptor, nil)
			tt.play(r.greeted(t))
			var got []string
			for _, m := range r.messages() {
				got = append(got, m.text)
			}
			if !slices.Equal(got, tt.messages) {
				t.Errorf("messages %q, want %q", got, tt.messages)
			}
		})
	}
}

// A message that is refused at the interceptor has a journey that says so.
func TestInterceptorRefusesInAJourney(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT"} {
		r := behind(t, on(trace.Client, verb, wire.Verdict{Action: wire.Answer, Text: "550 5.7.1 Not you"}), nil)
		c := r.greeted(t)
		c.send("MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nRSET\r\nNOOP\r\n")
		for range 4 {
			c.reply()
		}
		journeys := map[string][]string{}
		for _, e := range r.log.Since(0) {
			if e.Kind == trace.Line && e.Dir == trace.Client || e.Kind == trace.Refused {
				journeys[e.Journey] = append(journeys[e.Journey], e.Text)
			}
		}
		delete(journeys, "")
		if len(journeys) != 1 {
			t.Errorf("%s: the journeys are %q", verb, journeys)
		}
		for _, lines := range journeys {
			if lines[0] != "MAIL FROM:<alice@crepes.fr>" || !slices.Contains(lines, "refused: 550 5.7.1 Not you") {
				t.Errorf("%s: the journey is %q", verb, lines)
			}
		}
	}
}

// An answer to a client's password ends the login: what comes next is a command.
func TestInterceptorAnswersAPassword(t *testing.T) {
	g := &wiretest.Interceptor{Decide: func(_ context.Context, p wire.Line) wire.Verdict {
		if p.Secret && p.Text == trace.Masked {
			return wire.Verdict{Action: wire.Answer, Text: "454 4.7.0 Later"}
		}
		return wire.Verdict{}
	}}
	r := behind(t, g, func(o *smtpd.Options) { o.Submission = true })
	c := r.greeted(t)
	c.say("AUTH PLAIN", "334")
	c.say("NOOP", "454 4.7.0 Later") // four letters of base64, for a password
	c.say("NOOP", "250")
	c.say("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00alice\x00sesame")), "235")
	n := 0
	for _, e := range r.log.Since(0) {
		if e.Kind == trace.Line && e.Text == "NOOP" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the transcript shows NOOP %d times, want the command alone", n)
	}
}

// onceOn is on for the first line only.
func onceOn(text string, v wire.Verdict) *wiretest.Interceptor {
	var once sync.Once
	return &wiretest.Interceptor{Decide: func(_ context.Context, p wire.Line) (out wire.Verdict) {
		if p.Text == text {
			once.Do(func() { out = v })
		}
		return out
	}}
}

// standing is an interceptor at which the connection stands for an hour more whenever it is
// asked; asked counts.
func standing() (g *wiretest.Interceptor, asked func() int) {
	var mu sync.Mutex
	n := 0
	g = &wiretest.Interceptor{Stood: func(string, string) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		n++
		return time.Duration(n) * time.Hour
	}}
	return g, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// Waits at the interceptor are not the client's: neither that for a command nor the time
// for a whole text runs meanwhile.
func TestHeldConnectionIsNotCut(t *testing.T) {
	g, asked := standing()
	clock := wire.NewManual(time.Now())
	r := behind(t, g, func(o *smtpd.Options) {
		o.Limits.Command, o.Limits.Text, o.Clock = time.Millisecond, time.Millisecond, clock
	})
	c := r.dial(t)
	c.expect("220")
	extended := func() {
		t.Helper()
		before := asked()
		waitFor(t, func() bool { return asked() > before })
	}
	extended() // the time for a command has passed, and begun again
	c.say("EHLO crepes.fr", "250")
	r.reading = make(chan struct{}, 1)
	c.begin()
	<-r.reading
	c.send("text\r\n")
	clock.Advance(30 * time.Minute)
	extended()
	c.send("more\r\n")
	extended()
	c.say(".", "250")
	if got := r.messages(); len(got) != 1 || got[0].text != "text\r\nmore\r\n" {
		t.Errorf("messages %+v", got)
	}
}

// A client that is slow by itself is cut, interceptor or no interceptor: one that says nothing,
// and one that sends a text byte by byte.
func TestSlowClientIsCut(t *testing.T) {
	r := behind(t, &wiretest.Interceptor{}, func(o *smtpd.Options) { o.Limits.Command = time.Millisecond })
	c := r.dial(t)
	c.expect("220")
	c.expect("421")
	c.ended()

	clock := wire.NewManual(time.Now())
	r = behind(t, &wiretest.Interceptor{}, func(o *smtpd.Options) { o.Limits.Text, o.Clock = time.Minute, clock })
	c = r.greeted(t)
	r.reading = make(chan struct{}, 1)
	c.begin()
	<-r.reading
	clock.Advance(time.Hour)
	c.send("a")
	c.expect("421")
	c.ended()
	if len(r.messages()) > 0 {
		t.Error("half a message was accepted")
	}
}

// A server stops at once while a line is held, whether that is a command, a text, a
// dot or a reply.
func TestShutdownWithAHeldLine(t *testing.T) {
	for _, line := range []string{"MAIL", "250 2.1.0", "text", ".", "250 2.0.0"} {
		t.Run(line, func(t *testing.T) {
			g, waits, _ := wiretest.StopAt(line)
			r := behind(t, g, nil)
			c := r.greeted(t)
			c.send("MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\ntext\r\n.\r\n")
			<-waits
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if n := r.srv.Shutdown(ctx); n != (wire.Ended{}) {
				t.Errorf("the line held up the stop: %+v", n)
			}
		})
	}
}

// A client that leaves while its line is held leaves nothing behind: the line goes,
// and what it asked for is done only as far as it was asked.
func TestClientLeavesWhileHeld(t *testing.T) {
	for _, line := range []string{"RCPT", "250 2.1.5", "text", "."} {
		t.Run(line, func(t *testing.T) {
			g, waits, release := wiretest.StopAt(line)
			r := behind(t, g, nil)
			c := r.greeted(t)
			c.send("MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\ntext\r\n.\r\n")
			<-waits
			c.Close()
			release()
			waitFor(t, func() bool { return traced(r, trace.Close, "") })
			if n := len(r.messages()); n > 1 {
				t.Errorf("%d messages were accepted", n)
			}
		})
	}
}
