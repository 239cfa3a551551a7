package tools

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"glassmail/explain"
)

func TestFollow(t *testing.T) {
	for greeting, want := range map[string]string{
		"220 hamburger.edu": "SMTP", "220": "SMTP", "220-hi": "SMTP", "554 no": "SMTP", "421 busy": "SMTP",
		"* OK ready": "IMAP", "* PREAUTH x": "IMAP", "* BYE": "IMAP",
		"+OK pop": "", "HTTP/1.0 200 OK": "", "": "", "2200 x": "", "* ": "", "200 x": "",
	} {
		if got := follow(english(), greeting, nil).spoken(); got != want {
			t.Errorf("%q is taken for %q, want %q", greeting, got, want)
		}
	}
}

func TestExpects(t *testing.T) {
	for line, want := range map[string]bool{
		"HELO x": true, "ehlo x": true, "a1 LOGIN x y": true, "a NOOP": true,
		"hello": false, "": false, "GET / HTTP/1.0": false, "do you like ketchup?": false,
	} {
		if got := expects(english(), line); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

// Replies belong to commands in their order, also when those are pipelined.
func TestSMTPTalkPipelined(t *testing.T) {
	s := &smtpTalk{words: english()}
	for _, l := range []string{"MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"} {
		s.sent(l)
	}
	var words []string
	for _, l := range []string{"250 ok", "550 5.1.1 no", "554 no"} {
		if s.ready() {
			t.Errorf("ready before %q", l)
		}
		words = append(words, s.got(l)...)
	}
	if !s.ready() || s.body {
		t.Error("the dialogue is not back at commands")
	}
	contains(t, strings.Join(words, "\n"), "the sender is noted", "takes no mail for this address", "5.1.1 = the mailbox", "no recipient is left")
}

func TestSMTPExplanations(t *testing.T) {
	for _, c := range []struct{ sent, reply, want string }{
		{"VRFY bob", "252 2.5.2 maybe", "252 = done"},
		{"FOO", "500 what", "perhaps a typing error"},
		{"RCPT TO:<x@y>", "450 4.2.0 greylisted", "450 = not now"},
		{"RCPT TO:<x@y>", "550 5.7.1 relaying denied", "5.7.1 = not permitted"},
		{"NOOP", "299 odd", "did what it was asked"},
		{"NOOP", "600 odd", "no SMTP reply"},
		{"NOOP", "hello", "no SMTP reply"},
	} {
		s := &smtpTalk{words: english()}
		s.sent(c.sent)
		if got := strings.Join(s.got(c.reply), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s is explained as %q, want %q", c.sent, c.reply, got, c.want)
		}
	}
	for reply, want := range map[string]int{"550 5.1.1": 2, "550 5.1.1.1 x": 1, "550 x.1.1": 1, "250 2.1.0 ok": 1} {
		s := &smtpTalk{words: english()}
		s.sent("NOOP")
		if got := s.got(reply); len(got) != want {
			t.Errorf("%q is explained as %q", reply, got)
		}
	}
}

func english() *explain.Words { return explain.New("en") }

func TestLiteral(t *testing.T) {
	for line, want := range map[string]struct {
		n        int
		wait, ok bool
	}{
		"a APPEND x {12}": {12, true, true}, "a APPEND x {12+}": {12, false, true}, "a {0}": {0, true, true},
		"a {x}": {}, "a }": {}, "{": {}, "a {-1}": {}, "a {99999999999}": {}, "a {1} ": {},
	} {
		n, wait, ok := literal(line)
		if n != want.n || wait != want.wait || ok != want.ok {
			t.Errorf("%q: %d %v %v", line, n, wait, ok)
		}
	}
}

// FuzzTalk: whatever both sides say, following it ends, and explanations are
// text.
func FuzzTalk(f *testing.F) {
	f.Add("220 x", "EHLO y\nDATA\n.\nBDAT 3\nabc", "250-x\n250 SIZE\n354 go\n250 ok")
	f.Add("* OK [ALERT x", "a LOGIN {3}\nbob\na IDLE", "+ go\na OK\n* 1 FETCH {5}\nabc\n)")
	f.Fuzz(func(t *testing.T, greeting, client, server string) {
		if !utf8.ValidString(server) || !utf8.ValidString(greeting) {
			t.Skip()
		}
		tk := follow(english(), greeting, nil)
		tk.got(greeting)
		answers := strings.Split(server, "\n")
		for i, l := range strings.Split(client, "\n") {
			tk.sent(l)
			if i < len(answers) {
				for _, w := range tk.got(answers[i]) {
					if w == "" || !utf8.ValidString(w) {
						t.Fatalf("%q is explained as %q", answers[i], w)
					}
				}
			}
			tk.ready()
		}
	})
}

// However a stream with TELNET commands is cut, the same text comes out.
func TestIACCutsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.SliceOf(rapid.SampledFrom([]byte{'a', 'b', '\n', telIAC, telWILL, telDO, telDONT, telWONT, telSB, telSE})).Draw(t, "stream")
		var whole, parts iac
		text, answer := whole.filter(stream)
		var text2, answer2 []byte
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "cut")
			tx, an := parts.filter(stream[:n])
			text2, answer2, stream = append(text2, tx...), append(answer2, an...), stream[n:]
		}
		if !slices.Equal(text, text2) || !slices.Equal(answer, answer2) {
			t.Fatalf("%q and %q", text, text2)
		}
	})
}

func TestIAC(t *testing.T) {
	var c iac
	text, answer := c.filter([]byte("a\xff\xffb\xff\xfd\x01\xff\xfb\x03\xff\xfc\x01\xff\xfe\x01\xff\xfa\x18\x01\xff\xff\xff\xf0c\xff\xf1d"))
	if string(text) != "a\xffbcd" || string(answer) != "\xff\xfc\x01\xff\xfe\x03" {
		t.Errorf("text %q, answer %q", text, answer)
	}
}

// FuzzPrintable: nothing that a terminal obeys gets through.
func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2J\xff\tสวัสดี\u0085")
	f.Fuzz(func(t *testing.T, s string) {
		p := printable(s)
		if !utf8.ValidString(p) || strings.ContainsFunc(p, control) {
			t.Fatalf("%q became %q", s, p)
		}
	})
}
