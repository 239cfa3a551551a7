package dialog

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// pastLines is how many lines a Mismatch remembers.
const pastLines = 8

// matches reports whether got, with its line end, is what the step expects.
func (st step) matches(got string) bool {
	switch st.kind {
	case line:
		return got == st.text+"\r\n"
	case bytes:
		return got == st.text
	case pattern:
		l, ok := strings.CutSuffix(got, "\r\n")
		return ok && st.re.MatchString(l)
	}
	return false
}

// wanted describes what the step expects.
func (st step) wanted() string {
	switch st.kind {
	case line:
		return strconv.Quote(st.text + "\r\n")
	case bytes:
		return strconv.Quote(st.text)
	case pattern:
		return "a line that matches " + st.text
	case end, hangup:
		return "the end of the connection"
	case startTLS:
		return "a TLS handshake"
	}
	return ""
}

// String writes the step as it stands in a script.
func (st step) String() string {
	p := string(rune(st.part))
	switch st.kind {
	case line:
		if st.text == "" {
			return p + ":"
		}
		return p + ": " + st.text
	case pattern:
		return p + "~ " + st.text
	case bytes:
		return p + "= " + strconv.Quote(st.text)
	case anything:
		return p + "..."
	case use:
		return "> " + st.text
	case startTLS:
		return "* STARTTLS"
	case end:
		return "* END"
	default:
		return "* HANGUP"
	}
}

// received writes what came in the notation: a line of the step's part, or bytes
// if it cannot be written as a line.
func received(st step, got string) string {
	l, ok := strings.CutSuffix(got, "\r\n")
	if !ok || strings.ContainsFunc(l, control) {
		return step{kind: bytes, part: st.part, text: got}.String()
	}
	return step{kind: line, part: st.part, text: l}.String()
}

// control reports whether c could change what a terminal shows.
func control(c rune) bool { return c != '\t' && unicode.IsControl(c) }

// note records a line that passed.
func (r *run) note(l string) {
	if len(r.past) == pastLines {
		copy(r.past, r.past[1:])
		r.past = r.past[:pastLines-1]
	}
	r.past = append(r.past, l)
	if r.Log != nil {
		fmt.Fprintln(r.Log, l)
	}
}

// other is the error of a line that the step did not expect.
func (r *run) other(st step, got string) error {
	m := &Mismatch{Want: st.wanted(), Got: strconv.Quote(got), At: -1}
	switch st.kind {
	case line:
		m.At = differ(st.text+"\r\n", got)
	case bytes:
		m.At = differ(st.text, got)
	}
	return m
}

// broken is the error of a connection that failed while the step waited.
func (r *run) broken(st step, got string, err error) error {
	m := &Mismatch{Want: st.wanted(), At: -1, Err: err}
	if ended(err) {
		m.Err = fmt.Errorf("the connection ended: %w", err)
	}
	if got != "" {
		m.Got = strconv.Quote(got)
	}
	return m
}

// late is the error of a step that took longer than limit.
func late(err error, st step, limit time.Duration) error {
	var m *Mismatch
	if !errors.As(err, &m) {
		m = &Mismatch{Want: st.wanted(), At: -1}
	}
	m.Err = fmt.Errorf("nothing more came within %v: %w", limit, os.ErrDeadlineExceeded)
	return m
}

// mismatch completes err with the place in the script.
func (r *run) mismatch(st step, err error) error {
	var m *Mismatch
	if !errors.As(err, &m) {
		m = &Mismatch{At: -1, Err: err}
	}
	m.File, m.Line, m.Conn, m.Past = r.script.Name, st.at, r.name, r.past
	return m
}
