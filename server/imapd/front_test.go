package imapd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/wire"
)

// A literal that is refused must never be read as commands: libraries.md calls it
// the literal escape. Each of these lets go-imap alone delete the folder.
func TestRefusedLiteralIsNotRun(t *testing.T) {
	const evil = "x DELETE victim\r\n"
	for name, command := range map[string]string{
		"over the append limit":       fmt.Sprintf("a APPEND INBOX {%d+}\r\n", 200<<10+len(evil)),
		"sync over the append limit":  fmt.Sprintf("a APPEND INBOX {%d}\r\n", 200<<10),
		"non-sync above 4 KiB":        fmt.Sprintf("a APPEND INBOX {%d+}\r\n", 5000),
		"bad flags":                   fmt.Sprintf("a APPEND INBOX (\\Seen {%d+}\r\n", len(evil)),
		"bad date":                    fmt.Sprintf("a APPEND INBOX \"yesterday\" {%d+}\r\n", len(evil)),
		"no such mailbox":             fmt.Sprintf("a APPEND nowhere {%d+}\r\n", len(evil)),
		"unknown extension":           fmt.Sprintf("a APPEND INBOX CATENATE {%d+}\r\n", len(evil)),
		"not a command with literals": fmt.Sprintf("a NOOP {%d+}\r\n", len(evil)),
		"unknown command":             fmt.Sprintf("a FROBNICATE {%d+}\r\n", len(evil)),
		"no command":                  fmt.Sprintf("{%d+}\r\n", len(evil)),
		"too big for an argument":     "a SELECT {5000+}\r\n",
		"line ends in an argument":    fmt.Sprintf("a SELECT {%d+}\r\n", len(evil)),
		"base64 that is none":         fmt.Sprintf("a AUTHENTICATE PLAIN {%d+}\r\n", len(evil)),
		"search key":                  fmt.Sprintf("a SEARCH FROB {%d+}\r\n", len(evil)),
		"empty message":               "a APPEND INBOX {0+}\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(o *Options) { o.AppendLimit = 100 << 10 })
			c := s.bob(t)
			c.run("c CREATE victim")
			lit, found, _ := scanLine([]byte(strings.TrimSuffix(command, "\r\n")))
			if !found {
				t.Fatal("the test names no literal")
			}
			text := ""
			if lit.nonSync {
				text = strings.Repeat(evil, int(lit.size)/len(evil)+1)[:lit.size] + "\r\n"
			}
			// The server may hang up on what is much too big, while we still send.
			go io.WriteString(c, command+text+"z NOOP\r\n")
			for {
				l, err := c.br.ReadString('\n')
				if strings.HasPrefix(l, "x ") {
					t.Fatalf("the literal was run: %s", l)
				}
				if strings.HasPrefix(l, "z OK") {
					break
				}
				if err != nil {
					break
				}
			}
			if _, err := s.Folder(context.Background(), bob, "victim"); err != nil {
				t.Fatal("the folder was deleted")
			}
		})
	}
}

func TestLiterals(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.do("a LOGIN {3}", `^\+ `)
	c.do("bob {6}", `^\+ `)
	c.do("secret", `^a OK `)
	c.do("b CREATE {5+}\r\na \"b\\", `^b OK`)
	contains(t, c.run(`c LIST "" *`), `"a \"b\\"`)
	c.send("d APPEND {5+}\r\nINBOX (\\Seen) {4+}\r\nabcd\r\n")
	c.want(`^d OK \[APPENDUID \d+ 1\]`) // no continuation: nobody waits for one
	c.do("e APPEND INBOX {5}", `^\+ `)
	c.do("ab\ncd", `^e OK \[APPENDUID \d+ 2\]`)
	c.run("f SELECT INBOX")
	contains(t, c.run("g FETCH 2 BODY[]"), "{6}\nab\ncd)") // CR LF, RFC 5322 §2.3
	c.do("h APPEND INBOX {5+}\r\na\x00bcd", `^h NO \[CANNOT\]`)
	c.run("i NOOP")
}

