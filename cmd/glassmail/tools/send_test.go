package tools

import (
	"bytes"
	"crypto/tls"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"
	"pgregory.net/rapid"

	"glassmail/cmd/glassmail/cli"
	"glassmail/lab/book"
	"glassmail/mail"
)

// letter is the arguments for a message to the server s.
func (s *scripted) letter(more ...string) []string {
	return append([]string{"--server", s.addr, "--from", "alice@crepes.fr", "--to", "bob@hamburger.edu"}, more...)
}

func TestSend(t *testing.T) {
	s := script(t, `S: 220 hamburger.edu
C: EHLO [127.0.0.1]
S: 250-hamburger.edu
S: 250 SIZE 1000000
C~ MAIL FROM:<alice@crepes\.fr> SIZE=\d+
S: 250 ok
C: RCPT TO:<bob@hamburger.edu>
S: 250 ok
C: DATA
S: 354 go
C...
C: From: <alice@crepes.fr>
C: To: <bob@hamburger.edu>
C: Subject: Dinner
C~ Date: .*
C~ Message-Id: <.*@crepes\.fr>
C...
C:
C: Do you like ketchup?
C: ..dots
C: .
S: 250 accepted
C: QUIT
S: 221 bye
* END
`, nil)
	out, err := runs(t, Send(), "Do you like ketchup?\n.dots", s.letter("--subject", "Dinner")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.went(t)
	contains(t, out, "S: 220 hamburger.edu\nC: EHLO [127.0.0.1]\n", "C: Subject: Dinner\n", "C: Do you like ketchup?\nC: .", "\nS: 250 accepted\nC: QUIT\nS: 221 bye\n")
}

func TestSendRefusals(t *testing.T) {
	const hello = "S: 220 x\nC~ EHLO .*\nS: 250 x\n"
	for _, c := range []struct{ name, script, want string }{
		{"greeting", "S: 554 no mail here\nC: QUIT\nS: 221\n* END", "takes no mail: 554 no mail here"},
		{"sender", hello + "C...\nC~ MAIL .*\nS: 550 5.7.1 not you\nC: QUIT\nS: 221\n* END", "MAIL FROM:<alice@crepes.fr>: 550 5.7.1 not you"},
		{"recipient", hello + "C~ MAIL .*\nS: 250\nC~ RCPT .*\nS: 550-5.1.1 no\nS: 550 5.1.1 bob\nC: QUIT\nS: 221\n* END", "refused bob@hamburger.edu: 550 5.1.1 no / 5.1.1 bob"},
		{"message", hello + "C~ MAIL .*\nS: 250\nC~ RCPT .*\nS: 250\nC: DATA\nS: 354\nC...\nC: .\nS: 552 too large\nC: QUIT\nS: 221\n* END", "the message: 552 too large"},
		{"hang up", hello + "* END", "closed the connection"},
		{"nonsense", "S: hello\n* HANGUP", `"hello" is not an SMTP reply`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := script(t, c.script, nil)
			out, err := runs(t, Send(), "x", s.letter()...)
			if code(err) != cli.Failed || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q\n%s", err, c.want, out)
			}
			s.went(t)
		})
	}
}

// The recipients that the server takes get the message; the command tells of the
// others.
func TestSendSomeRecipientsRefused(t *testing.T) {
	s := script(t, "S: 220 x\nC~ EHLO .*\nS: 502 what\nC~ HELO .*\nS: 250 x\nC~ MAIL .*\nS: 250\nC: RCPT TO:<bob@hamburger.edu>\nS: 550 who\n"+
		"C: RCPT TO:<carol@hamburger.edu>\nS: 250 ok\nC: DATA\nS: 354\nC...\nC: .\nS: 250 accepted\nC: QUIT\nS: 221\n* END", nil)
	_, err := runs(t, Send(), "x", s.letter("--to", "carol@hamburger.edu")...)
	if code(err) != cli.Failed || !strings.Contains(err.Error(), "bob@hamburger.edu: 550 who") || strings.Contains(err.Error(), "carol") {
		t.Errorf("error %v", err)
	}
	s.went(t)
}

