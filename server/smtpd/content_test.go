package smtpd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
)

// begin brings a client up to DATA.
func (c *client) begin() {
	c.t.Helper()
	c.say("MAIL FROM:<alice@crepes.fr>", "250")
	c.say("RCPT TO:<bob@hamburger.edu>", "250")
	c.say("DATA", "354")
}

// TestText sends texts and looks at what arrives. Every one is followed by a
// NOOP, whose reply shows that the server and its client agree on where the text
// ended.
func TestText(t *testing.T) {
	long := strings.Repeat("long ", 4000)
	for _, tt := range []struct {
		name, send, reply, arrives string
	}{
		{"empty", ".\r\n", "250", ""},
		{"a blank line", "\r\n.\r\n", "250", "\r\n"},
		{"dots are taken away once", "..\r\n...\r\n.a\r\n. \r\nb.\r\n.\r\n", "250", ".\r\n..\r\na\r\n \r\nb.\r\n"},
		{"8 bits without 8BITMIME", "Größe ไทย \xff\r\n.\r\n", "250", "Größe ไทย \xff\r\n"},
		{"a line of 20,000 bytes", long + "\r\n.\r\n", "250", long + "\r\n"},
		{"control characters", "\x01\x1b\x7f\t\r\n.\r\n", "250", "\x01\x1b\x7f\t\r\n"},
		{"bare LF", "a\nb\r\n.\r\n", "554 5.6.0 Message refused: line 1 ends in a bare LF (byte 0A)", ""},
		{"bare CR", "a\r\nb\rc\r\n.\r\n", "554 5.6.0 Message refused: line 2 has a bare CR (byte 0D)", ""},
		{"NUL", "a\x00\r\n.\r\n", "554 5.6.0 Message refused: line 1 has a NUL (byte 00)", ""},
		{"CR CR LF before the dot", "a\r\r\n.\r\n", "554 5.6.0", ""},
		{"CR CR LF after the dot", "a\r\n.\r\r\n.\r\n", "554 5.6.0", ""},
		{"a dot, CR and more", "a\r\n.\rX\r\n.\r\n", "554 5.6.0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{1 << 20, 7, 1} {
				r := serve(t, nil)
				c := r.greeted(t)
				c.begin()
				if step == 1 && len(tt.send) > 1000 {
					continue
				}
				for s := tt.send + "NOOP\r\n"; s != ""; s = s[min(step, len(s)):] {
					c.send(s[:min(step, len(s))])
				}
				c.expect(tt.reply)
				c.expect("250 2.0.0 Ok\r\n")
				got := r.messages()
				if refused := tt.reply[0] != '2'; refused && len(got) > 0 || !refused && (len(got) != 1 || got[0].text != tt.arrives) {
					t.Errorf("by %d: %d messages, first %.200q", step, len(got), fmt.Sprint(got))
				}
			}
		})
	}
}

// TestSmuggling sends what some server somewhere takes for the end of a message,
// followed by a second message. Whatever is answered, at most one is accepted.
func TestSmuggling(t *testing.T) {
	second := "MAIL FROM:<root@hamburger.edu>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\nsmuggled\r\n.\r\nQUIT\r\n"
	for _, end := range []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\r\n.\r\r\n", "\n\n.\r\n", "\r\n. \r\n", "\r\n.\t\r\n", "\r\n..\r\n", "\x85.\x85", "\u2028.\u2028", "\x0b.\x0b", "\x0c.\x0c",
	} {
		t.Run(fmt.Sprintf("%q", end), func(t *testing.T) {
			for _, lenient := range []bool{false, true} {
				r := serve(t, func(o *smtpd.Options) { o.Lenient = lenient })
				c := r.greeted(t)
				c.begin()
				c.send("first" + end + second + "\r\n.\r\nQUIT\r\n")
				io.ReadAll(c.r)
				for _, m := range r.messages() {
					if m.env.From.Local != "alice" {
						t.Errorf("lenient %v: a message from %s was accepted", lenient, m.env.From)
					}
				}
				if n := len(r.messages()); n > 1 {
					t.Errorf("lenient %v: %d messages", lenient, n)
				}
			}
		})
	}
}

// TestLoneDotWithBareLF is what nc sends. It ends the connection, with a reason,
// instead of hanging for ever.
func TestLoneDotWithBareLF(t *testing.T) {
	r := serve(t, nil)
	c := r.dial(t)
	c.expect("220")
	for _, line := range []string{"EHLO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "RCPT TO:<bob@hamburger.edu>"} {
		c.send(line + "\n")
		c.expect("250")
	}
	c.send("DATA\n")
	c.expect("354")
	c.send("Do you like ketchup?\n.\n")
	c.expect("554 5.6.0 Message refused: line 1 ends in a bare LF (byte 0A); lines end in CR LF (0D 0A)")
	c.ended()
	if n := len(r.messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestLenient(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Lenient = true })
	c := r.dial(t)
	c.expect("220")
	say, want := whole()
	c.send(strings.ReplaceAll(say, "\r\n", "\n"))
	got, err := io.ReadAll(c.r)
	if "220 hamburger.edu\r\n"+string(got) != want {
		t.Errorf("got %q and %v", got, err)
	}
	lectureArrived(t, r)
	if !traced(r, trace.Note, "bare LF") {
		t.Error("the trace does not say what was done")
	}
}

