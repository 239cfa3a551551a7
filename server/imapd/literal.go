package imapd

import (
	"bytes"
	"errors"
	"strconv"

	"glassmail/trace"
	"glassmail/wire"
)

// literal is the announcement at the end of a line, {n} or {n+} (RFC 7888).
type literal struct {
	at      int // where it begins
	size    int64
	nonSync bool
}

// scanLine checks that a line is whole in itself, so that the library can never
// read on into the next: no bare CR and no NUL, quoted strings closed (RFC 9051
// §4.3). It finds a literal announced at its end.
func scanLine(line []byte) (lit literal, found bool, fault string) {
	if bytes.ContainsAny(line, "\x00\r\n") {
		return lit, false, "BAD A line may hold neither NUL nor a bare CR"
	}
	quoted := false
	brace := -1
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == '{':
			brace = i
		}
	}
	if quoted {
		return lit, false, "BAD A quoted string is not closed on its line"
	}
	if brace < 0 || line[len(line)-1] != '}' {
		return lit, false, ""
	}
	digits := line[brace+1 : len(line)-1]
	lit.at = brace
	lit.nonSync = bytes.HasSuffix(digits, []byte{'+'})
	n, err := strconv.ParseUint(string(bytes.TrimSuffix(digits, []byte{'+'})), 10, 63)
	if err != nil {
		return lit, false, "BAD The length of a literal cannot be understood"
	}
	lit.size = int64(n)
	return lit, true, ""
}

// lost reports that a line which cannot be understood may announce a literal, so
// that nobody knows where the next command begins.
func lost(line []byte) bool {
	brace := bytes.LastIndexByte(line, '{')
	if brace < 0 || line[len(line)-1] != '}' {
		return false
	}
	size := line[brace+1 : len(line)-1]
	if bytes.HasSuffix(size, []byte{'+'}) {
		return true
	}
	return len(size) > 0 && len(bytes.Trim(size, "0123456789")) == 0
}

// byeLost ends a connection of which the next command cannot be found.
func (f *front) byeLost() error {
	f.bye("The length of a literal cannot be understood")
	return errBye
}

// skipLine drops the rest of a line that is too long. If a literal may follow it
// unasked, the connection ends.
func (f *front) skipLine() error {
	var tail []byte
	for limit := maxSwallow; limit > 0; {
		if err := f.w.Await(f.stretch(), false); err != nil {
			return err
		}
		b := f.w.Peek(min(f.w.Buffered(), limit))
		end := bytes.IndexByte(b, '\n')
		if end >= 0 {
			b = b[:end+1]
		}
		tail = append(tail, b...)
		tail = append(tail[:0], tail[max(0, len(tail)-len("+}\r\n")):]...)
		limit -= len(b)
		f.w.Discard(len(b))
		if end < 0 {
			continue
		}
		if tail = trimEnd(tail); len(tail) < len("+}") || bytes.HasSuffix(tail, []byte("+}")) {
			f.bye("That line is too long, and a literal may follow it")
			return errBye
		}
		return nil
	}
	f.bye("That line is too long")
	return errBye
}

// collect reads the literals of a command and returns the command on one line,
// with each literal as a quoted string: the library never sees one, but for the
// message of an APPEND. fault says why the command is refused; the command is
// then consumed as far as the client sends it without waiting.
func (f *front) collect(c *command, first []byte) (full []byte, fault string, err error) {
	full = f.held[:0]
	line := first
	for {
		lit, found, bad := scanLine(line)
		if bad != "" && lost(line) {
			if err := f.refuse(*c, or(fault, bad)); err != nil {
				return nil, "", err
			}
			return nil, "", f.byeLost()
		}
		if bad != "" || !found {
			full = append(full, line...)
			return full, or(fault, bad), nil
		}
		if c.kind == appendMessage && isMessage(full, line, lit) {
			return f.announce(c, append(full, line[:lit.at]...), lit, fault)
		}
		if why, done, err := f.tooBig(lit, maxLiteral, len(full)+len(line)); done || err != nil {
			return full, or(fault, why), err
		} else if why != "" {
			fault = why
		}
		full = append(full, line[:lit.at]...)
		value := make([]byte, lit.size)
		if err := f.readFull(value, !lit.nonSync); err != nil {
			return nil, "", err
		}
		if bytes.ContainsAny(value, "\x00\r\n") {
			fault = or(fault, "NO [CANNOT] No argument of a command can hold a line end")
		}
		full = quote(full, value)
		if line, err = f.w.ReadLine(f.stretch(), false, maxLine); errors.Is(err, wire.ErrLineLong) {
			f.bye("That line is too long")
			return nil, "", errBye
		} else if err != nil {
			return nil, "", err
		}
		line = trimEnd(line)
		f.more(*c, append(bytes.Clone(value), line...))
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// isMessage tells an APPEND's message from a literal that names its mailbox.
func isMessage(full, line []byte, lit literal) bool {
	whole := append(bytes.Clone(full), line[:lit.at]...)
	_, rest, _ := bytes.Cut(whole, []byte{' '})
	_, args, _ := bytes.Cut(rest, []byte{' '})
	return len(bytes.TrimSpace(args)) > 0
}

// tooBig refuses a literal that is too big. done says that nothing more of the
// command comes; if it is false, the literal is small enough to be read.
func (f *front) tooBig(lit literal, most int64, before int) (why string, done bool, err error) {
	if lit.size <= most && int64(before)+2*lit.size <= maxCommand {
		return "", false, nil
	}
	const text = "NO [TOOBIG] That literal is too big here"
	if !lit.nonSync {
		return text, true, nil // RFC 9051 §4.3: the client waits, and sends nothing
	}
	if lit.size > maxSwallow { // RFC 7888 §4
		f.bye("[TOOBIG] That literal is too big")
		return "", true, errBye
	}
	return text, true, f.swallow(lit.size)
}

// swallow consumes n bytes and the rest of their command.
func (f *front) swallow(n int64) error {
	for limit := int64(maxSwallow); ; {
		if limit -= n; limit < 0 {
			f.bye("[TOOBIG] That command is too big")
			return errBye
		}
		if err := f.discard(n); err != nil {
			return err
		}
		line, err := f.w.ReadLine(f.stretch(), false, maxLine)
		if errors.Is(err, wire.ErrLineLong) {
			f.bye("That line is too long")
			return errBye
		} else if err != nil {
			return err
		}
		line = trimEnd(line)
		lit, found, bad := scanLine(line)
		if bad != "" && lost(line) {
			return f.byeLost()
		}
		if !found || !lit.nonSync {
			return nil
		}
		n = lit.size
	}
}

func (f *front) discard(n int64) error {
	f.w.Log.Data(trace.Client, int(n))
	for n > 0 {
		if err := f.w.Await(f.stretch(), false); err != nil {
			return err
		}
		k := min(n, int64(f.w.Buffered()))
		f.w.Discard(int(k))
		n -= k
	}
	return nil
}

// readFull reads a literal, asking for it first if the client waits to be asked.
func (f *front) readFull(p []byte, ask bool) error {
	if ask {
		if err := f.say("+ Ready for the literal\r\n"); err != nil {
			return err
		}
	}
	for len(p) > 0 {
		if err := f.w.Await(f.stretch(), false); err != nil {
			return err
		}
		n, err := f.w.Read(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// quote appends a quoted string (RFC 9051 §4.3).
func quote(b, value []byte) []byte {
	b = append(b, '"')
	for _, c := range value {
		if c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return append(b, '"')
}