func TestSendTLSAndAuth(t *testing.T) {
	cfg, ca := certificate(t, "127.0.0.1")
	const session = "C~ EHLO .*\nS: 250-x\nS: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN AGFsaWNlAGE6Yg==\nS: 235 2.7.0 ok\n" +
		"C~ MAIL .*\nS: 250\nC~ RCPT .*\nS: 250\nC: DATA\nS: 354\nC...\nC: .\nS: 250\nC: QUIT\nS: 221\n* END"
	const upgrade = "S: 220 x\nC~ EHLO .*\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n* STARTTLS\n"
	for _, c := range []struct {
		name, script string
		args         []string
		fails        string
	}{
		{"opportunistic", upgrade + session, nil, ""},
		{"require", upgrade + session, []string{"--tls", "require", "--ca", ca}, ""},
		{"require, not checked", upgrade + session, []string{"--tls", "require", "--insecure"}, ""},
		{"implicit", "* STARTTLS\nS: 220 x\n" + session, []string{"--tls", "implicit", "--ca", ca}, ""},
		{"not trusted", upgrade, []string{"--tls", "require"}, "begin TLS"},
		{"not offered", "S: 220 x\nC~ EHLO .*\nS: 250 x\nC: QUIT\nS: 221\n* END", []string{"--tls", "require"}, "STARTTLS, which --tls require needs: the server does not offer it"},
		{"injected", strings.Replace(upgrade, "S: 220 go\n* STARTTLS", `S= "220 go\r\n250 x\r\n"`, 1) + "* HANGUP", nil, "in the clear"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := script(t, c.script, cfg)
			out, err := runs(t, Send(), "x", s.letter(append(c.args, "--auth", "alice:a:b")...)...)
			if c.fails != "" {
				if code(err) != cli.Failed || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				<-s.done
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s.went(t)
			contains(t, out, "TLS 1.3 began", "C: AUTH PLAIN ********\n")
			if strings.Contains(out, "AGFsaWNl") {
				t.Error("the password stands in the dialogue")
			}
		})
	}
}