func TestAppendOfTwoMessages(t *testing.T) {
	s := newSite(t, nil)
	c := s.bob(t)
	c.send("a APPEND INBOX {3+}\r\nabc {3+}\r\ndef\r\n")
	c.want(`^a BAD APPEND takes one message`)
	c.run("b NOOP")
	if f, _ := s.Folder(context.Background(), bob, "INBOX"); f.Messages != 0 {
		t.Fatal("a message was stored by a command that was refused")
	}
}

func TestAppendCutShort(t *testing.T) {
	s := newSite(t, nil)
	c := s.bob(t)
	c.send("a APPEND INBOX {100+}\r\nabc")
	c.Close()
	c = s.bob(t)
	contains(t, c.run("s STATUS INBOX (MESSAGES)"), "MESSAGES 0")
}

func TestUTF8Append(t *testing.T) {
	s := newSite(t, nil)
	c := s.bob(t)
	c.run("a ENABLE UTF8=ACCEPT")
	c.send("b APPEND INBOX UTF8 (~{5+}\r\nh\xc3\xa9ll)\r\n")
	c.want(`^b OK \[APPENDUID`)
	c.send("c APPEND INBOX UTF8 (~{5+}\r\nabcde\r\n")
	c.want(`^c BAD`)
	c.run("d NOOP")
}

// What go-imap answers with the end of the connection.
func TestTyping(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.do("", `^\* BAD A command begins with a tag`)
	c.do("a", `^a BAD After the tag comes`)
	c.do("( x", `^\* BAD`)
	c.do("a1 HELO crepes.fr", `^a1 BAD Unknown command; before LOGIN`)
	c.do("a2 UID", `^a2 BAD`)
	c.do("a3 noop", `^a3 OK`)
	c.do("a4 LOGIN bob", `^a4 BAD`)
	c.do("a5 LOGIN \"bob secret", `^a5 BAD A quoted string is not closed`)
	c.do("a6 NOOP\rb LOGOUT\rc LOGOUT", `^a6 BAD A line may hold`)
	c.do("a7 NOOP\x00", `^a7 BAD A line may hold`)
	c.do("a8 SELECT INBOX", `^a8 BAD`)
	c.send("a9 LOGIN bob secret\n") // a bare LF will do
	c.want(`^a9 OK`)
	c.do("b1 FROB", `^b1 BAD Unknown command$`)
	c.do("b2 SEARCH ALL", `^b2 BAD`)
	c.do("b3 UID FROB 1", `^b3 BAD Unknown command$`)
	c.do("b4 ID (\"name\" \"test\")", `^\* ID \("name" "glassmail"\)`, `^b4 OK`)
	c.do("b5 "+strings.Repeat("x", 20000), `^b5 BAD That line is too long`)
	c.do("b5 UID FETCH "+strings.Repeat("1,", 36000)+"1 FLAGS", `^b5 BAD That line`) // go-imap runs the rest
	c.do(strings.Repeat("x", 20000), `^\* BAD That line is too long`)
	c.do("b6 NOOP", `^b6 OK`)
}

func TestOtherProtocolBeforeLogin(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	for range maxBadAtLogin {
		c.do("GET / HTTP/1.1", `^GET BAD`)
	}
	c.want(`^\* BYE `)
	c.eof()
}

func TestRefusedLogins(t *testing.T) {
	clock := wire.NewManual(time.Now())
	s := newSite(t, func(o *Options) {
		o.Host = clockHost{clock: clock}
		o.Failures, o.Delay = 3, time.Second
	})
	c := s.dial(t)
	clock.Sleepers(1) // the limit until login
	for i, wait := range []time.Duration{1, 2, 4} {
		c.send("a LOGIN bob guess\r\n")
		clock.Sleepers(2)
		clock.Advance(wait*time.Second - time.Nanosecond)
		clock.Sleepers(2) // still
		clock.Advance(time.Nanosecond)
		c.want(`^a NO \[AUTHENTICATIONFAILED\] User name or password is wrong$`)
		if i == 2 {
			c.want(`^\* BYE Too many refused logins$`)
			c.eof()
		}
	}
}

