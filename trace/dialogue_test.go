package trace_test

import (
	"fmt"
	"strings"
	"testing"

	"glassmail/trace"
)

// saidOf is what events tell of a dialogue: for each line the command, the phase, and
// the states before and after; content in brackets.
func saidOf(events []trace.Event) string {
	var out strings.Builder
	for _, e := range events {
		if e.Kind != trace.Line {
			continue
		}
		command := e.Command
		if e.Content {
			command = "[content]"
		}
		fmt.Fprintf(&out, "%s | %s %s %s>%s\n", e, command, e.Phase, e.Before, e.After)
	}
	return out.String()
}

// play writes the lines of a script, "C: HELO x", into a connection.
func play(c *trace.Conn, script string) {
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		c.Line(trace.Dir(line[0]), line[3:])
	}
}

// Both ends of a dialogue tell the same of it: it is worked out in one place.
func TestDialogues(t *testing.T) {
	for name, c := range map[string]struct {
		proto        trace.Protocol
		script, want string
	}{
		"the lecture's": {trace.SMTP, `S: 220 hamburger.edu
C: HELO crepes.fr
S: 250 Hello
C: MAIL FROM:<a@b>
S: 250 ok
C: RCPT TO:<no@b>
S: 550 no
C: RCPT TO:<c@d>
S: 250 ok
C: DATA
S: 354 go on
C: QUIT
C: .
S: 250 accepted
C: QUIT
S: 221 bye
`, `S: 220 hamburger.edu |  greeting connected>connected
C: HELO crepes.fr | HELO greeting connected>connected
S: 250 Hello | HELO greeting connected>greeted
C: MAIL FROM:<a@b> | MAIL transfer greeted>greeted
S: 250 ok | MAIL transfer greeted>sender
C: RCPT TO:<no@b> | RCPT transfer sender>sender
S: 550 no | RCPT transfer sender>sender
C: RCPT TO:<c@d> | RCPT transfer sender>sender
S: 250 ok | RCPT transfer sender>recipients
C: DATA | DATA transfer recipients>recipients
S: 354 go on | DATA transfer recipients>data
C: QUIT | [content] transfer data>data
C: . | . transfer data>data
S: 250 accepted | . transfer data>greeted
C: QUIT | QUIT closure greeted>greeted
S: 221 bye | QUIT closure greeted>closed
`},
		"pipelined, after more lines": {trace.SMTP, `S: 220-hello
S: 220 go on
C: EHLO a
S: 250-b
S: 250 SIZE
C: MAIL FROM:<a@b>
C: rcpt to:<c@d>
C: DATA
S: 250 ok
S: 452 full
S: 503 no recipients
C: RSET
S: 250 ok
`, `S: 220-hello |  greeting connected>connected
S: 220 go on |  greeting connected>connected
C: EHLO a | EHLO greeting connected>connected
S: 250-b | EHLO greeting connected>connected
S: 250 SIZE | EHLO greeting connected>greeted
C: MAIL FROM:<a@b> | MAIL transfer greeted>greeted
C: rcpt to:<c@d> | RCPT transfer greeted>greeted
C: DATA | DATA transfer greeted>greeted
S: 250 ok | MAIL transfer greeted>sender
S: 452 full | RCPT transfer sender>sender
S: 503 no recipients | DATA transfer sender>sender
C: RSET | RSET transfer sender>sender
S: 250 ok | RSET transfer sender>greeted
`},
		"with AUTH, STARTTLS and BDAT": {trace.SMTP, `S: 220 b
C: EHLO a
S: 250 b
C: STARTTLS
S: 220 go on
C: EHLO a
S: 250 b
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: ********
S: 334 UGFzc3dvcmQ6
C: ********
S: 235 ok
C: MAIL FROM:<a@b>
S: 250 ok
C: RCPT TO:<c@d>
S: 250 ok
C: BDAT 5
S: 250 more
C: BDAT 5 LAST
S: 250 accepted
C: ****
S: 500 no
`, `S: 220 b |  greeting connected>connected
C: EHLO a | EHLO greeting connected>connected
S: 250 b | EHLO greeting connected>greeted
C: STARTTLS | STARTTLS greeting greeted>greeted
S: 220 go on | STARTTLS greeting greeted>connected
C: EHLO a | EHLO greeting connected>connected
S: 250 b | EHLO greeting connected>greeted
C: AUTH LOGIN | AUTH greeting greeted>greeted
S: 334 VXNlcm5hbWU6 | AUTH greeting greeted>greeted
C: ******** | AUTH greeting greeted>greeted
S: 334 UGFzc3dvcmQ6 | AUTH greeting greeted>greeted
C: ******** | AUTH greeting greeted>greeted
S: 235 ok | AUTH greeting greeted>greeted
C: MAIL FROM:<a@b> | MAIL transfer greeted>greeted
S: 250 ok | MAIL transfer greeted>sender
C: RCPT TO:<c@d> | RCPT transfer sender>sender
S: 250 ok | RCPT transfer sender>recipients
C: BDAT 5 | BDAT transfer recipients>recipients
S: 250 more | BDAT transfer recipients>recipients
C: BDAT 5 LAST | BDAT transfer recipients>recipients
S: 250 accepted | BDAT transfer recipients>greeted
C: **** |  transfer greeted>greeted
S: 500 no |  transfer greeted>greeted
`},
		"a reader's": {trace.IMAP, `S: * OK hello
C: a LOGIN bob ***
S: a OK in
C: b SELECT INBOX
S: * 2 EXISTS
S: b OK [READ-WRITE] done
C: c UID FETCH 1 BODY[]
S: c OK done
C: d SELECT Nowhere
S: d NO none
C: e IDLE
S: + idling
S: * 3 EXISTS
C: DONE
S: e OK done
C: f LOGOUT
S: * BYE
S: f OK bye
`, `S: * OK hello |  greeting not-authenticated>not-authenticated
C: a LOGIN bob *** | LOGIN greeting not-authenticated>not-authenticated
S: a OK in | LOGIN reading not-authenticated>authenticated
C: b SELECT INBOX | SELECT reading authenticated>authenticated
S: * 2 EXISTS | SELECT reading authenticated>authenticated
S: b OK [READ-WRITE] done | SELECT reading authenticated>selected
C: c UID FETCH 1 BODY[] | UID FETCH reading selected>selected
S: c OK done | UID FETCH reading selected>selected
C: d SELECT Nowhere | SELECT reading selected>selected
S: d NO none | SELECT reading selected>authenticated
C: e IDLE | IDLE reading authenticated>authenticated
S: + idling | IDLE reading authenticated>authenticated
S: * 3 EXISTS | IDLE reading authenticated>authenticated
C: DONE | IDLE reading authenticated>authenticated
S: e OK done | IDLE reading authenticated>authenticated
C: f LOGOUT | LOGOUT closure authenticated>authenticated
S: * BYE | LOGOUT closure authenticated>authenticated
S: f OK bye | LOGOUT closure authenticated>closed
`},
	} {
		l := trace.NewLog(1000, clock)
		play(l.Open("n", c.proto, "192.0.2.1:25", "192.0.2.2:4711"), c.script)
		if got := saidOf(l.Since(0)); got != c.want {
			t.Errorf("%s: it tells\n%s\nwant\n%s", name, got, c.want)
		}
		l = trace.NewLog(1000, clock)
		play(l.Dialled("n", c.proto, "192.0.2.2:4711", "192.0.2.1:25", "mail.hamburger.edu"), c.script)
		if got := saidOf(l.Since(0)); got != c.want {
			t.Errorf("%s: the client tells\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// FuzzDialogue: whatever is said, nothing fails, nothing is kept without bound, and
// a command is one.
func FuzzDialogue(f *testing.F) {
	f.Add("S: 220 a\nC: EHLO b\nS: 250-\nS: 25\nC: DATA\nS: 354\nC: .", true)
	f.Add("C:  \nC: a UID \nS: a OK\nC: a\xff b\nS: \nC: SELECT\nC: x SELECT\nS: x NO", false)
	f.Fuzz(func(t *testing.T, script string, smtp bool) {
		proto := trace.IMAP
		if smtp {
			proto = trace.SMTP
		}
		l := trace.NewLog(200, clock)
		c := l.Open("n", proto, "192.0.2.1:25", "192.0.2.2:4711")
		for line := range strings.Lines(script) {
			dir, text := trace.Client, strings.TrimSpace(line)
			if rest, ok := strings.CutPrefix(text, "S: "); ok {
				dir, text = trace.Server, rest
			}
			c.Line(dir, strings.TrimPrefix(text, "C: "))
		}
		for _, e := range l.Since(0) {
			if e.Before == "" || e.After == "" || e.Phase == "" || len(e.Command) > 50 || strings.ToUpper(e.Command) != e.Command {
				t.Fatalf("%+v", e)
			}
		}
	})
}
