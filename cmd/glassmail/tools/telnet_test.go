package tools

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/term"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dialog"
	"glassmail/wire"
)

// typed returns what the client says in a script, as lines of input.
func typed(script string) string {
	var b strings.Builder
	for l := range strings.SplitSeq(script, "\n") {
		if text, ok := strings.CutPrefix(l, "C:"); ok {
			b.WriteString(strings.TrimPrefix(text, " ") + "\n")
		}
	}
	return b.String()
}

// The input comes all at once; the server, in lock-step, sees one line at a time.
// What telnet prints is a script that plays the same dialogue.
func TestTelnetLectureFromPipe(t *testing.T) {
	s := script(t, dialog.Lecture, nil)
	out, err := runs(t, Telnet(), typed(dialog.Lecture), s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "* connected to ", "S: 220 hamburger.edu\n* 220 = done: the server is ready",
		"C: HELO crepes.fr\nS: 250 Hello crepes.fr, pleased to meet you\n* 250 = done: the server knows your name",
		"C: MAIL FROM: <alice@crepes.fr>\nS: 250 ", "* 250 = done: the sender is noted",
		"* 250 = done: the recipient is noted", "* 354 = go on: now the message",
		"C: Do you like ketchup?\nC: How about pickles?\nC: .\nS: 250 Message accepted for delivery\n* 250 = done: the server has taken responsibility",
		"C: QUIT\nS: 221", "* connection closed by the server")
	again, err := dialog.Parse("printed", out)
	if err != nil {
		t.Fatal(err)
	}
	peer := script(t, dialog.Lecture, nil)
	if err := dialog.Play(t.Context(), again, dialog.To(peer.addr)); err != nil {
		t.Error(err)
	}
	peer.went(t)
}

func TestTelnetCRLFInput(t *testing.T) {
	s := script(t, "S: 220 x\nC: HELO a\nS: 250 x\nC: QUIT\nS: 221 x\n* END", nil)
	if _, err := runs(t, Telnet(), "HELO a\r\nQUIT", s.host(), s.port()); err != nil {
		t.Error(err)
	}
	s.went(t)
}

func TestTelnetIMAPFromPipe(t *testing.T) {
	const text = `S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
C: a1 LOGIN bob {3}
S: + go on
C: bob
S: a1 OK logged in
C: a2 APPEND INBOX {14}
S: + ready
C: Subject: x
C:
C:
S: a2 OK [APPENDUID 1 7] done
C: a3 SELECT INBOX
S: * 1 EXISTS
S: * OK [UIDVALIDITY 1] ok
S: a3 OK [READ-WRITE] done
C: a4 FETCH 1 BODY[]
S: * 1 FETCH (BODY[] {14}
S: Subject: x
S:
S: )
S: a4 OK done
C: a5 IDLE
S: + idling
C: DONE
S: a5 OK done
C: a6 NONSENSE
S: a6 BAD what
C: a7 LOGOUT
S: * BYE bye
S: a7 OK done
* END
`
	s := script(t, text, nil)
	out, err := runs(t, Telnet(), typed(text), s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "each command begins with a tag", "* + = go on", "* a1 OK = done: you are logged in",
		"APPENDUID: the UID", "* the mailbox holds 1 messages", "UIDVALIDITY: UIDs", "* a3 OK = done: the mailbox is open",
		"READ-WRITE:", "* data of message 1", "* a4 OK", "* + = the server reports news", "* a6 BAD = ", "* the server closes the connection")
}

func TestTelnetBDATAndAuthFromPipe(t *testing.T) {
	const text = `S: 220 x
C: EHLO y
S: 250-x
S: 250-SIZE 1000
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: Ym9i
S: 334 UGFzc3dvcmQ6
C: Ym9i
S: 235 2.7.0 fine
C: BDAT 13 LAST
C: RCPT TO:<x>
S: 250 2.0.0 ok
C: RCPT TO:<x>
S: 503 5.5.1 no
C: QUIT
S: 221 x
* END
`
	s := script(t, text, nil)
	out, err := runs(t, Telnet(), typed(text), s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "* SIZE: the largest", "* AUTH: ways", `VXNlcm5hbWU6 is "Username:" in Base64`, `is "Password:" in Base64`,
		"* 235 = done", "* 250 = done: the chunk", "* 503 = no: a recipient comes after a sender", "* 5.5.1 = the command")
}

