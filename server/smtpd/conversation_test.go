package smtpd_test

import (
	"fmt"
	"strings"
	"testing"

	"glassmail/server/smtpd"
)

// talk plays a dialogue: lines that begin with "S: " are what a reply must begin
// with, all others are sent, each with CR LF.
func talk(t *testing.T, c *client, dialogue string) {
	t.Helper()
	for line := range strings.Lines(dialogue) {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\t"), "\n")
		if line == "END" {
			c.ended()
			return
		}
		if want, ok := strings.CutPrefix(line, "S: "); ok {
			if got := c.reply(); !strings.HasPrefix(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			continue
		}
		c.send(strings.TrimPrefix(line, "C: ") + "\r\n")
	}
}

var dialogues = []struct{ name, text string }{
	{"lower case, and blanks before the end", `S: 220
C: helo crepes.fr
S: 250 Hello crepes.fr
C: mail from:<alice@crepes.fr>
S: 250 alice@crepes.fr... Sender ok
C: rcpt to:<bob@hamburger.edu>
S: 250 bob@
C: noop anything at all
S: 250 Ok
C: rset 
S: 250 Reset state
C: quit 
S: 221 hamburger.edu closing connection
END`},
	{"codes after HELO have no enhanced codes", `S: 220
C: 	HELO	 crepes.fr
S: 250 Hello
C: XYZZY
S: 500 There is no command XYZZY; HELP lists the commands
C: RCPT TO:<bob@hamburger.edu>
S: 503 First say who sends
C: HELP
S: 214-Commands: BDAT
C: VRFY bob
S: 252 Send a message
`},
	{"codes after EHLO have", `S: 220
C: EHLO crepes.fr
S: 250-hamburger.edu Hello crepes.fr
C: XYZZY
S: 500 5.5.1 There is no command XYZZY
C: RCPT TO:<bob@hamburger.edu>
S: 503 5.5.1 First say who sends
C: HELP
S: 214-2.0.0 Commands: BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET VRFY
C: help mail
S: 214 2.0.0 MAIL FROM:<address>
C: HELP ME
S: 504 5.5.4
C: VRFY bob
S: 252 2.5.0
C: VRFY
S: 501 5.5.4
C: EXPN list
S: 502 5.5.1 EXPN is not offered here
C: ETRN x
S: 502 5.5.1
C: LHLO x
S: 502 5.5.1
C: NOOP
S: 250 2.0.0 Ok
`},
	{"typos are answered with what was expected", `S: 220
C: EHLO crepes.fr
S: 250
C: MIAL FROM:<alice@crepes.fr>
S: 500 5.5.1 There is no command MIAL; did you mean MAIL?
C: MAILFROM:<alice@crepes.fr>
S: 500 5.5.1 There is no command MAILFROM; did you mean MAIL?
C: MAIL <alice@crepes.fr>
S: 501 5.5.4 After MAIL stands FROM:<address>
C: MAIL FROM alice@crepes.fr
S: 501 5.5.4 After MAIL stands FROM:<address>
C: MAIL FROM:
S: 501 5.5.4 The address is missing
C: MAIL FROM:<alice@crepes.fr
S: 501 5.1.7 Bad address: the closing > is missing
C: MAIL FROM:<alice>
S: 501 5.1.7 Bad address: the @domain is missing
C: MAIL FROM : < alice@crepes.fr >
S: 501 5.1.7 Bad address
C: MAIL FROM : alice@crepes.fr
S: 250 2.1.0 alice@crepes.fr... Sender ok
C: RCTP TO:<bob@hamburger.edu>
S: 500 5.5.1 There is no command RCTP; did you mean RCPT?
C: RCPT FROM:<bob@hamburger.edu>
S: 501 5.5.4 After RCPT stands TO:<address>
C: RCPT TO:<>
S: 501 5.1.3
C: RCPT TO:bob@hamburger.edu
S: 250 2.1.5 bob@hamburger.edu ... Recipient ok
C: DATA now
S: 501 5.5.4
C: 
S: 500 5.5.2 An empty line is no command
C: DTAA
S: 500 5.5.1 There is no command DTAA; did you mean DATA?
C: <script>
S: 500 5.5.1 That is no command
`},
	{"out of order", `S: 220
C: MAIL FROM:<alice@crepes.fr>
S: 503 First say HELO or EHLO
C: RCPT TO:<bob@hamburger.edu>
S: 503 First say HELO or EHLO, then MAIL FROM
C: DATA
S: 503 First say HELO or EHLO, then MAIL FROM and RCPT TO
C: RSET
S: 250 Reset state
C: HELO
S: 501 HELO needs your name
C: HELO <x>
S: 501 HELO needs the name of a computer
C: EHLO crepes.fr
S: 250
C: DATA
S: 503 5.5.1 First say who sends
C: MAIL FROM:<alice@crepes.fr>
S: 250 2.1.0
C: DATA
S: 503 5.5.1 First say who gets
C: MAIL FROM:<eve@crepes.fr>
S: 503 5.5.1 A message from alice@crepes.fr has begun
C: RCPT TO:<bob@hamburger.edu>
S: 250 2.1.5
C: MAIL FROM:<eve@crepes.fr>
S: 503 5.5.1 A message from alice@crepes.fr has begun
C: AUTH PLAIN
S: 502 5.5.1 AUTH is not offered here
C: STARTTLS
S: 502 5.5.1 STARTTLS is not offered here
C: EHLO crepes.fr
S: 250
C: RCPT TO:<bob@hamburger.edu>
S: 503 5.5.1 First say who sends
`},
	{"refusals of the post", `S: 220
C: EHLO crepes.fr
S: 250
C: MAIL FROM:<mallory@crepes.fr>
S: 550 5.7.1 Not you
C: MAIL FROM:<dave@crepes.fr>
S: 451 4.3.0 Local trouble, please try again later
C: MAIL FROM:<>
S: 250 2.1.0 <>... Sender ok
C: RCPT TO:<nobody@hamburger.edu>
S: 550 5.1.1 There is no nobody@hamburger.edu here
C: RCPT TO:<carol@hamburger.edu>
S: 452 4.2.2 The mailbox is full
C: RCPT TO:<dave@hamburger.edu>
S: 451 4.3.0 Local trouble
C: DATA
S: 503 5.5.1 First say who gets the message: RCPT TO:<address>; none was accepted so far
C: RCPT TO:<postmaster>
S: 250 2.1.5 postmaster ... Recipient ok
C: RCPT TO:<@a,@b:bob@hamburger.edu>
S: 250 2.1.5 bob@hamburger.edu ... Recipient ok
C: RCPT TO:<"two words"@hamburger.edu>
S: 250 2.1.5 "two words"@hamburger.edu ... Recipient ok
C: RCPT TO:<"victim@other.com> NOTIFY=NEVER "@relay.com>
S: 250 2.1.5 "victim@other.com> NOTIFY=NEVER "@relay.com ... Recipient ok
C: RCPT TO:<bob@-bad-..dom>
S: 501 5.1.7 Bad address
C: RCPT TO:<bob@hamburger.edu>junk
S: 501 5.1.7 Bad address: a blank is missing
`},
	{"parameters", `S: 220
C: EHLO crepes.fr
S: 250
C: MAIL FROM:<a@b.c> SIZE=52428801
S: 552 5.3.4 The message is larger than 52428800 bytes
C: MAIL FROM:<a@b.c> SIZE=4294967296
S: 552 5.3.4
C: MAIL FROM:<a@b.c> SIZE=99999999999999999999
S: 552 5.3.4
C: MAIL FROM:<a@b.c> SIZE=-1
S: 501 5.5.4 SIZE is a number
C: MAIL FROM:<a@b.c> SIZE=
S: 501 5.5.4
C: MAIL FROM:<a@b.c> SIZE=1 size=2
S: 501 5.5.4 SIZE stands there twice
C: MAIL FROM:<a@b.c> BODY=BINARYMIME
S: 504 5.5.4
C: MAIL FROM:<a@b.c> BODY=9BIT
S: 501 5.5.4
C: MAIL FROM:<a@b.c> RET=SOME
S: 501 5.5.4
C: MAIL FROM:<a@b.c> ENVID=+0
S: 501 5.5.4
C: MAIL FROM:<a@b.c> ENVID=+0D+0A
S: 501 5.5.4
C: MAIL FROM:<a@b.c> REQUIRETLS
S: 555 5.5.4 The parameter REQUIRETLS is not offered here
C: MAIL FROM:<a@b.c> X=Y
S: 555 5.5.4 The parameter X is not offered here
C: MAIL FROM:<a@b.c> <x>=Y
S: 555 5.5.4 There is a parameter
C: MAIL FROM:<สมชาย@crepes.fr>
S: 553 5.6.7 An address with other than ASCII
C: MAIL FROM:<alice@โรงเรียน.ไทย>
S: 553 5.6.7
C: MAIL FROM:<a@b.c> SMTPUTF8=yes
S: 501 5.5.4
C: MAIL FROM:<a@b.c> SIZE=52428800 body=8bitmime RET=HDRS ENVID=QQ+2B3
S: 250 2.1.0
C: RCPT TO:<สมชาย@hamburger.edu>
S: 553 5.6.7
C: RCPT TO:<bob@hamburger.edu> NOTIFY=NEVER,DELAY
S: 501 5.5.4
C: RCPT TO:<bob@hamburger.edu> NOTIFY=
S: 501 5.5.4
C: RCPT TO:<bob@hamburger.edu> ORCPT=bob
S: 501 5.5.4
C: RCPT TO:<bob@hamburger.edu> SIZE=1
S: 555 5.5.4 The parameter SIZE
C: RCPT TO:<bob@hamburger.edu> NOTIFY=success,failure ORCPT=rfc822;b+2Bb@hamburger.edu
S: 250 2.1.5
C: RSET
S: 250
C: MAIL FROM:<สมชาย@โรงเรียน.ไทย> SMTPUTF8
S: 250 2.1.0 สมชาย@โรงเรียน.ไทย... Sender ok
C: RCPT TO:<สมหญิง@hamburger.edu>
S: 250 2.1.5 สมหญิง@hamburger.edu ... Recipient ok
`},
	{"a browser", `S: 220
C: GET / HTTP/1.1
S: 421 hamburger.edu speaks SMTP, not HTTP
END`},
	{"TLS on a plain text port", "S: 220\nC: \x16\x03\x01\x02\x00\nS: 421 hamburger.edu speaks plain text here\nEND"},
	{"control characters", "S: 220\nC: EHLO crepes.fr\nS: 250\nC: MAIL FROM:<a\x00@b.c>\nS: 500 5.5.2\nC: MAIL FROM:<a\x1b[0m@b.c>\nS: 500 5.5.2\nC: \x00\nS: 500 5.5.1\n"},
	{"a post that sends clients away", `S: 220
C: EHLO crepes.fr
S: 250
C: MAIL FROM:<busy@crepes.fr>
S: 421 4.3.2 Not now
END`},
	{"a panic of the post", `S: 220
C: EHLO crepes.fr
S: 250
C: MAIL FROM:<panic@crepes.fr>
S: 421 4.3.0 hamburger.edu local trouble, closing connection
END`},
}

func TestDialogues(t *testing.T) {
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			r := serve(t, nil)
			talk(t, r.dial(t), d.text)
		})
	}
}