func traced(r *rig, kind trace.Kind, part string) bool {
	for _, e := range r.log.Since(0) {
		if e.Kind == kind && strings.Contains(e.Text, part) {
			return true
		}
	}
	return false
}

func TestSizeLimit(t *testing.T) {
	const limit = 1000
	exact := strings.Repeat("x", limit-2) + "\r\n"
	for _, tt := range []struct {
		name, send, reply string
	}{
		{"exactly the limit", exact + ".\r\n", "250"},
		{"dots on the wire do not count", ".." + exact[1:] + ".\r\n", "250"},
		{"one byte more", "x" + exact + ".\r\n", "552 5.3.4 The message is larger than 1000 bytes"},
		{"much more", strings.Repeat(exact, 500) + ".\r\n", "552 5.3.4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, func(o *smtpd.Options) { o.MaxSize = limit })
			c := r.greeted(t)
			c.begin()
			c.send(tt.send + "NOOP\r\n")
			c.expect(tt.reply)
			c.expect("250 2.0.0 Ok")
			if n := len(r.messages()); n != map[bool]int{true: 1}[tt.reply == "250"] {
				t.Errorf("%d messages", n)
			}
		})
	}
}

func TestEndlessMessage(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.MaxSize = 1000 })
	c := r.greeted(t)
	c.begin()
	block := []byte(strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1000))
	for range 1000 {
		if _, err := c.Write(block); err != nil {
			return // cut off, as it should be
		}
	}
	t.Error("72 MB were read of a message that may have 1,000 bytes")
}

func TestEarlyRefusal(t *testing.T) {
	r := serve(t, nil)
	r.early = mail.NewReply(452, mail.Enhanced{4, 3, 1}, "The disk is full")
	c := r.greeted(t)
	c.begin()
	c.send(strings.Repeat("some text\r\n", 10000) + ".\r\nNOOP\r\n")
	c.expect("452 4.3.1 The disk is full")
	c.expect("250 2.0.0 Ok")
	r.early = errors.New("secret/path: disk on fire")
	c.begin()
	if got := c.say(".", "451 4.3.0"); strings.Contains(got, "secret") {
		t.Errorf("%q", got)
	}
	if !traced(r, trace.Note, "disk on fire") {
		t.Error("the cause is not in the trace")
	}
	r.early = nil
	c.begin()
	c.say(".", "250")
}

// half accepts without reading.
type half struct{ *backend }

func (half) Accept(context.Context, *mail.Envelope, io.Reader) (string, error) { return "x", nil }

func TestPostThatDoesNotRead(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Backend = half{&backend{}} })
	c := r.greeted(t)
	c.begin()
	c.say("text\r\n.", "451 4.3.0")
	c.say("NOOP", "250")
}

func TestClientLeavesInDATA(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.begin()
	c.send("half a mess")
	c.Close()
	waitFor(t, func() bool { return len(r.aborts()) == 1 })
	if err := r.aborts()[0]; !errors.Is(err, io.ErrUnexpectedEOF) || len(r.messages()) != 0 {
		t.Errorf("%v, %d messages", err, len(r.messages()))
	}
}

// waitFor waits until something has happened in another goroutine.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// TestTimeoutInDATA: what comes after a timeout is no command (go-smtp issue 196).
func TestTimeoutInDATA(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.Text = 50 * time.Millisecond })
	c := r.greeted(t)
	c.begin()
	c.send("text\r\n")
	c.expect("421 4.4.2 hamburger.edu timeout, closing connection")
	io.WriteString(c, "RSET\r\nMAIL FROM:<eve@crepes.fr>\r\n")
	c.ended()
	if len(r.messages()) != 0 {
		t.Error("a message without an end was accepted")
	}
}

// TestDeadlineRolls: the limit is for each wait, not for the message.
func TestDeadlineRolls(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.Text = 3 * time.Second })
	c := r.greeted(t)
	c.begin()
	for range 6 {
		time.Sleep(750 * time.Millisecond)
		c.send("text\r\n")
	}
	c.say(".", "250")
}

func TestTrickle(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	r := serve(t, func(o *smtpd.Options) { o.Clock = clock })
	c := r.greeted(t)
	c.begin()
	c.send("te")
	clock.Advance(11 * time.Minute)
	c.send("xt")
	c.expect("421 4.4.2")
	c.ended()
}

func TestTimeoutBetweenCommands(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.Command = 50 * time.Millisecond })
	c := r.dial(t)
	c.expect("220")
	c.send("EHL")
	c.expect("421 hamburger.edu timeout, closing connection")
	c.ended()
}

// TestClientThatDoesNotRead asks without end and takes no answers.
func TestClientThatDoesNotRead(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.Write = 100 * time.Millisecond })
	c := r.greeted(t)
	block := strings.Repeat("HELP\r\n", 10000)
	for {
		if _, err := io.WriteString(c, block); err != nil {
			break
		}
	}
	waitFor(t, func() bool { return traced(r, trace.Close, "writing: ") })
}

// TestOneWritePerTurn: replies to pipelined commands come together.
func TestOneWritePerTurn(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.send("MAIL FROM:<a@b.c>\r\nRCPT TO:<bob@hamburger.edu>\r\nRCPT TO:<nobody@hamburger.edu>\r\nDATA\r\n")
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil || strings.Count(string(buf[:n]), "\n") != 4 {
		t.Errorf("first read: %q and %v", buf[:n], err)
	}
}
