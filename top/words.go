package top

import (
	"fmt"
	"slices"
	"strings"

	"glassmail/trace"
)

// full is what was said, as it was said; folded is how the catalogue tells of
// lines that are not shown.
func (r *rung) full(folded func(key string, n int) string) string {
	e := r.step.Event
	switch {
	case e.Kind == trace.Data:
		return folded("top.data", e.Size)
	case r.step.Content:
		return folded("top.text", r.more+1)
	}
	return clean(e.Text)
}

// short is a word or two for an arrow that has no room for more.
func (r *rung) short(folded func(key string, n int) string) string {
	e := r.step.Event
	text := clean(e.Text)
	switch {
	case e.Kind == trace.Data || r.step.Content:
		return folded("top.short.text", r.more+1)
	case e.Kind == trace.Datagram:
		return shortDNS(e.Text)
	case e.Proto == trace.SMTP && e.Dir == trace.Server:
		return text[:min(len(text), 3)]
	case e.Proto == trace.SMTP:
		verb, _, _ := strings.Cut(text, ":")
		if verb == text {
			verb, _, _ = strings.Cut(text, " ")
		}
		return verb
	case e.Proto == trace.IMAP:
		return shortIMAP(text)
	}
	return text
}

// shortIMAP is the tag with the command or its outcome, or "2 EXISTS" of an
// untagged reply.
func shortIMAP(line string) string {
	f := strings.Fields(strings.TrimPrefix(line, "* "))
	return strings.Join(f[:min(len(f), 2)], " ")
}

// shortDNS makes "MX?" of a question, "NS edu." of a referral and the value of an
// answer, from the line of a message, as in "A hamburger.edu. MX 10 mail…".
func shortDNS(line string) string {
	line = clean(line)
	f := strings.Fields(line)
	switch {
	case len(f) < 3:
		return line
	case f[0] == "Q":
		return f[2] + "?"
	}
	if i := slices.Index(f, "→"); i > 0 && i+1 < len(f) {
		return "NS " + f[i+1]
	}
	return strings.Join(f[2:], " ")
}

// server is the host that is asked, or answers.
func (r *rung) server() string {
	if r.step.Dir == trace.Server {
		return clean(r.from)
	}
	return clean(r.to)
}

// letter is who speaks, as in the lecture.
func (r *rung) letter() string {
	if r.own() {
		return "*"
	}
	return clean(string(rune(r.step.Dir)))
}

// bytes are what was on the wire: a line with its end, or a datagram. nil if
// nothing was, or not all of it is known.
func (r *rung) bytes() []byte {
	e := r.step.Event
	switch {
	case r.own():
		return nil
	case len(e.Bytes) > 0:
		return e.Bytes
	case e.Kind == trace.Line:
		return []byte(e.Text + "\r\n")
	}
	return nil
}

// hexLines are bytes with the text beside them, per bytes a line.
func hexLines(b []byte, per int) []string {
	var out []string
	for i := 0; i < len(b); i += per {
		part := b[i:min(i+per, len(b))]
		shown := strings.Map(func(r rune) rune {
			if r < 0x20 || r > 0x7e {
				return '.'
			}
			return r
		}, latin(part))
		out = append(out, fmt.Sprintf("%-*s %s", 3*per-1, fmt.Sprintf("% x", part), shown))
	}
	return out
}

// latin makes one character of each byte.
func latin(b []byte) string {
	out := make([]rune, len(b))
	for i, c := range b {
		out[i] = rune(c)
	}
	return string(out)
}