func TestSendAuthLogin(t *testing.T) {
	s := script(t, "S: 220 x\nC~ EHLO .*\nS: 250-x\nS: 250 AUTH X\nC: QUIT\nS: 221\n* END", nil)
	if _, err := runs(t, Send(), "x", s.letter("--auth", "alice:x")...); code(err) != cli.Failed || !strings.Contains(err.Error(), "AUTH with PLAIN or LOGIN (there is X): the server does not offer it") {
		t.Errorf("no AUTH: %v", err)
	}
	s = script(t, "S: 220 x\nC~ EHLO .*\nS: 250-x\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\n"+
		"C: c2VjcmV0\nS: 535 5.7.8 wrong\nC: QUIT\nS: 221\n* END", nil)
	out, err := runs(t, Send(), "x", s.letter("--auth", "alice:secret")...)
	if code(err) != cli.Failed || !strings.Contains(err.Error(), "535 5.7.8 wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	s.went(t)
	if strings.Contains(out, "c2VjcmV0") {
		t.Error("the password stands in the dialogue")
	}
	p := newPeer(&farConn{}, time.Second, func(string) {})
	if err := p.authenticate("alice", "x", false); err == nil || !strings.Contains(err.Error(), "readable on the way") {
		t.Errorf("a password in the clear to another machine: %v", err)
	}
}

func TestSendBDAT(t *testing.T) {
	const hello = "S: 220 x\nC~ EHLO me\nS: 250-x\nS: 250 %s\n"
	s := script(t, strings.Replace(hello, "%s", "CHUNKING", 1)+
		"C~ MAIL .*\nS: 250\nC~ RCPT .*\nS: 250\nC~ BDAT \\d+ LAST\nC...\nC:\nC: .dot\nS: 250 accepted\nC: QUIT\nS: 221\n* END", nil)
	if out, err := runs(t, Send(), "", s.letter("--bdat", "--body", ".dot", "--ehlo", "me")...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.went(t)
	s = script(t, strings.Replace(hello, "%s", "SIZE", 1)+"C: QUIT\nS: 221\n* END", nil)
	if _, err := runs(t, Send(), "x", s.letter("--bdat", "--ehlo", "me")...); code(err) != cli.Failed || !strings.Contains(err.Error(), "CHUNKING") {
		t.Errorf("no CHUNKING: %v", err)
	}
	s.went(t)
}

func TestSendUTF8(t *testing.T) {
	const rest = "S: 250\nC~ RCPT TO:<bob@hamburger\\.edu>\nS: 250\nC: DATA\nS: 354\nC...\n%s\nC...\nC: .\nS: 250\nC: QUIT\nS: 221\n* END"
	with := "S: 220 x\nC~ EHLO .*\nS: 250-x\nS: 250 SMTPUTF8\n"
	without := "S: 220 x\nC~ EHLO .*\nS: 250 x\n"
	for _, c := range []struct{ from, script, fails string }{
		{"สมชาย@โรงเรียน.ไทย", with + "C: MAIL FROM:<สมชาย@โรงเรียน.ไทย> SMTPUTF8\n" + strings.Replace(rest, "%s", "C: From: <สมชาย@โรงเรียน.ไทย>", 1), ""},
		{"a@โรงเรียน.ไทย", without + "C: MAIL FROM:<a@xn--72c0b0acb2i5cn.xn--o3cw4h>\n" + strings.Replace(rest, "%s", "C: From: <a@xn--72c0b0acb2i5cn.xn--o3cw4h>", 1), ""},
		{"สมชาย@โรงเรียน.ไทย", without + "C: QUIT\nS: 221\n* END", "SMTPUTF8"},
	} {
		s := script(t, c.script, nil)
		out, err := runs(t, Send(), "x", s.letter("--from", c.from)...)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v\n%s", c.from, err, out)
		}
		s.went(t)
	}
}

func TestSendUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--to", "nobody"}, {"--to", "a@b", "--tls", "perhaps"}, {"--to", "a@b", "--from", "a b@c"}, {"--to", "a@b", "x"},
		{"--to", "a@b", "--subject", "a\nBcc: c@d"}, {"--to", "a@b", "--ehlo", "a\r\nRSET"}, {"--to", "a@b", "--auth", "alice"},
		{"--to", "a@b>"}, {"--to", "a@b", "--timeout", "0s"}, {"--wrong"}, {"--to", "<a@b> SIZE=1@c"},
	} {
		if _, err := runs(t, Send(), "x", args...); code(err) != cli.Usage {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := runs(t, Send(), "", "--to", "a@b.c"); code(err) != cli.Failed || !strings.Contains(err.Error(), "empty") {
		t.Errorf("no text: %v", err)
	}
	if _, err := runs(t, Send(), "x", "--to", "a@b.c", "--attach", "no-such-file"); code(err) != cli.Failed {
		t.Errorf("no file: %v", err)
	}
	if _, err := runs(t, Send(), "x", "--to", "a@b.c", "--ca", "no-such-file"); code(err) != cli.Failed {
		t.Errorf("no certificates: %v", err)
	}
}

func TestSendLongMessageIsCutInTheDialogueOnly(t *testing.T) {
	s := script(t, "S: 220 x\nC~ EHLO .*\nS: 250 x\nC~ MAIL .*\nS: 250\nC~ RCPT .*\nS: 250\nC: DATA\nS: 354\nC...\nC: last\nC: .\nS: 250\nC: QUIT\nS: 221\n* END", nil)
	out, err := runs(t, Send(), strings.Repeat("line\n", 500)+"last\n", s.letter()...)
	if err != nil {
		t.Fatal(err)
	}
	s.went(t)
	contains(t, out, "C: line\n* and 4", " more lines, ", "C: .\n")
}

func TestChooseServer(t *testing.T) {
	b := Book{labs: []book.Book{{Hosts: map[string]string{"mail.crepes.fr:587": "x", "hamburger.edu:25": "y"}}}}
	for _, c := range []struct{ user, tls, want string }{
		{"alice", "no", "mail.crepes.fr:587"}, {"", "no", "hamburger.edu:25"}, {"", "implicit", "127.0.0.1:465"},
	} {
		d := &delivery{user: c.user, tls: c.tls}
		d.from.addr, d.to = mail.Address{Local: "alice", Domain: "crepes.fr"}, []mailbox{{addr: mail.Address{Local: "bob", Domain: "hamburger.edu"}}}
		if got := chooseServer(b, d); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestMessageIsReadBack: subject, text, names and files come out as they went in,
// and no line is longer than SMTP allows or beyond ASCII.
func TestMessageIsReadBack(t *testing.T) {
	line := rapid.StringMatching(`[ -~ก-๙é\t]{0,300}`)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[!-~ก-๙é]{1,20}( [!-~ก-๙é]{1,20}){0,6}`)
		l := &letter{
			from:    mailbox{name: rapid.StringMatching(`[A-Za-zก-๙][A-Za-z "\\ก-๙]{0,20}[A-Za-zก-๙]`).Draw(t, "name"), addr: mail.Address{Local: "alice", Domain: "crepes.fr"}},
			to:      []mailbox{{addr: mail.Address{Local: "a b", Domain: "hamburger.edu"}}},
			subject: word.Draw(t, "subject"),
			body:    strings.Join(rapid.SliceOf(line).Draw(t, "lines"), rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")),
		}
		if rapid.Bool().Draw(t, "attach") {
			l.files = []attachment{{"รูป ภาพ.bin", rapid.SliceOf(rapid.Byte()).Draw(t, "data")}}
		}
		raw, err := l.message(time.Unix(1e9, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range bytes.Split(raw, []byte("\r\n")) {
			if len(b) > 998 || bytes.ContainsAny(b, "\r\n") || bytes.ContainsFunc(b, func(r rune) bool { return r > 126 }) {
				t.Fatalf("the line %q", b)
			}
		}
		check(t, l, raw)
	})
}

// check reads raw with go-message and compares it with l.
func check(t *rapid.T, l *letter, raw []byte) {
	r, err := gomail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	if s, err := r.Header.Subject(); err != nil || s != l.subject {
		t.Fatalf("subject %q became %q (%v)\n%s", l.subject, s, err, raw)
	}
	if f, err := r.Header.AddressList("From"); err != nil || f[0].Name != l.from.name || f[0].Address != "alice@crepes.fr" {
		t.Fatalf("from %q became %v (%v)", l.from.name, f, err)
	}
	if f, err := r.Header.AddressList("To"); err != nil || f[0].Address != `"a b"@hamburger.edu` && f[0].Address != "a b@hamburger.edu" {
		t.Fatalf("to became %v (%v)", f[0], err)
	}
	want := [][]byte{[]byte(crlf(l.body))}
	for _, f := range l.files {
		want = append(want, f.data)
	}
	for i := 0; ; i++ {
		p, err := r.NextPart()
		if err == io.EOF && i == len(want) {
			return
		}
		if err != nil || i == len(want) {
			t.Fatalf("part %d: %v", i, err)
		}
		got, err := io.ReadAll(p.Body)
		if err != nil || !bytes.Equal(bytes.TrimRight(got, "\r\n"), bytes.TrimRight(want[i], "\r\n")) {
			t.Fatalf("part %d became %q, want %q (%v)", i, got, want[i], err)
		}
		if h, ok := p.Header.(*gomail.AttachmentHeader); ok {
			if name, err := h.Filename(); err != nil || name != l.files[0].name {
				t.Fatalf("the file is named %q (%v)", name, err)
			}
		}
	}
}

func TestReadAttachment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "menu.txt")
	if err := os.WriteFile(path, []byte("pickles"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := readAttachment(path)
	if err != nil || a.name != "menu.txt" || string(a.data) != "pickles" || contentType(a.name) != "text/plain" {
		t.Errorf("%+v, %v", a, err)
	}
	if contentType("x.unknown-ending") != "application/octet-stream" {
		t.Error("an unknown ending has a type")
	}
}

// FuzzReply: no server makes the client panic or read without end.
func FuzzReply(f *testing.F) {
	f.Add([]byte("250-x\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n"))
	f.Add([]byte("250\n500 \r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var shown []string
		p := newPeer(&memConn{r: bytes.NewReader(b)}, time.Second, func(l string) { shown = append(shown, l) })
		if err := p.hello("x"); err == nil && len(p.can) > maxReplyLines {
			t.Fatalf("%d extensions", len(p.can))
		}
		for _, l := range shown {
			if printable(l) != l {
				t.Fatalf("%q is shown", l)
			}
		}
	})
}

func TestTLSModesAreDocumented(t *testing.T) {
	for _, m := range tlsModes {
		if !strings.Contains(Send().Long, "\n  "+m) {
			t.Errorf("%s is missing in the help", m)
		}
	}
	var _ *tls.Config = (&sendFlags{}).mustTrust(t)
}

func (f *sendFlags) mustTrust(t *testing.T) *tls.Config {
	t.Helper()
	cfg, err := f.trust()
	if err != nil || cfg.InsecureSkipVerify {
		t.Errorf("certificates are not checked by default (%v)", err)
	}
	return cfg
}
