package trace

import (
	"bytes"
	"encoding/base64"
	"strings"

	"glassmail/spelling"
)

// Masked stands in a transcript for what is secret.
const Masked = "********"

// Mask keeps passwords out of a transcript, also where a client errs: a word that is
// meant as AUTH, LOGIN or PASS may be followed by one, and so may any line after it that
// is no command. It masks by suspicion, for what is shown once is known for ever. The
// zero value has suspected nothing. It is for one connection and one goroutine.
type Mask struct {
	suspect bool // the last line that looked like a login had no good command after it
	tried   bool // a line has looked like a login
}

// Line is what may be shown of a line that a client said, and whether that is not all.
// command tells whether the line is a good command that carries no password; of others
// the words behind the one that looks like a login are masked, and those that follow
// such a line whole.
func (m *Mask) Line(line string, command bool) (text string, hidden bool) {
	if command && !longBase64(line) {
		return line, false
	}
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return line, false
	case !command && m.suspect && !loginAmong(words):
		return Masked, true
	case !command && m.tried && len(words) == 1 && isBase64(words[0]):
		return Masked, true
	}
	return maskWords(line, words, command)
}

// Heard takes note of a line, whether it was a good command, and whether it was a login.
func (m *Mask) Heard(line string, command, login bool) {
	looks := login
	if !command && !looks {
		looks = loginAmong(strings.Fields(line))
	}
	m.tried = m.tried || looks
	m.suspect = looks || m.suspect && !command
}

// loginAmong reports a word of the first three that may be meant as a login.
func loginAmong(words []string) bool {
	for _, w := range words[:min(len(words), 3)] {
		if LooksLikeLogin(w) {
			return true
		}
	}
	return false
}

// maskWords hides what stands behind a word that looks like a login, but for the name of
// a mechanism, and credentials wherever they stand.
func maskWords(line string, words []string, command bool) (text string, hidden bool) {
	for i, w := range words {
		if !command && i < 3 && LooksLikeLogin(w) {
			keep := i + 1
			if keep < len(words) && isMechanism(words[keep]) {
				keep++
			}
			shown := append(words[:i:i], loginWord(w))
			shown = append(shown, words[i+1:keep]...)
			if keep < len(words) || shown[i] != w {
				return strings.TrimSpace(strings.Join(shown, " ") + " " + behind(keep < len(words))), true
			}
			return line, false
		}
		if isCredentials(w) {
			return strings.Join(append(words[:i:i], Masked), " "), true
		}
	}
	return line, false
}

func behind(more bool) string {
	if more {
		return Masked
	}
	return ""
}

// loginWord is what may be shown of a word that looks like a login: all of it if that is
// letters alone, as in AUTHPLAIN, else its beginning.
func loginWord(w string) string {
	n := 0
	for n < len(w) && isLetter(w[n]) {
		n++
	}
	if n == len(w) && n <= 12 {
		return w
	}
	return w[:min(n, 4)] + Masked
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// LooksLikeLogin reports a word that somebody may have written for AUTH, AUTHENTICATE,
// LOGIN or PASS: one that begins so, or is a letter away.
func LooksLikeLogin(word string) bool {
	word = strings.ToUpper(strings.TrimLeft(word, "!\"'(*#@./-"))
	letters := 0
	for letters < len(word) && isLetter(word[letters]) {
		letters++
	}
	word = word[:letters]
	if letters < 3 {
		return false
	}
	for _, meant := range [...]string{"AUTH", "LOGI", "LOGN", "PASS"} {
		if strings.HasPrefix(word, meant) {
			return true
		}
	}
	for _, meant := range [...]string{"AUTH", "LOGIN", "PASS"} {
		if spelling.Distance(word[:min(letters, len(meant)+1)], meant) <= 1 || spelling.Distance(word[:min(letters, len(meant))], meant) <= 1 {
			return true
		}
	}
	return spelling.Distance(word, "AUTHENTICATE") <= 3
}

// isMechanism knows the names of SASL mechanisms that clients say (RFC 4422 §3.1).
func isMechanism(word string) bool {
	switch strings.ToUpper(word) {
	case "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
		"XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS", "GSSAPI", "NTLM":
		return true
	}
	return false
}

// leastCredentials is the length of the shortest base64 of a user and a password.
const leastCredentials = 8

// longBase64 reports a run of the letters of base64 that could be credentials, so that
// most lines need not be taken apart.
func longBase64(line string) bool {
	run := 0
	for i := range len(line) {
		if c := line[i]; isLetter(c) || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
			if run++; run >= leastCredentials {
				return true
			}
			continue
		}
		run = 0
	}
	return false
}

// isCredentials reports base64 of a message of PLAIN: a user and a password after NULs
// (RFC 4616).
func isCredentials(word string) bool {
	if len(word) < leastCredentials {
		return false
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(word, "="))
	return err == nil && bytes.Count(b, []byte{0}) >= 2
}

// isBase64 reports a word that may be an answer of a login.
func isBase64(word string) bool {
	_, err := base64.StdEncoding.DecodeString(word)
	return err == nil && len(word) >= 4
}