func TestTelnetStartTLS(t *testing.T) {
	cfg, _ := certificate(t, "127.0.0.1")
	const text = "S: 220 x\nC: STARTTLS\nS: 220 go\n* STARTTLS\nC: EHLO y\nS: 250 secure\nC: QUIT\nS: 221 x\n* END\n"
	s := script(t, text, cfg)
	out, err := runs(t, Telnet(), typed(text), s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "S: 220 go", "* STARTTLS\n* TLS 1.3 began; the certificate is for 127.0.0.1", "does not trust it", "S: 250 secure")

	s = script(t, "S: 220 x\nC: STARTTLS\nS= \"220 go\\r\\n250 injected\\r\\n\"\n* HANGUP", cfg)
	_, err = runs(t, Telnet(), "STARTTLS\nQUIT\n", s.host(), s.port())
	if code(err) != cli.Failed || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("text before TLS: %v", err)
	}
	<-s.done
}

func TestTelnetImplicitTLS(t *testing.T) {
	cfg, _ := certificate(t, "127.0.0.1")
	s := script(t, "* STARTTLS\nS: * OK hi\nC: a LOGOUT\nS: a OK bye\n* END", cfg)
	out, err := runs(t, Telnet(), "a LOGOUT\n", s.host(), s.port(), "--tls")
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "* TLS 1.3 began", "S: * OK hi")
}

func TestTelnetUnknownProtocol(t *testing.T) {
	s := script(t, "C: hello\nS: HELLO\nC: bye\nS: BYE\n* END", nil)
	out, err := runs(t, Telnet(), "hello\nbye\n", s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "C: hello\nS: HELLO\nC: bye\nS: BYE\n* connection closed by the server")
}

func TestTelnetShowsControlBytesHarmlessly(t *testing.T) {
	s := script(t, "S= \"220 \\x1b[2J\\xff\\xff\\xff\\xfb\\x01x\\r\\n\"\nC= \"\\xff\\xfe\\x01\"\nC: QUIT\nS: 221\n* END", nil)
	out, err := runs(t, Telnet(), "QUIT\n", s.host(), s.port())
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, `S: 220 \x1b[2J\xffx`+"\n")
}

func TestTelnetRaw(t *testing.T) {
	s := script(t, "S= \"220 x\\n\"\nC= \"QUIT\\nno end\"\n* END", nil)
	out, err := runs(t, Telnet(), "QUIT\nno end", s.host(), s.port(), "--raw")
	if err != nil || out != "220 x\n" {
		t.Errorf("printed %q, %v", out, err)
	}
	s.went(t)
}

func TestTelnetFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = runs(t, Telnet(), "", host, port)
	if code(err) != cli.Failed {
		t.Errorf("nobody listens: %v", err)
	}
	for _, args := range [][]string{{}, {"a"}, {"a", "b", "c"}, {"a", "no such port"}, {"a", "25", "--wait", "0s"}, {"a", "25", "--wrong"}} {
		if _, err := runs(t, Telnet(), "", args...); code(err) != cli.Usage {
			t.Errorf("%q: %v", args, err)
		}
	}
	s := script(t, "S: 220 x\nC: HELO y\nS: 421 too busy\n* END", nil)
	out, err := runs(t, Telnet(), "HELO y\nMAIL FROM:<>\n", s.host(), s.port())
	if code(err) != cli.Failed || !strings.Contains(err.Error(), `before "MAIL FROM:<>" was sent`) {
		t.Errorf("a server that closes: %v\n%s", err, out)
	}
	s.went(t)
	s = script(t, "S: 220 x\nC: HELO y\nS: 421 too busy\n* END", nil)
	if _, err = runs(t, Telnet(), "HELO y\n", s.host(), s.port()); err != nil {
		t.Errorf("all was said before the server closed: %v", err)
	}
	s.went(t)
	s = script(t, "S: 220 x\nC: HELO y\n* END", nil)
	_, err = runs(t, Telnet(), "HELO y\n", s.host(), s.port())
	if code(err) != cli.Failed || !strings.Contains(err.Error(), "without a reply") {
		t.Errorf("a server that owes a reply: %v", err)
	}
	s.went(t)
}

