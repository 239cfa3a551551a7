package message

import "strings"

// lexer reads a structured header field, already unfolded. It never fails and
// never goes back, so reading takes time in proportion to the length.
type lexer struct {
	s       string
	i       int
	comment string // text of the last comment that was skipped
}

func (l *lexer) end() bool { return l.i >= len(l.s) }

// peek is the next byte, 0 at the end.
func (l *lexer) peek() byte {
	if l.end() {
		return 0
	}
	return l.s[l.i]
}

// accept skips c if it is next.
func (l *lexer) accept(c byte) bool {
	if l.end() || l.s[l.i] != c {
		return false
	}
	l.i++
	return true
}

// space skips blanks and comments (RFC 5322 §3.2.2). A comment that is not
// closed goes on to the end.
func (l *lexer) space() {
	for !l.end() {
		switch l.s[l.i] {
		case ' ', '\t', '\r', '\n':
			l.i++
		case '(':
			l.skipComment()
		default:
			return
		}
	}
}

func (l *lexer) skipComment() {
	start, depth := l.i+1, 0
	for ; !l.end(); l.i++ {
		switch l.s[l.i] {
		case '\\':
			l.i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.comment = unescape(strings.TrimSpace(l.s[start:l.i]))
				l.i++
				return
			}
		}
	}
	l.i = len(l.s)
	l.comment = unescape(strings.TrimSpace(l.s[min(start, l.i):]))
}

// quoted reads a quoted string, whose opening quote is next, and returns its
// text. One that is not closed goes on to the end.
func (l *lexer) quoted() string {
	l.i++
	start := l.i
	for ; !l.end(); l.i++ {
		switch l.s[l.i] {
		case '\\':
			l.i++
		case '"':
			text := l.s[start:l.i]
			l.i++
			return unescape(text)
		}
	}
	l.i = len(l.s)
	return unescape(l.s[min(start, l.i):])
}

// unescape removes the backslash of quoted pairs (RFC 5322 §3.2.1).
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// token reads a token (RFC 2045 §5.1), "" if none is next.
func (l *lexer) token() string {
	start := l.i
	for !l.end() && isToken(l.s[l.i]) {
		l.i++
	}
	return l.s[start:l.i]
}

func isToken(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// skipTo skips to one of the two bytes or to the end, with quoted strings and
// comments as wholes.
func (l *lexer) skipTo(a, b byte) {
	for !l.end() {
		switch c := l.s[l.i]; {
		case c == a || c == b:
			return
		case c == '"':
			l.quoted()
		case c == '(':
			l.skipComment()
		default:
			l.i++
		}
	}
}

// LowerByte is an ASCII letter in lower case, and any other byte as it is.
func LowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Lower is strings.ToLower for ASCII, and leaves other bytes as they are.
func Lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] != LowerByte(s[i]) {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = LowerByte(b[i])
			}
			return string(b)
		}
	}
	return s
}
