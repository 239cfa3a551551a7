package dialog

import (
	"fmt"
	"strconv"
	"strings"
)

// Mismatch is the error of a dialogue that did not go as its script says.
type Mismatch struct {
	File string   // the script's name
	Line int      // line number of the step, from 1
	Conn string   // the connection's name
	Want string   // what the script expects, in words or as quoted bytes
	Got  string   // what came, likewise; "" if Err says why nothing came
	At   int      // index of the first byte that differs, -1 if there is none to show
	Past []string // the last lines that passed before, in the script's notation
	Err  error    // why the step failed, if not for what came
}

// Error names script and line and sets what was expected under what came:
//
//	lecture.dialog:6: the line differs at byte 4
//	    want "250 Hello crepes.fr\r\n"
//	    came "250 hello crepes.fr\r\n"
//	              ^
func (m *Mismatch) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: ", m.File, m.Line)
	if m.Conn != "" {
		fmt.Fprintf(&b, "connection %s: ", m.Conn)
	}
	switch {
	case m.Err != nil:
		b.WriteString(m.Err.Error())
	case m.At >= 0:
		fmt.Fprintf(&b, "the line differs at byte %d", m.At)
	default:
		b.WriteString("another line came")
	}
	if m.Want != "" {
		fmt.Fprintf(&b, "\n    want %s", m.Want)
	}
	if m.Got != "" {
		fmt.Fprintf(&b, "\n    came %s", m.Got)
		if m.At >= 0 {
			fmt.Fprintf(&b, "\n         %s^", strings.Repeat(" ", m.column()))
		}
	}
	if len(m.Past) > 0 {
		b.WriteString("\n  before it:")
		for _, l := range m.Past {
			b.WriteString("\n    " + l)
		}
	}
	return b.String()
}

// Unwrap is Err.
func (m *Mismatch) Unwrap() error { return m.Err }

// column is where byte At stands within Got, which is quoted.
func (m *Mismatch) column() int {
	raw, err := strconv.Unquote(m.Got)
	if err != nil || m.At > len(raw) {
		return 0
	}
	q := strconv.Quote(raw[:m.At])
	return len([]rune(q)) - 1 // without the closing quote
}

// differ is the index of the first byte at which a and b differ.
func differ(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