func TestLoginThatCannotBeChecked(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.do("a LOGIN broken x", `^a NO \[UNAVAILABLE\] That is not possible now`)
	contains(t, s.transcript(), "the disk is on fire")
}

func TestTooLongWithoutLogin(t *testing.T) {
	clock := wire.NewManual(time.Now())
	s := newSite(t, func(o *Options) { o.Host = clockHost{clock: clock} })
	c := s.dial(t)
	c.send("a LOG") // a line that never ends does not help
	clock.Sleepers(1)
	clock.Advance(2 * time.Minute)
	c.want(`^\* BYE Too long without a login$`)
}

func TestNothingSaid(t *testing.T) {
	s := newSite(t, func(o *Options) { o.IdleTime = 50 * time.Millisecond })
	c := s.bob(t)
	c.want(`^\* BYE Nothing was said for too long$`)
	c.eof()
	c = s.dial(t)
	c.send("l LOGIN bob secret\r\na IDLE\r\n")
	c.want(`^l OK`, `^\+`, `^\* BYE Nothing`)
	c.eof()
	c = s.dial(t) // in the middle of a message
	c.send("l LOGIN bob secret\r\na APPEND INBOX {5+}\r\nab")
	c.want(`^l OK`, `^\* BYE Nothing`)
	c.eof()
	if n := s.folder(t, mailbox.Inbox).Messages; n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestShutdown(t *testing.T) {
	s := newSite(t, nil)
	idle, quiet := s.inbox(t), s.dial(t)
	idle.do("a IDLE", `^\+`)
	done := make(chan int)
	go func() { done <- s.server.Shutdown(context.Background()) }()
	idle.want(`^\* BYE The server is stopping$`)
	idle.eof()
	quiet.want(`^\* BYE The server is stopping$`)
	quiet.eof()
	if n := <-done; n != 0 {
		t.Errorf("%d connections were cut", n)
	}
	if c, err := net.Dial("tcp", s.addr); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

// A client that does not read what it asked for does not hold up the others.
func TestShutdownCutsTheDeaf(t *testing.T) {
	s := newSite(t, nil)
	s.deliver(t, strings.Repeat(strings.Repeat("x", 98)+"\r\n", 200000))
	deaf, guess := s.inbox(t), s.dial(t)
	deaf.send("a FETCH 1 BODY.PEEK[]\r\n")
	deaf.want(`^\* 1 FETCH`)
	guess.do("a LOGIN bob guess", `^a NO`)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int)
	go func() { done <- s.server.Shutdown(ctx) }()
	guess.want(`^\* BYE`)
	guess.eof()
	cancel()
	if n := <-done; n < 1 {
		t.Error("the deaf client was not cut")
	}
}

func TestShutdownDoesNotWaitForGuessers(t *testing.T) {
	clock := wire.NewManual(time.Now())
	s := newSite(t, func(o *Options) { o.Host = clockHost{clock: clock} })
	c := s.dial(t)
	c.send("a LOGIN bob guess\r\n")
	clock.Sleepers(2) // the limit until login, and the pause
	if n := s.server.Shutdown(context.Background()); n != 0 {
		t.Errorf("%d connections were cut", n)
	}
}

func TestLimits(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Limits.PerAddr = 1 })
	first := s.dial(t)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if got, err := io.ReadAll(c); err != nil || string(got) != "* BYE [UNAVAILABLE] Too many connections\r\n" {
		t.Errorf("%q, %v", got, err)
	}
	first.run("a NOOP")
}

func TestIdleEndsWithAnythingButDone(t *testing.T) {
	s := newSite(t, nil)
	c := s.inbox(t)
	c.do("a IDLE", `^\+`)
	c.do("b LOGIN bob secret", `^a BAD IDLE ends with`)
	c.do("c IDLE", `^\+`)
	c.do("DoNe", `^c OK`)
	if strings.Contains(s.transcript(), "b LOGIN bob secret") {
		t.Error("a password is in the transcript")
	}
}

// go-imap's tracker stays silent about what came before IDLE.
func TestIdleTellsWhatCameBefore(t *testing.T) {
	s := newSite(t, nil)
	c := s.inbox(t)
	s.deliver(t, hello)
	c.do("a IDLE", `^\+`, `^\* 1 EXISTS$`)
	c.do("DONE", `^a OK`)
}

