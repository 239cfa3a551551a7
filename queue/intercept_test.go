package queue_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/trace"
	"glassmail/wire"
	"glassmail/wire/wiretest"
)

// on decides v about the first line with a beginning.
func on(dir trace.Dir, text string, v wire.Verdict) *wiretest.Interceptor {
	var once sync.Once
	return &wiretest.Interceptor{Decide: func(_ context.Context, p wire.Line) (out wire.Verdict) {
		if p.Dir == dir && strings.HasPrefix(p.Text, text) {
			once.Do(func() { out = v })
		}
		return out
	}}
}

// guarded is a stage with one host and an interceptor.
func guarded(t *testing.T, g *wiretest.Interceptor, ehlo ...string) (*stage, *peer) {
	t.Helper()
	s := newStage(t)
	s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
	s.opts.Interceptor, s.opts.Timeouts = g, short()
	s.log.KeepText(1000)
	p := newPeer(t, nil, ehlo...)
	s.at("192.0.2.1", p)
	return s, p
}

// Each line of a relay comes to the interceptor once, in order, with the message's id from
// MAIL on; the text comes once, before its dot.
func TestInterceptorSeesEachLine(t *testing.T) {
	g := &wiretest.Interceptor{}
	s, _ := guarded(t, g, "8BITMIME")
	s.attempt(mail.Options{}, to(bob)...)
	s.stop()
	var got []string
	for _, p := range g.Seen() {
		line := string(rune(p.Dir)) + " " + p.Command + ": " + p.Text
		if p.Data {
			line = string(rune(p.Dir)) + " text"
		}
		got = append(got, line)
		if p.Side != trace.Client || p.Node != "crepes.fr" || p.Proto != trace.SMTP {
			t.Errorf("seen at %+v", p)
		}
		if message := p.Command == "MAIL" || p.Command == "RCPT" || p.Command == "DATA" || p.Command == "."; message != (p.Journey != "") {
			t.Errorf("%s is of the message %q", line, p.Journey)
		}
	}
	want := []string{
		"S : 220", "C EHLO: EHLO crepes.fr", "S EHLO: 250-", "S EHLO: 250 ", "C MAIL: MAIL FROM:<alice@crepes.fr>", "S MAIL: 250",
		"C RCPT: RCPT TO:<bob@hamburger.edu>", "S RCPT: 250", "C DATA: DATA", "S DATA: 354", "C text", "C .: .", "S .: 250", "C QUIT: QUIT", "S QUIT: 221",
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d: %s, want %s", i, got[i], want[i])
		}
	}
}

