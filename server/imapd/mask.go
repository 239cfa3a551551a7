package imapd

import (
	"strings"

	"glassmail/trace"
)

// secret stands in the transcript for what only client and server may know.
const secret = "********"

// masked is the first line of a command as the transcript shows it. A line that
// is no command may be a password that came at the wrong time, with a typing
// error in what stands before it: LOGN, LOGIN without a tag, AUTH.
func masked(c command, line string) string {
	switch {
	case c.kind == login:
		return c.tag + " LOGIN " + secret
	case c.kind == sasl:
		_, rest, _ := strings.Cut(line, " ")
		_, args, _ := strings.Cut(rest, " ")
		mechanism, _, initial := strings.Cut(args, " ")
		if initial {
			mechanism += " " + secret
		}
		return c.tag + " AUTHENTICATE " + printable([]byte(mechanism))
	case c.kind == unknown && line != "":
		return maskedUnknown(line)
	}
	return printable([]byte(line))
}

// maskedUnknown shows a line up to a word that looks like LOGIN or AUTHENTICATE.
func maskedUnknown(line string) string {
	for i := range len(line) {
		if !foldPrefix(line[i:], "LOG") && !foldPrefix(line[i:], "AUTH") {
			continue
		}
		end := i
		for end < len(line) && (line[end]|0x20 >= 'a' && line[end]|0x20 <= 'z') {
			end++
		}
		if end < len(line) {
			return printable([]byte(line[:end])) + " " + secret
		}
		break
	}
	return printable([]byte(line))
}

func foldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// more records a line that continues a command.
func (f *front) more(c command, line []byte) {
	if f.w.Log == nil {
		return
	}
	text := secret
	if c.kind != login && c.kind != sasl {
		text = printable(line)
	}
	f.w.Log.Line(trace.Client, text)
}

// printable is a line without its end and without what would disturb a terminal.
func printable(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, string(trimEnd(line)))
}