func TestSecretsAreMasked(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	const word = "hunter2secret"
	c.do("a LOGIN bob "+word, `^a NO`)
	c.do("b LOGIN {3}", `^\+`)
	c.do("bob {13}", `^\+`)
	c.do(word, `^b NO`)
	c.send("c LOGIN bob {13+}\r\n" + word + "\r\n")
	c.want(`^c NO`)
	c.Close()
	c = s.dial(t)
	b64 := "AGJvYgBodW50ZXIyc2VjcmV0"
	c.do("d AUTHENTICATE PLAIN "+b64, `^d NO`)
	c.do("e AUTHENTICATE PLAIN", `^\+ `)
	c.do(b64, `^e NO`)
	c.do("f AUTHENTICATE LOGIN", `^f NO`)
	c.do(b64, `BAD`) // a client that goes on regardless
	c.do("LOGIN bob "+word, `^LOGIN BAD`)
	c.do("g LOGN bob "+word, `^g BAD`)
	c.do("h LOGIN \"bob "+word, `^h BAD`)
	c.do("i\tlogin\tbob\t"+word, `^\* BAD`)
	c.do("j LOGIN\tbob\t"+word, `^j BAD`)
	got := s.transcript()
	if strings.Contains(got, word) || strings.Contains(got, b64) {
		t.Errorf("a secret is in\n%s", got)
	}
	contains(t, got, "C: a LOGIN "+secret, "C: d AUTHENTICATE PLAIN "+secret, "C: g LOGN "+secret)
}

func TestAuthenticate(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.do("a AUTHENTICATE PLAIN", `^\+ $`)
	c.do("*", `^a BAD`)
	c.do("b AUTHENTICATE PLAIN", `^\+ $`)
	c.do(strings.Repeat("A", 9000), `^b BAD`) // go-imap alone runs the rest as a command
	c.do("c AUTHENTICATE PLAIN !!", `^c BAD`)
	c.do("d AUTHENTICATE PLAIN", `^\+ $`)
	c.do("AGJvYgBzZWNyZXQ=", `^d OK \[CAPABILITY`)
	c.do("e LOGIN bob secret", `^e BAD`)
}

// A message that is uploaded and holds commands, split at every place.
func TestAppendByteByByte(t *testing.T) {
	s := newSite(t, nil)
	c := s.bob(t)
	text := "Subject: x\r\n\r\na DELETE INBOX\r\n{3+}\r\n* BYE\r\n"
	for _, b := range []byte(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s\r\nb NOOP\r\n", len(text), text)) {
		c.send(string(b))
	}
	c.want(`^a OK \[APPENDUID`, `^b OK`)
	for m, err := range s.Messages(context.Background(), s.folder(t, "INBOX").ID, mailbox.Range{}) {
		if err != nil || m.Size != int64(len(text)) {
			t.Fatal(m, err)
		}
	}
}

func (s *site) folder(t testing.TB, name string) mailbox.Folder {
	t.Helper()
	f, err := s.Folder(context.Background(), bob, name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Replies to pipelined commands leave in one packet: they are held back until the
// reader runs dry.
func TestWritesAreGathered(t *testing.T) {
	s := newSite(t, nil)
	for range 500 {
		s.deliver(t, hello)
	}
	a, b := net.Pipe()
	n := &counting{Conn: b}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.server.handle(n, false)
		b.Close()
	}()
	c := &client{t: t, Conn: a, br: newReader(a)}
	c.want(`^\* OK`)
	c.do("a LOGIN bob secret", `^a OK`)
	c.run("b SELECT INBOX")
	before := n.writes
	c.run("c FETCH 1:* FLAGS")
	if k := n.writes - before; k > 3 {
		t.Errorf("%d writes for 500 responses", k)
	}
	c.do("d LOGOUT", `^\* BYE`, `^d OK`)
	c.eof()
	<-done
}

type counting struct {
	net.Conn
	writes int
}

func (c *counting) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}