// What the interceptor decides about a line decides about the message.
func TestInterceptorChangesARelay(t *testing.T) {
	for _, tt := range []struct {
		name        string
		interceptor *wiretest.Interceptor
		status      queue.Status
		reply       string // its beginning
		taken       int    // messages by the other server
		heard       string // a command that it got
	}{
		{"edit a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Edit, Text: "RCPT TO:<eve@hamburger.edu>"}), queue.Delivered, "250", 1, "RCPT TO:<eve@hamburger.edu>"},
		{"answer a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Answer, Text: "550 5.1.1 Who?"}), queue.Failed, "550 5.1.1 Who?", 0, "QUIT"},
		{"drop a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Drop}), queue.Deferred, "421", 0, "MAIL FROM:<alice@crepes.fr>"},
		{"cut at a command", on(trace.Client, "RCPT", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421", 0, "MAIL FROM:<alice@crepes.fr>"},
		{"edit a reply", on(trace.Server, "250 2.1.5", wire.Verdict{Action: wire.Edit, Text: "451 4.3.0 Not now"}), queue.Deferred, "451 4.3.0 Not now", 0, "QUIT"},
		{"drop a reply", on(trace.Server, "354", wire.Verdict{Action: wire.Drop}), queue.Deferred, "421", 0, "DATA"},
		{"cut at a reply", on(trace.Server, "354", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421", 0, "DATA"},
		{"cut at the greeting", on(trace.Server, "220", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421", 0, ""},
		{"drop an extension", on(trace.Server, "250-8BITMIME", wire.Verdict{Action: wire.Drop}), queue.Delivered, "250", 1, "MAIL FROM:<alice@crepes.fr>"},
		{"cut at the first line of a reply", on(trace.Server, "250-peer", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421", 0, "EHLO crepes.fr"},
		{"cut at the text", on(trace.Client, "Subject", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421", 0, "DATA"},
		{"drop the dot", on(trace.Client, ".", wire.Verdict{Action: wire.Drop}), queue.Deferred, "421", 0, "DATA"},
		{"edit the dot", on(trace.Client, ".", wire.Verdict{Action: wire.Edit, Text: "more"}), queue.Deferred, "421", 0, "DATA"},
		{"cut at the answer to the dot", on(trace.Server, "250 2.0.0 taken", wire.Verdict{Action: wire.Cut}), queue.Deferred, "421 4.4.2", 1, "DATA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := guarded(t, tt.interceptor, "8BITMIME", "SIZE")
			res := s.attempt(mail.Options{}, to(bob)...)[0]
			s.stop()
			commands, messages, _ := p.heard()
			if res.Status != tt.status || !strings.HasPrefix(res.Reply.Error(), tt.reply) {
				t.Errorf("%s: %s; want %s: %s\n%s", res.Status, res.Reply.Error(), tt.status, tt.reply, s.transcript())
			}
			if len(messages) != tt.taken {
				t.Errorf("the other server took %d messages, want %d", len(messages), tt.taken)
			}
			if got := strings.Join(commands, "\n"); !strings.Contains(got, tt.heard) {
				t.Errorf("it heard\n%s\nand no %s", got, tt.heard)
			}
		})
	}
}

// A server whose lines wait at the interceptor is not given up; one that is silent by
// itself is.
func TestHeldRelayIsNotGivenUp(t *testing.T) {
	for _, held := range []bool{true, false} {
		g := &wiretest.Interceptor{}
		s, p := guarded(t, g)
		s.opts.Timeouts.Command = 20 * time.Millisecond
		p.before = func(verb string) {
			if verb != "MAIL" {
				return
			}
			if !held {
				<-p.ending
				return
			}
			before, began := g.Grow(time.Hour), time.Now() // the line waits at the other end
			for late := began.Add(20 * time.Second); time.Now().Before(late); time.Sleep(time.Millisecond) {
				if time.Since(began) > 3*s.opts.Timeouts.Command && g.Grow(time.Hour) > before {
					return // a deadline has passed, and was moved
				}
			}
		}
		if held {
			g.Grow(time.Hour) // a slow machine is no silent server
		}
		want := map[bool]queue.Status{true: queue.Delivered, false: queue.Deferred}[held]
		if res := s.attempt(mail.Options{}, to(bob)...)[0]; res.Status != want {
			t.Errorf("held %v: %s: %s\n%s", held, res.Status, res.Reply.Error(), s.transcript())
		}
	}
}

// A Runner that stops waits for no line: the message goes back to the queue.
func TestStopWithAHeldLine(t *testing.T) {
	for _, line := range []string{"220", "EHLO", "MAIL", "250 2.1.5", "Subject", "."} {
		t.Run(line, func(t *testing.T) {
			waits := make(chan struct{})
			var once sync.Once
			s, _ := guarded(t, &wiretest.Interceptor{Decide: func(ctx context.Context, p wire.Line) wire.Verdict {
				if strings.HasPrefix(p.Text, line) {
					once.Do(func() {
						p.Waits()
						close(waits)
						<-ctx.Done()
					})
				}
				return wire.Verdict{}
			}})
			s.run()
			s.store.add("m", ketchup, alice, mail.Options{}, to(bob)...)
			select {
			case <-waits:
			case <-time.After(20 * time.Second):
				t.Fatalf("no line waits:\n%s", s.transcript())
			}
			s.stop()
			s.settled(1)
			h, _, _ := s.store.snapshot()
			if r := h[0][0]; r.Status != queue.Deferred {
				t.Errorf("%s: %s", r.Status, r.Reply.Error())
			}
		})
	}
}
