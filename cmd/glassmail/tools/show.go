package tools

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable is s with what could change a terminal, or is not UTF-8, written as
// \x1b.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, control) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case control(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func control(r rune) bool {
	return r != '\t' && unicode.IsControl(r)
}