// clocked runs a session on a clock that only the test turns.
func clocked(t *testing.T, stdin string, limit time.Duration) (clock *wire.Manual, server net.Conn, out *bytes.Buffer, done chan error) {
	t.Helper()
	client, server := net.Pipe()
	clock = wire.NewManual(time.Unix(0, 0))
	out = &bytes.Buffer{}
	s := newSession(client, "x", newPipe(strings.NewReader(stdin), out), clock, limit)
	done = make(chan error, 1)
	go func() { done <- s.run(t.Context()) }()
	t.Cleanup(func() { server.Close() })
	return clock, server, out, done
}

func TestTelnetWaitsForTheGreetingAndGivesUp(t *testing.T) {
	clock, _, _, done := clocked(t, "HELO x\n", time.Minute)
	clock.Sleepers(1)
	clock.Advance(quiet) // is enough for an unknown protocol only
	select {
	case err := <-done:
		t.Fatalf("it ended early: %v", err)
	default:
	}
	clock.Advance(time.Minute)
	if err := <-done; err == nil || err.Error() != "no reply came within 1m0s" {
		t.Errorf("error %v", err)
	}
}

func TestTelnetSendsToASilentServerAfterAPause(t *testing.T) {
	clock, server, out, done := clocked(t, "hello\n", 1000*time.Hour)
	ended := make(chan struct{})
	turned := make(chan struct{})
	go func() { // time passes, in steps too small for the limit to come near
		defer close(turned)
		for {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
				clock.Advance(pauseInLine)
			}
		}
	}()
	l, err := bufio.NewReader(server).ReadString('\n')
	if l != "hello\r\n" {
		t.Errorf("the server got %q, %v", l, err)
	}
	io.WriteString(server, "HEL")
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(ended)
	<-turned
	contains(t, out.String(), "C: hello\nS: HEL\n* connection closed by you")
}

func TestTelnetStopsWithItsContext(t *testing.T) {
	client, server := net.Pipe()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	s := newSession(client, "x", newPipe(strings.NewReader("HELO x\n"), io.Discard), wire.NewManual(time.Unix(0, 0)), time.Minute)
	cancel()
	if err := s.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// keyboard is a terminal's two directions in memory.
type keyboard struct {
	io.Reader
	io.Writer
}

func TestTelnetTerminal(t *testing.T) {
	client, server := net.Pipe()
	keys, press := io.Pipe()
	var screen bytes.Buffer
	restored := false
	con := &terminal{
		term: term.NewTerminal(keyboard{keys, &screen}, "C: "),
		size: func() (int, int, error) { return 80, 24, nil },
		dim:  true, erase: &screen, restore: func() { restored = true },
	}
	s := newSession(client, "x", con, wire.System{}, time.Minute)
	done := make(chan error, 1)
	go func() { done <- s.run(t.Context()) }()
	io.WriteString(server, "220 x\r\n")
	io.WriteString(press, "HELL\x7fO crepes.fr\r") // with a slip and a backspace
	l, err := bufio.NewReader(server).ReadString('\n')
	if l != "HELO crepes.fr\r\n" {
		t.Errorf("the server got %q, %v", l, err)
	}
	io.WriteString(server, "250 hello\r\n")
	io.WriteString(press, "\x04") // Ctrl-D
	if err := <-done; err != nil {
		t.Error(err)
	}
	con.close()
	if !restored {
		t.Error("the terminal was not restored")
	}
	contains(t, screen.String(), "S: 220 x\r\n\x1b[2m* 220 = done", "\x1b[0m\r\n", "C: HEL", "S: 250 hello", "* 250 = done: the server knows")
}

func TestWrap(t *testing.T) {
	got := wrap("* 250 = done: the server knows your name", 20, "*   ")
	if strings.Join(got, "|") != "* 250 = done: the|*   server knows|*   your name" {
		t.Errorf("wrapped as %q", got)
	}
	if got := wrap("* "+strings.Repeat("x", 30)+" y", 10, "*   "); len(got) != 2 {
		t.Errorf("a long word is wrapped as %q", got)
	}
}

func TestTelnetIgnoresTerminalOfTests(t *testing.T) {
	con, err := openConsole(strings.NewReader(""), io.Discard)
	if err != nil || con.person() {
		t.Errorf("a reader is taken for a person (%v)", err)
	}
}