// TestRepliesAreASCII: a client that did not ask for UTF-8 gets none back (RFC
// 6531 §3.7.4.2).
func TestRepliesAreASCII(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	got := c.say("MAIL FROM:<a@-ไทย.x>", "501 5.1.7 Bad address: ")
	if !strings.Contains(got, "???") || strings.ContainsFunc(got, func(r rune) bool { return r > 0x7f }) {
		t.Errorf("%q", got)
	}
}

// TestEveryLineHasItsCode: RFC 2034 §4 wants the enhanced code in each line.
func TestEveryLineHasItsCode(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	got := c.say("HELP", "214-")
	if n := strings.Count(got, "\n"); n != 2 || strings.Count(got, "2.0.0 ") != n {
		t.Errorf("%q", got)
	}
}

func TestParametersReachThePost(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	talk(t, c, `C: MAIL FROM:<a@b.c> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=QQ+2B3 AUTH=<>
S: 250
C: RCPT TO:<bob@hamburger.edu> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bb@hamburger.edu
S: 250
C: DATA
S: 354
C: Subject: x
C: 
C: y
C: .
S: 250
C: MAIL FROM:<สมชาย@โรงเรียน.ไทย> SMTPUTF8
S: 250
C: RCPT TO:<สมหญิง@hamburger.edu>
S: 250
C: DATA
S: 354
C: .
S: 250
`)
	got := r.messages()
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	e := got[0].env
	if o := fmt.Sprintf("%+v", e.Options); o != "{Body:8BITMIME UTF8:false RequireTLS:false Return:HDRS EnvID:QQ+3 Size:100}" {
		t.Errorf("options %s", o)
	}
	if s := fmt.Sprintf("%v %s", e.To[0].Notify, e.To[0].ORcpt); s != "[SUCCESS FAILURE] rfc822;b+b@hamburger.edu" {
		t.Errorf("recipient %s", s)
	}
	if e := got[1].env; !e.UTF8 || e.From.Local != "สมชาย" || e.To[0].Local != "สมหญิง" || got[1].text != "" {
		t.Errorf("%+v %q", e, got[1].text)
	}
	if got[0].env.ID == got[1].env.ID || got[0].env.ID == "" || !got[0].env.Peer.ESMTP {
		t.Errorf("IDs %q and %q", got[0].env.ID, got[1].env.ID)
	}
}

