package e2e_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"glassmail/trace"
)

// events reads the trace of a lab until one of the events is wanted.
func (p *process) events(t *testing.T, until func(trace.Event) bool) []trace.Event {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ready.Web+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out []trace.Event
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		var e trace.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
		if until(e) {
			return out
		}
	}
	t.Fatal("the event stream ended")
	return nil
}

// Alice submits with swaks; the MX is found through root, edu and the
// authoritative server; the message goes over a second connection; IDLE tells
// bob.
func TestRelayByMX(t *testing.T) {
	l := startLab(t)
	c, h := l.ready.Nodes["crepes.fr"], l.ready.Nodes["hamburger.edu"]
	bob := login(t, h.IMAP, "bob", "bob")
	bob.do("SELECT INBOX")
	bob.conn.Write([]byte("i IDLE\r\n"))
	for !strings.HasPrefix(bob.line(), "+") {
	}
	out, err := tool(t, "swaks", "swaks", "--server", c.Submission, "--tls", "--auth-user", "alice", "--auth-password", "alice",
		"--from", "alice@crepes.fr", "--to", "bob@hamburger.edu", "--header", "Subject: Lunch", "--body", "Do you like ketchup?")
	if err != nil {
		t.Fatalf("swaks: %v\n%s", err, out)
	}
	for got := ""; !strings.Contains(got, "1 EXISTS"); {
		got = bob.line()
	}
	bob.conn.Write([]byte("DONE\r\n"))
	for !strings.HasPrefix(bob.line(), "i OK") {
	}
	text := bob.do("FETCH 1 BODY[]")
	for _, want := range []string{"Return-Path: <alice@crepes.fr>", "by hamburger.edu", "by crepes.fr", "Subject: Lunch", "Do you like ketchup?"} {
		if !strings.Contains(text, want) {
			t.Errorf("the message lacks %q:\n%s", want, text)
		}
	}
	if n := strings.Count(text, "Return-Path:"); n != 1 {
		t.Errorf("%d Return-Path lines", n)
	}
	checkWalk(t, l.events(t, func(e trace.Event) bool {
		return e.Kind == trace.Delivered && e.Node == "crepes.fr"
	}))
}

// checkWalk looks for the stations of the message in the trace, in order.
func checkWalk(t *testing.T, events []trace.Event) {
	t.Helper()
	stations := []struct {
		node string
		kind trace.Kind
		text string
	}{
		{"crepes.fr", trace.Line, `^MAIL FROM:<alice@crepes\.fr>`},
		{"crepes.fr", trace.Accepted, `accepted`},
		{"crepes.fr", trace.Queued, `hamburger\.edu`},
		{`[ab].root`, trace.Datagram, `hamburger\.edu`},
		{"a.edu", trace.Datagram, `hamburger\.edu`},
		{"dns1.hamburger.edu", trace.Datagram, `hamburger\.edu.* MX`},
		{"crepes.fr", trace.MXChosen, `mail\.hamburger\.edu`},
		{"hamburger.edu", trace.Line, `^EHLO crepes\.fr`},
		{"hamburger.edu", trace.Accepted, `accepted`},
		{"hamburger.edu", trace.Delivered, `bob@hamburger\.edu`},
		{"crepes.fr", trace.Delivered, `hamburger\.edu`},
	}
	next := 0
	for _, e := range events {
		if next == len(stations) {
			break
		}
		s := stations[next]
		if ok, _ := regexp.MatchString("^"+s.node+"$", e.Node); ok && e.Kind == s.kind && regexp.MustCompile(s.text).MatchString(e.Text) {
			next++
		}
	}
	if next < len(stations) {
		var log strings.Builder
		for _, e := range events {
			log.WriteString(e.Node + " " + string(e.Kind) + " " + e.String() + "\n")
		}
		t.Errorf("the trace does not show %+v after the stations before it:\n%s", stations[next], log.String())
	}
}

// A user who does not exist: alice gets a report that says so.
func TestBounce(t *testing.T) {
	l := startLab(t)
	c := l.ready.Nodes["crepes.fr"]
	alice := login(t, c.IMAP, "alice", "alice")
	must(t, "", "send", "--server", c.Submission, "--auth", "alice:alice", "--insecure",
		"--from", "alice@crepes.fr", "--to", "nobody@hamburger.edu", "--subject", "Lunch", "--body", "Are you there?")
	eventually(t, "alice has the report", func() bool { return alice.count("INBOX") == 1 })
	alice.do("SELECT INBOX")
	text := alice.do("FETCH 1 BODY[]")
	for _, want := range []string{
		"Return-Path: <>", "multipart/report", "message/delivery-status", "Final-Recipient: rfc822;nobody@hamburger.edu",
		"Action: failed", "Status: 5.1.1", "Subject: Lunch", "Auto-Submitted: auto-replied",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if s := alice.do("FETCH 1 BODYSTRUCTURE"); !strings.Contains(strings.ToLower(s), `"delivery-status"`) {
		t.Errorf("BODYSTRUCTURE does not show the report's part:\n%s", s)
	}
}

// Mail leaves only for users who log in.
func TestNoOpenRelay(t *testing.T) {
	l := startLab(t)
	play(t, l.ready.Nodes["hamburger.edu"].SMTP, `
S: 220 hamburger.edu
C: HELO evil.example
S~ 250 .*
C: MAIL FROM:<spam@evil.example>
S~ 250 .*
C: RCPT TO:<alice@crepes.fr>
S~ 550 .*Relaying denied.*
C: RCPT TO:<nobody@hamburger.edu>
S~ 550 .*no such user.*
C: QUIT
S~ 221 .*
* END`)
	play(t, l.ready.Nodes["crepes.fr"].Submission, `
S~ 220 .*
C: EHLO evil.example
S...
S~ 250 .*
C: MAIL FROM:<alice@crepes.fr>
S~ 530 5.7.0 .*
C: QUIT
S~ 221 .*
* END`)
}
