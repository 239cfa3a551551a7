package smtpd_test

import (
	"fmt"
	"strings"
	"testing"

	"glassmail/server/smtpd"
	"glassmail/trace"
)

// TestTrace: what the trace prints of the lecture is the lecture.
func TestTrace(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.TraceText = 10 })
	c := r.dial(t)
	for _, turn := range lecture {
		c.send(turn.client)
		c.reply()
	}
	c.ended()
	waitFor(t, func() bool { return traced(r, trace.Close, "") })
	var got strings.Builder
	states := map[string]string{}
	journeys := map[string]bool{}
	for _, e := range r.log.Since(0) {
		if e.Kind == trace.Line {
			fmt.Fprintln(&got, e)
		}
		states[e.Text] = e.Before + e.After
		journeys[e.Journey] = true
	}
	want := `S: 220 hamburger.edu
C: HELO crepes.fr
S: 250 Hello crepes.fr, pleased to meet you
C: MAIL FROM: <alice@crepes.fr>
S: 250 alice@crepes.fr... Sender ok
C: RCPT TO: <bob@hamburger.edu>
S: 250 bob@hamburger.edu ... Recipient ok
C: DATA
S: 354 Enter mail, end with "." on a line by itself
C: Do you like ketchup?
C: How about pickles?
C: .
S: 250 Message accepted for delivery
C: QUIT
S: 221 hamburger.edu closing connection
`
	if got.String() != want {
		t.Errorf("got\n%s", got.String())
	}
	for text, state := range map[string]string{
		"220 hamburger.edu": "connected", "HELO crepes.fr": "connected", "250 Hello crepes.fr, pleased to meet you": "greeted",
		"250 alice@crepes.fr... Sender ok": "sender", "RCPT TO: <bob@hamburger.edu>": "sender", "DATA": "recipients", "250 Message accepted for delivery": "greeted",
	} {
		if states[text] != state {
			t.Errorf("%s: state %q, want %q", text, states[text], state)
		}
	}
	id := one(t, r).env.ID
	if !journeys[id] || len(journeys) != 2 {
		t.Errorf("journeys %v, want %s", journeys, id)
	}
	journey := ""
	for _, e := range r.log.Since(0) {
		if e.Kind == trace.Line && e.Journey == id {
			journey += e.String() + "\n"
		}
	}
	if _, rest, _ := strings.Cut(want, "C: MAIL"); journey != "C: MAIL"+strings.TrimSuffix(rest, "C: QUIT\nS: 221 hamburger.edu closing connection\n") {
		t.Errorf("the journey is\n%s", journey)
	}
}

func TestTraceOfLongText(t *testing.T) {
	for _, tt := range []struct {
		lines int
		text  string
		want  string
	}{
		{0, "one\r\ntwo\r\n", "* C sent 10 bytes of message text|C: ."},
		{1, "one\r\ntwo\r\n", "C: one|* C sent 5 bytes of message text|C: ."},
		{2, "one\r\ntwo\r\n", "C: one|C: two|C: ."},
		{0, "", "C: ."},
		{1, strings.Repeat("x", 5000) + "\r\n", "C: " + strings.Repeat("x", 1000) + "|C: ."},
	} {
		r := serve(t, func(o *smtpd.Options) { o.TraceText = tt.lines })
		c := r.greeted(t)
		c.begin()
		since := r.log.Since(0)[len(r.log.Since(0))-1].Seq
		c.send(tt.text + ".\r\n")
		c.expect("250")
		var got []string
		for _, e := range r.log.Since(since) {
			if e.Dir == trace.Client || e.Kind == trace.Data {
				got = append(got, e.String())
			}
		}
		if g := strings.Join(got, "|"); g != tt.want {
			t.Errorf("%d lines of %.20q: got %q", tt.lines, tt.text, g)
		}
	}
}

func TestRefusalsAreTraced(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.say("MAIL FROM:<alice@crepes.fr>", "250")
	c.say("RCPT TO:<nobody@hamburger.edu>", "550")
	c.say("RCPT TO:<bob@hamburger.edu>", "250")
	c.say("DATA", "354")
	c.say("a\nb\r\n.", "554")
	for _, want := range []string{"refused: 550 5.1.1 There is no nobody", "refused: 554 5.6.0 Message refused: line 1"} {
		if !traced(r, trace.Refused, want) {
			t.Errorf("the trace lacks %q", want)
		}
	}
}
