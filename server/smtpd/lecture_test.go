package smtpd_test

import (
	"io"
	"strings"
	"testing"
)

// The dialogue of the lecture, byte for byte.
var lecture = []struct{ client, server string }{
	{"", "220 hamburger.edu\r\n"},
	{"HELO crepes.fr\r\n", "250 Hello crepes.fr, pleased to meet you\r\n"},
	{"MAIL FROM: <alice@crepes.fr>\r\n", "250 alice@crepes.fr... Sender ok\r\n"},
	{"RCPT TO: <bob@hamburger.edu>\r\n", "250 bob@hamburger.edu ... Recipient ok\r\n"},
	{"DATA\r\n", "354 Enter mail, end with \".\" on a line by itself\r\n"},
	{"Do you like ketchup?\r\nHow about pickles?\r\n.\r\n", "250 Message accepted for delivery\r\n"},
	{"QUIT\r\n", "221 hamburger.edu closing connection\r\n"},
}

func TestLecture(t *testing.T) {
	r := serve(t, nil)
	c := r.dial(t)
	for _, turn := range lecture {
		c.send(turn.client)
		if got := c.reply(); got != turn.server {
			t.Errorf("%q: got %q, want %q", turn.client, got, turn.server)
		}
	}
	c.ended()
	lectureArrived(t, r)
}

func lectureArrived(t *testing.T, r *rig) {
	t.Helper()
	got := r.messages()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	m := got[0]
	if m.text != "Do you like ketchup?\r\nHow about pickles?\r\n" {
		t.Errorf("text %q", m.text)
	}
	if m.env.From.String() != "alice@crepes.fr" || len(m.env.To) != 1 || m.env.To[0].String() != "bob@hamburger.edu" {
		t.Errorf("envelope %+v", m.env)
	}
	if p := m.env.Peer; p.Helo != "crepes.fr" || p.Addr.Addr().String() != "127.0.0.1" || p.Conn == 0 || p.Time.IsZero() {
		t.Errorf("peer %+v", p)
	}
}

// whole returns the lecture's two sides.
func whole() (client, server string) {
	for _, turn := range lecture {
		client += turn.client
		server += turn.server
	}
	return client, server
}

func TestLectureInOneSegment(t *testing.T) {
	r := serve(t, nil)
	c := r.dial(t)
	say, want := whole()
	c.send(say)
	if got, err := io.ReadAll(c.r); string(got) != want {
		t.Errorf("got %q and %v", got, err)
	}
	lectureArrived(t, r)
}

func TestLectureByteByByte(t *testing.T) {
	r := serve(t, nil)
	c := r.dial(t)
	say, want := whole()
	for i := range say {
		c.send(say[i : i+1])
	}
	if got, err := io.ReadAll(c.r); string(got) != want {
		t.Errorf("got %q and %v", got, err)
	}
	lectureArrived(t, r)
}

func TestLectureWithEHLO(t *testing.T) {
	r := serve(t, nil)
	c := r.dial(t)
	c.expect("220 hamburger.edu\r\n")
	got := c.say("EHLO crepes.fr", "250-hamburger.edu Hello crepes.fr, pleased to meet you\r\n")
	want := []string{"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "SMTPUTF8", "DSN", "SIZE 52428800", "LIMITS RCPTMAX=100"}
	var list []string
	for line := range strings.Lines(got) {
		list = append(list, strings.TrimSpace(line[4:]))
	}
	if strings.Join(list[1:], "|") != strings.Join(want, "|") {
		t.Errorf("extensions %q", list[1:])
	}
	for _, turn := range []struct{ say, want string }{
		{"MAIL FROM: <alice@crepes.fr>", "250 2.1.0 alice@crepes.fr... Sender ok\r\n"},
		{"RCPT TO: <bob@hamburger.edu>", "250 2.1.5 bob@hamburger.edu ... Recipient ok\r\n"},
		{"DATA", "354 Enter mail, end with \".\" on a line by itself\r\n"},
		{"Do you like ketchup?\r\nHow about pickles?\r\n.", "250 2.0.0 Message accepted for delivery\r\n"},
		{"QUIT", "221 2.0.0 hamburger.edu closing connection\r\n"},
	} {
		if got := c.say(turn.say, ""); got != turn.want {
			t.Errorf("%q: got %q, want %q", turn.say, got, turn.want)
		}
	}
	c.ended()
	lectureArrived(t, r)
}