func TestManyTypos(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	for range 200 {
		c.say("HLEO", "500 5.5.1 There is no command HLEO; did you mean HELO?")
		c.say("", "500 5.5.2")
	}
	c.say("NOOP", "250")
}

func TestErrorsAreBounded(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.Errors = 5 })
	c := r.greeted(t)
	talk(t, c, `C: MAIL FROM:<a@b.c>
S: 250
C: RCPT TO:<nobody@hamburger.edu>
S: 550
C: RCPT TO:<nobody@hamburger.edu>
S: 550
C: FOO
S: 500
C: FOO
S: 500
C: RCPT TO:<nobody@hamburger.edu>
S: 550
S: 421 4.7.0 hamburger.edu too many errors
END`)
}

func TestTooManyRecipients(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.MaxRecipients = 2 })
	c := r.greeted(t)
	talk(t, c, `C: MAIL FROM:<a@b.c>
S: 250
C: RCPT TO:<a@hamburger.edu>
S: 250
C: RCPT TO:<b@hamburger.edu>
S: 250
C: RCPT TO:<c@hamburger.edu>
S: 452 4.5.3 At most 2 recipients
C: DATA
S: 354
C: .
S: 250
`)
	if got := r.messages(); len(got) != 1 || len(got[0].env.To) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestLongLines(t *testing.T) {
	r := serve(t, nil)
	c := r.greeted(t)
	c.say("NOOP "+strings.Repeat("x", 2048-7), "250")
	for _, n := range []int{2048, 5000, 16 << 10, 100 << 10} {
		c.say("NOOP "+strings.Repeat("x", n), "500 5.5.2 Line too long")
	}
	c.say("NOOP", "250")
	c.send("NOOP " + strings.Repeat("x", 1<<20+32<<10))
	c.expect("421 4.5.2")
}
