package top

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	eastasian "golang.org/x/text/width"
)

// Terminals give each character its own number of cells: 0 for what is written
// above or below another, as Thai vowels and tone marks are, 2 for wide ones, else
// 1. Characters are not joined to clusters first: SARA AM, which then counts
// nothing, takes a cell in every terminal.

// cellsOf is how many cells one character takes.
func cellsOf(r rune) int {
	const softHyphen = '\u00ad' // of its class, the one that terminals show
	if r != softHyphen && unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc) {
		return 0
	}
	switch eastasian.LookupRune(r).Kind() {
	case eastasian.EastAsianWide, eastasian.EastAsianFullwidth:
		return 2
	}
	return 1
}

// width is how many cells s takes.
func width(s string) (n int) {
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

// fit is the longest beginning of s that takes at most n cells, with all that is
// written above or below its last character.
func fit(s string, n int) string {
	used := 0
	for i, r := range s {
		if used += cellsOf(r); used > n {
			return s[:i]
		}
	}
	return s
}

// cut is s in at most n cells, with "…" where something is missing.
func cut(s string, n int) string {
	if width(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	return fit(s, n-1) + "…"
}

// pad is s in exactly n cells.
func pad(s string, n int) string {
	s = cut(s, n)
	return s + strings.Repeat(" ", max(n-width(s), 0))
}

// padLeft is pad with the text at the right end.
func padLeft(s string, n int) string {
	s = cut(s, n)
	return strings.Repeat(" ", max(n-width(s), 0)) + s
}

// clean makes what others wrote fit for one line of a terminal: control
// characters, and those that turn the direction of writing, are shown by their
// numbers.
func clean(s string) string {
	if !strings.ContainsFunc(s, unsafe) && utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			out.WriteString("  ")
		case !unsafe(r):
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// unsafe reports what a terminal would obey instead of showing it.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\u2028' || r == '\u2029'
}

// wrap breaks s into lines of at most n cells: at spaces, and within words that
// are too long, such as all of Thai.
func wrap(s string, n int) []string {
	if n < 2 {
		return nil
	}
	var out []string
	for part := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(part) {
			switch {
			case line == "":
				line = word
			case width(line)+1+width(word) <= n:
				line += " " + word
			case width(word) > n: // it begins where there is room
				line += " " + word
			default:
				out = append(out, line)
				line = word
			}
			for width(line) > n {
				i := breakAt(line, n)
				out = append(out, strings.TrimRight(line[:i], " "))
				line = strings.TrimLeft(line[i:], " ")
			}
		}
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// breakAt is where a line that is too long for n cells can be broken.
func breakAt(s string, n int) int {
	head := fit(s, n)
	if i := strings.LastIndexByte(head, ' '); i > len(head)/2 {
		return i
	}
	for i := len(head); i > 0; {
		before, size := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i:])
		if mayBreak(before, after) {
			return i
		}
		i -= size
	}
	return max(len(head), 1)
}

// mayBreak keeps Thai vowels with their consonants.
func mayBreak(before, after rune) bool {
	const leading, following = "เแโใไ", "ะาำๅๆฯ"
	return cellsOf(after) > 0 && !strings.ContainsRune(leading, before) && !strings.ContainsRune(following, after)
}

// span is a whole number of seconds, minutes, hours or days, as in 42s.
func span(seconds int64) string {
	switch {
	case seconds < 0:
		return "0s"
	case seconds < 120:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%dm", seconds/60)
	case seconds < 2*86400:
		return fmt.Sprintf("%dh", seconds/3600)
	}
	return fmt.Sprintf("%dd", seconds/86400)
}
