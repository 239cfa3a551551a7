package smtpd_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"glassmail/server/smtpd"
	"glassmail/trace"
)

// envelope brings a client up to BDAT.
func (c *client) envelope() {
	c.t.Helper()
	c.say("MAIL FROM:<alice@crepes.fr>", "250")
	c.say("RCPT TO:<bob@hamburger.edu>", "250")
}

// chunk sends a BDAT and its chunk, and reads the reply.
func (c *client) chunk(s, want string) {
	c.t.Helper()
	c.send(s)
	c.expect(want)
}

func TestBDAT(t *testing.T) {
	long := strings.Repeat("z", 30000) + "\r\n"
	for _, tt := range []struct {
		name    string
		chunks  []string
		arrives string
	}{
		{"the lecture", []string{"Do you like ketchup?\r\nHow about pickles?\r\n"}, "Do you like ketchup?\r\nHow about pickles?\r\n"},
		{"in two", []string{"Do you like ket", "chup?\r\n"}, "Do you like ketchup?\r\n"},
		{"cut in a line end", []string{"a\r", "\nb\r\n"}, "a\r\nb\r\n"},
		{"an empty last chunk", []string{"a\r\n", ""}, "a\r\n"},
		{"nothing at all", []string{""}, ""},
		{"dots are text", []string{"..\r\n.\r\nQUIT\r\n"}, "..\r\n.\r\nQUIT\r\n"},
		{"a long line", []string{long, long}, long + long},
		{"no last line end", []string{"a"}, "a\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, atOnce := range []bool{true, false} {
				r := serve(t, nil)
				c := r.greeted(t)
				c.envelope()
				var all string
				for i, ch := range tt.chunks {
					last := ""
					if i == len(tt.chunks)-1 {
						last = " LAST"
					}
					s := fmt.Sprintf("BDAT %d%s\r\n%s", len(ch), last, ch)
					if all += s; !atOnce {
						c.send(s)
						c.expect("250 2.0.0")
					}
				}
				if atOnce { // with a command behind it, in one segment
					c.send(all + "NOOP\r\n")
					for range tt.chunks {
						c.expect("250 2.0.0")
					}
					c.expect("250 2.0.0 Ok")
				}
				if got := r.messages(); len(got) != 1 || got[0].text != tt.arrives {
					t.Errorf("at once %v: %d messages, %.200q", atOnce, len(got), fmt.Sprint(got))
				}
			}
		})
	}
}

func TestBDATRepliesAndOrder(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.chunk("BDAT 4\r\nQUIT", "503 5.5.1 First say who sends")
	c.envelope()
	c.say("BDAT", "501 5.5.4")
	c.chunk("bdat 2\r\na\r", "250 2.0.0 2 bytes received")
	// between chunks
	c.say("", "500 5.5.2 An empty line")
	c.say("NOOP x", "250 2.0.0 Ok")
	c.say("HELP", "214-2.0.0")
	c.say("MIAL", "500 5.5.1 There is no command MIAL; did you mean MAIL?")
	c.say("MAIL FROM:<eve@crepes.fr>", "503 5.5.1 The message has begun in chunks")
	c.say("RCPT TO:<eve@crepes.fr>", "503 5.5.1")
	c.say("DATA", "503 5.5.1")
	c.say("STARTTLS", "503 5.5.1")
	c.say("AUTH PLAIN", "503 5.5.1")
	c.say("NOOP "+strings.Repeat("x", 5000), "500 5.5.2 Line too long")
	c.send("BDAT 3 LAST\r\n\nb\r")
	c.expect("554 5.6.0 Message refused: line 2 has a bare CR")
	c.chunk("BDAT 4 LAST\r\nQUIT", "503 5.5.1")
	c.say("NOOP", "250")
	if n := len(r.messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// TestBDATGivenUp: after RSET the message is gone before the reply, and nothing of
// it is in the next one.
func TestBDATGivenUp(t *testing.T) {
	for _, by := range []string{"RSET", "EHLO again.example", "HELO again.example"} {
		t.Run(by, func(t *testing.T) {
			r := serve(t, nil)
			c := r.greeted(t)
			c.envelope()
			c.chunk("BDAT 5\r\nfirst", "250")
			c.say(by, "250")
			if got := r.aborts(); len(got) != 1 || !errors.Is(got[0], io.ErrUnexpectedEOF) {
				t.Errorf("aborted: %v", got)
			}
			c.chunk("BDAT 4 LAST\r\nNOOP", "503")
			c.envelope()
			c.chunk("BDAT 8 LAST\r\nsecond\r\n", "250")
			if got := r.messages(); len(got) != 1 || got[0].text != "second\r\n" {
				t.Errorf("%+v", got)
			}
			if traced(r, trace.Refused, "451") {
				t.Error("giving up was taken for a fault")
			}
		})
	}
}

func TestBDATThenQUIT(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.envelope()
	c.send("BDAT 5\r\nfirstQUIT\r\n")
	c.expect("250 2.0.0 5 bytes received")
	c.expect("221 2.0.0 hamburger.edu closing connection")
	c.ended()
	if len(r.messages()) != 0 || len(r.aborts()) != 1 {
		t.Errorf("%d messages, %d aborted", len(r.messages()), len(r.aborts()))
	}
}

// TestBDATOfUnknownSize: where the chunk ends is not known, so nothing after it is
// a command.
func TestBDATOfUnknownSize(t *testing.T) {
	for _, arg := range []string{"x", "-1", "+5", "5 FIRST", "5 LAST LAST", "0x10", "1e3"} {
		r := serve(t, nil)
		c := r.greeted(t)
		c.envelope()
		c.send("BDAT " + arg + "\r\nQUIT\r\n")
		c.expect("501 5.5.4 BDAT needs the number of bytes")
		c.ended()
	}
}

func TestBDATTooLarge(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.MaxSize = 10 })
	c := r.greeted(t)
	c.envelope()
	c.chunk("BDAT 10 LAST\r\n12345678\r\n", "250")
	c.envelope()
	c.chunk("BDAT 10\r\n12345678\r\n", "250")
	c.chunk("BDAT 9\r\nQUIT\r\nQUI", "552 5.3.4")
	c.chunk("BDAT 6 LAST\r\nQUIT\r\n", "503")
	c.send("BDAT 99999999999999999999\r\n")
	c.expect("552 5.3.4")
	c.ended()
	if n := len(r.messages()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestBDATEarlyRefusal(t *testing.T) {
	r := serve(t, nil)
	r.early = errors.New("disk on fire")
	c := r.greeted(t)
	c.envelope()
	c.send("BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
	c.expect("451 4.3.0")
	c.expect("503 5.5.1")
	c.expect("250 2.0.0 Ok")
}
