package trace_test

import (
	"fmt"
	"strings"
	"testing"

	"glassmail/trace"
)

// arrows is who says what to whom in events that a picture shows: each once.
func arrows(events []trace.Event) string {
	var out strings.Builder
	for _, e := range events {
		if e.Mirror || e.Side == 0 || e.Dir == trace.Self || e.Dir == 0 {
			continue
		}
		far := "?"
		if e.Peer != nil {
			far = e.Peer.Name
		}
		if e.Dir == e.Side {
			fmt.Fprintf(&out, "%s>%s %s\n", e.Node, far, e.Text)
		} else {
			fmt.Fprintf(&out, "%s>%s %s\n", far, e.Node, e.Text)
		}
	}
	return out.String()
}

// What both ends tell is shown once, whoever is first; each end is named, also where
// all hosts have one address.
func TestEnds(t *testing.T) {
	const relay, mx = "127.0.0.1:40001", "127.0.0.1:2526"
	for name, c := range map[string]struct {
		play func(l *trace.Log)
		want string
	}{
		"the client first": {func(l *trace.Log) {
			l.Listens("hamburger.edu", trace.MailServer, mx)
			out := l.Dialled("crepes.fr", trace.SMTP, relay, mx, "mail.hamburger.edu")
			in := l.Open("hamburger.edu", trace.SMTP, mx, relay)
			for _, c := range []*trace.Conn{in, out} {
				play(c, "S: 220 hamburger.edu\nC: HELO crepes.fr\n")
			}
			in.Peer("crepes.fr.evil.example", trace.MailServer) // it is known who it is
			in.Line(trace.Server, "250 Hello")
			out.Line(trace.Server, "250 Hello")
		}, "hamburger.edu>crepes.fr 220 hamburger.edu\ncrepes.fr>hamburger.edu HELO crepes.fr\nhamburger.edu>crepes.fr 250 Hello\n"},
		"the server first": {func(l *trace.Log) {
			in := l.Open("hamburger.edu", trace.SMTP, mx, relay)
			play(in, "S: 220 hamburger.edu\n")
			out := l.Dialled("crepes.fr", trace.SMTP, relay, mx, "mail.hamburger.edu")
			for _, c := range []*trace.Conn{out, in} {
				play(c, "C: HELO crepes.fr\n")
			}
		}, "hamburger.edu>? 220 hamburger.edu\ncrepes.fr>hamburger.edu HELO crepes.fr\n"},
		"the server first, of a node with an address of its own": {func(l *trace.Log) {
			l.Listens("crepes.fr", trace.MailServer, "198.51.100.25:25")
			in := l.Open("hamburger.edu", trace.SMTP, "203.0.113.25:25", "198.51.100.25:40001")
			out := l.Dialled("crepes.fr", trace.SMTP, "198.51.100.25:40001", "203.0.113.25:25", "mail.hamburger.edu")
			for _, c := range []*trace.Conn{in, out} {
				play(c, "S: 220 hamburger.edu\nC: HELO crepes.fr\n")
			}
		}, "hamburger.edu>crepes.fr 220 hamburger.edu\ncrepes.fr>hamburger.edu HELO crepes.fr\n"},
		"a server elsewhere": {func(l *trace.Log) {
			out := l.Dialled("crepes.fr", trace.SMTP, relay, "203.0.113.25:25", "mail.hamburger.edu")
			play(out, "S: 220 hamburger.edu\n")
		}, "mail.hamburger.edu>crepes.fr 220 hamburger.edu\n"},
		"two users from one address": {func(l *trace.Log) {
			alice, bob := l.Open("crepes.fr", trace.SMTP, "127.0.0.1:2525", "127.0.0.1:40002"), l.Open("crepes.fr", trace.IMAP, "127.0.0.1:2143", "127.0.0.1:40003")
			bob.Peer("bob@crepes.fr", trace.UserAgent)
			alice.Peer("alice@crepes.fr", trace.UserAgent)
			play(bob, "C: a NOOP\n")
			play(alice, "C: NOOP\n")
		}, "bob@crepes.fr>crepes.fr a NOOP\nalice@crepes.fr>crepes.fr NOOP\n"},
		"the same addresses again": {func(l *trace.Log) {
			out := l.Dialled("crepes.fr", trace.SMTP, relay, mx, "mail.hamburger.edu")
			in := l.Open("hamburger.edu", trace.SMTP, mx, relay)
			out.Close("done")
			in.Close("done")
			play(l.Open("hamburger.edu", trace.SMTP, mx, relay), "C: NOOP\n") // somebody else's
		}, "?>hamburger.edu NOOP\n"},
		"a node that connects to itself": {func(l *trace.Log) {
			l.Listens("crepes.fr", trace.MailServer, "198.51.100.25:25")
			play(l.Open("crepes.fr", trace.SMTP, "198.51.100.25:25", "198.51.100.25:40001"), "C: NOOP\n")
		}, "?>crepes.fr NOOP\n"},
		"a query, its copy that was lost, and its reply": {func(l *trace.Log) {
			say := func(side, dir trace.Dir, text string) {
				e := trace.Event{Node: "crepes.fr", Local: "127.0.0.1:5000", Remote: "127.0.0.1:53", Proto: trace.DNS, Kind: trace.Datagram, Side: side, Dir: dir, Text: text, Bytes: []byte{1, 2, 3}}
				if side == trace.Server {
					e.Node, e.Local, e.Remote = "dns.crepes.fr", e.Remote, e.Local
				}
				l.Add(e)
			}
			l.Listens("dns.crepes.fr", trace.NameServer, "127.0.0.1:53")
			say(trace.Client, trace.Client, "lost")
			say(trace.Client, trace.Client, "query")
			say(trace.Server, trace.Client, "query")
			say(trace.Server, trace.Server, "reply")
			say(trace.Client, trace.Server, "reply")
		}, "crepes.fr>dns.crepes.fr lost\ncrepes.fr>dns.crepes.fr query\ndns.crepes.fr>crepes.fr reply\n"},
	} {
		l := trace.NewLog(1000, clock)
		c.play(l)
		if got := arrows(l.Since(0)); got != c.want {
			t.Errorf("%s: the picture shows\n%swant\n%s", name, got, c.want)
		}
	}
}

// What a client shows itself to be late counts for all of its connection in a journey.
func TestIntroduce(t *testing.T) {
	l := trace.NewLog(1000, clock)
	c := l.Open("crepes.fr", trace.SMTP, "127.0.0.1:2525", "127.0.0.1:40002")
	play(c, "S: 220 crepes.fr\nC: HELO ua\n")
	c.Peer("alice@crepes.fr", trace.UserAgent)
	play(c, "C: QUIT\n")
	var steps []trace.Step
	var events []trace.Event
	for _, e := range l.Since(0) {
		steps = append(steps, trace.Step{Event: e})
	}
	trace.Introduce(steps)
	for _, s := range steps {
		events = append(events, s.Event)
	}
	const want = "crepes.fr>alice@crepes.fr 220 crepes.fr\nalice@crepes.fr>crepes.fr HELO ua\nalice@crepes.fr>crepes.fr QUIT\n"
	if got := arrows(events); got != want {
		t.Errorf("the picture shows\n%swant\n%s", got, want)
	}
}
