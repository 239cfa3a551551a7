package e2e_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/dialog"
)

// The lecture's dialogue, byte for byte, and what bob then reads.
func TestLecture(t *testing.T) {
	l := startLab(t)
	h := l.ready.Nodes["hamburger.edu"]
	play(t, h.SMTP, dialog.Lecture)
	bob := login(t, h.IMAP, "bob", "bob")
	eventually(t, "bob has the message", func() bool { return bob.count("INBOX") == 1 })
	bob.do("SELECT INBOX")
	got := bob.do("FETCH 1 BODY[TEXT]")
	if want := "* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {42}\nDo you like ketchup?\nHow about pickles?\n"; !strings.HasPrefix(got, want) {
		t.Errorf("bob reads\n%s\nwant\n%s", got, want)
	}
}

// Every dialogue in README and docs is one that the lab really has.
func TestDialoguesOfTheDocs(t *testing.T) {
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	l := startLab(t)
	played := 0
	for _, file := range append([]string{"../README.md"}, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts, err := dialog.Blocks(file, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scripts {
			playScript(t, &dialog.Player{Dial: l.dial}, s)
			played++
		}
	}
	if played < 2 {
		t.Errorf("%d dialogues were found, the README alone has two", played)
	}
}

// dial connects to a server of the lab by its name there.
func (p *process) dial(ctx context.Context, name string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, err
	}
	n := p.ready.Nodes[strings.TrimPrefix(host, "mail.")]
	addr := map[string]string{"25": n.SMTP, "587": n.Submission, "143": n.IMAP}[port]
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

const ehlo = `
S: 220 hamburger.edu
C: EHLO crepes.fr
S: 250-hamburger.edu Hello crepes.fr, pleased to meet you
S...
S~ 250 .*
`

// The same message in every other way that SMTP has.
func TestLectureOtherwise(t *testing.T) {
	l := startLab(t)
	h := l.ready.Nodes["hamburger.edu"]
	bob := login(t, h.IMAP, "bob", "bob")
	texts := map[string]string{
		"EHLO": ehlo + `
C: MAIL FROM:<alice@crepes.fr>
S: 250 2.1.0 alice@crepes.fr... Sender ok
C: RCPT TO:<bob@hamburger.edu>
S: 250 2.1.5 bob@hamburger.edu ... Recipient ok
C: DATA
S: 354 Enter mail, end with "." on a line by itself
C: Do you like ketchup?
C: How about pickles?
C: .
S~ 250 2\.\d\.\d .*
C: QUIT
S~ 221 2.0.0 hamburger.edu closing connection
* END`,
		"pipelined": `
C= "EHLO crepes.fr\r\nMAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n"
S...
S~ 250 [^ ]+ ?.*
S: 250 2.1.0 alice@crepes.fr... Sender ok
S: 250 2.1.5 bob@hamburger.edu ... Recipient ok
S: 354 Enter mail, end with "." on a line by itself
C= "Do you like ketchup?\r\nHow about pickles?\r\n.\r\nQUIT\r\n"
S~ 250 2\.\d\.\d .*
S~ 221 .*
* END`,
		"STARTTLS": ehlo + `
C: STARTTLS
S~ 220 2.0.0 .*
* STARTTLS
C: EHLO crepes.fr
S...
S~ 250 .*
C: MAIL FROM:<alice@crepes.fr>
S~ 250 2.1.0 .*
C: RCPT TO:<bob@hamburger.edu>
S~ 250 2.1.5 .*
C: DATA
S~ 354 .*
C: Do you like ketchup?
C: How about pickles?
C: .
S~ 250 2\.\d\.\d .*
C: QUIT
S~ 221 .*
* END`,
		"BDAT": ehlo + `
C: MAIL FROM:<alice@crepes.fr>
S~ 250 2.1.0 .*
C: RCPT TO:<bob@hamburger.edu>
S~ 250 2.1.5 .*
C= "BDAT 22\r\nDo you like ketchup?\r\n"
S~ 250 .*
C= "BDAT 20 LAST\r\nHow about pickles?\r\n"
S~ 250 2\.\d\.\d .*
C: QUIT
S~ 221 .*
* END`,
	}
	sent := 0
	for name, text := range texts {
		for _, segment := range []int{0, 1} {
			s, err := dialog.Parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			playScript(t, &dialog.Player{Dial: dialog.To(h.SMTP), Segment: segment}, s)
			sent++
		}
	}
	eventually(t, "bob has all messages", func() bool { return bob.count("INBOX") == sent })
	bob.do("SELECT INBOX")
	got := bob.do("FETCH 1:* BODY.PEEK[TEXT]")
	if n := strings.Count(got, " {42}\nDo you like ketchup?\nHow about pickles?\n"); n != sent {
		t.Errorf("%d of %d messages have the two lines:\n%s", n, sent, got)
	}
}
