package tools

import (
	"strconv"
	"strings"

	"glassmail/explain"
)

// imapTalk follows IMAP (RFC 3501, RFC 9051).
type imapTalk struct {
	words   *explain.Words
	greeted bool   // the next line is the greeting
	tag     string // of the command under way, "" for none
	command string // that command, in capitals
	raw     int    // bytes of a literal still to be sent
	waiting bool   // the server owes a line
	skip    int    // bytes of a literal still to come
	go4TLS  bool   // the last line was the go-ahead for TLS
	gone    bool   // the server said that it closes the connection
}

func (t *imapTalk) ready() bool    { return !t.waiting && !t.greeted && !t.gone }
func (t *imapTalk) owes() bool     { return t.waiting }
func (t *imapTalk) secure() bool   { return t.go4TLS }
func (t *imapTalk) spoken() string { return "IMAP" }

func (t *imapTalk) sent(line string) {
	switch {
	case t.raw > 0:
		t.raw -= len(line) + 2
		if t.raw >= 0 {
			return // the rest of the command follows in another line
		}
	case t.tag == "":
		t.tag, t.command = imapCommand(line)
	}
	n, wait, ok := literal(line)
	t.raw = max(n, 0)
	t.waiting = !ok || wait
}

// literal reads the {n} or {n+} at the end of a line (RFC 3501 §4.3, RFC 7888).
func literal(line string) (n int, wait, ok bool) {
	head, found := strings.CutSuffix(line, "}")
	i := strings.LastIndexByte(head, '{')
	if !found || i < 0 {
		return 0, false, false
	}
	digits, plus := strings.CutSuffix(head[i+1:], "+")
	v, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0, false, false
	}
	return int(v), !plus, true
}

func (t *imapTalk) got(line string) []string {
	t.go4TLS = false
	if t.skip > 0 {
		if t.skip -= len(line) + 2; t.skip >= 0 {
			return nil
		}
		t.skip, _, _ = literal(line)
		return nil
	}
	t.skip, _, _ = literal(line)
	first, rest, _ := strings.Cut(line, " ")
	switch {
	case t.greeted:
		t.greeted = false
		return texts(t.words.IMAPGreeting(rest))
	case first == "+":
		t.waiting = false
		return []string{t.words.Continue(t.command).Text}
	case first == "*":
		t.gone = t.gone || firstWord(rest) == "BYE" // RFC 3501 §7.1.5
		return texts(t.words.Untagged(rest))
	case first == t.tag && t.tag != "":
		return t.finish(rest)
	}
	return nil
}

// finish ends the command under way with its tagged reply.
func (t *imapTalk) finish(rest string) []string {
	status, _, _ := strings.Cut(rest, " ")
	command, tag := t.command, t.tag
	t.go4TLS = command == "STARTTLS" && strings.EqualFold(status, "OK")
	t.tag, t.command, t.waiting, t.raw = "", "", false, 0
	return texts(t.words.Tagged(tag, command, rest))
}

// imapCommand splits a line into tag and command; UID and the command after it
// count as one.
func imapCommand(line string) (tag, command string) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return strings.TrimSpace(line), ""
	}
	command = strings.ToUpper(f[1])
	if command == "UID" && len(f) > 2 {
		command += " " + strings.ToUpper(f[2])
	}
	return f[0], command
}
