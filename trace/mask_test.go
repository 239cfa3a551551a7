package trace_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"glassmail/trace"
)

// say takes lines past a mask as a server does that knows the commands.
func say(commands string, lines ...string) []string {
	var m trace.Mask
	var out []string
	for _, line := range lines {
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		known := strings.Contains(commands, " "+verb+" ")
		login := verb == "AUTH"
		text, _ := m.Line(line, known && !login)
		m.Heard(line, known && !login, login)
		out = append(out, text)
	}
	return out
}

const smtpVerbs = " HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY STARTTLS AUTH "

// What a client writes when it errs in a login, from an audit: no line shows the
// password, in clear or in base64.
func TestMaskOfMistakes(t *testing.T) {
	const password = "ketchup9"
	b64 := base64.StdEncoding.EncodeToString([]byte(password))
	plain := base64.StdEncoding.EncodeToString([]byte("\x00alice\x00" + password))
	for _, lines := range [][]string{
		{"AUTH " + plain}, {"AUTH " + b64}, {"AUTHPLAIN " + plain}, {"AUTH PLAIN=" + plain}, {"AUTH PLAIN " + plain}, {"AUTH" + plain},
		{"PASS " + password}, {"USER alice", "PASS " + password}, {"pass: " + password}, {"LOGIN alice " + password}, {"a LOGIN alice " + password},
		{"a PASS " + password}, {"LOGN alice " + password}, {"ATUH PLAIN " + plain}, {"AUHT LOGIN", b64}, {"AUTH LOGIN", "YWxpY2U=", b64},
		{"AUTH LOGIN", "NOOP", b64}, {"AUTH LOGIN", "EHLO x", "RSET", b64}, {"AUTH CRAM-MD5", password}, {"AUTH PLAIN", "oops", password},
		{"!AUTH PLAIN " + plain}, {plain}, {"HELO " + plain}, {"NOOP " + plain}, {"Authenticate PLAIN " + plain}, {"AUTHENTCATE PLAIN", plain},
		{"password " + password}, {"PASSWORD=" + password, password},
	} {
		for _, shown := range say(smtpVerbs, lines...) {
			if strings.Contains(strings.ToLower(shown), password) || strings.Contains(shown, b64) || strings.Contains(shown, plain) {
				t.Errorf("%q shows %q", lines, shown)
			}
		}
	}
}

// Nothing of a dialogue without a login is hidden, and no more of one with it than the
// password.
func TestMaskShowsTheRest(t *testing.T) {
	lecture := []string{
		"HELO crepes.fr", "MAIL FROM: <alice@crepes.fr>", "RCPT TO: <bob@hamburger.edu>", "DATA", "QUIT", "MIAL FROM:<alice@crepes.fr>", "HELLO crepes.fr",
		"EXPN staff", "MAILFROM:<alice@crepes.fr>", "help", "", "DATUM", "RCPT TO:<verylonglocalpart1234567890@hamburger.edu>", "EHLO [192.0.2.1]", "PATH", "TEST", "GET / HTTP/1.1",
	}
	if got := say(smtpVerbs, lecture...); strings.Join(got, "\n") != strings.Join(lecture, "\n") {
		t.Errorf("shown:\n%s", strings.Join(got, "\n"))
	}
	got := say(smtpVerbs, "AUTH PLAIN", "AUTH PLAIN AGFsaWNlAHNlc2FtZQ==", "AUTHPLAIN x", "EHLO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "FOO bar baz")
	want := []string{"AUTH PLAIN", "AUTH PLAIN ********", "AUTHPLAIN ********", "EHLO crepes.fr", "MAIL FROM:<alice@crepes.fr>", "FOO bar baz"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("shown:\n%s", strings.Join(got, "\n"))
	}
}

// Wherever a secret stands after a word that looks like a login, up to the next good
// command, it is not shown; as an answer in base64 it is not shown later either.
func TestMaskHidesAnySecret(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.StringMatching(`[a-z]{4}[0-9]{4}[A-Za-z]{2}`).Draw(rt, "secret")
		b64 := base64.StdEncoding.EncodeToString([]byte(secret))
		login := rapid.SampledFrom([]string{"AUTH", "auth", "AUTH PLAIN", "AUTH LOGIN", "AUHT", "AUTHPLAIN", "PASS", "PAS", "PASSS", "a LOGIN bob", "LOGIN", "LOGN", "1 LGOIN"}).Draw(rt, "login")
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"HELO x", "NOOP", "MAIL FROM:<a@b>", "FOO", "DATA"}), 0, 3).Draw(rt, "before")
		switch rapid.IntRange(0, 3).Draw(rt, "place") {
		case 0:
			lines = append(lines, login+" "+secret)
		case 1:
			lines = append(lines, login+" "+b64)
		case 2:
			lines = append(lines, login, secret)
		case 3:
			lines = append(append(lines, login), append(rapid.SliceOfN(rapid.SampledFrom([]string{"NOOP", "RSET", "oops"}), 0, 3).Draw(rt, "between"), b64)...)
		}
		for _, shown := range say(smtpVerbs, lines...) {
			if strings.Contains(shown, secret) || strings.Contains(shown, b64) {
				rt.Fatalf("%q shows %q", lines, shown)
			}
		}
	})
}
