package imapd

import (
	"errors"
	"io"
	"strconv"

	"github.com/emersion/go-imap/v2"

	"glassmail/trace"
	"glassmail/wire"
)

// announce ends the line of an APPEND with the announcement of its message,
// always as one that waits: the library says then whether it reads the message.
func (f *front) announce(c *command, full []byte, lit literal, fault string) ([]byte, string, error) {
	switch {
	case lit.size > int64(f.srv.o.AppendLimit):
		why, _, err := f.tooBig(lit, 0, maxCommand)
		return full, or(fault, why), err // RFC 7889 §4
	case fault == "" && !f.loggedIn:
		fault = "BAD APPEND comes after LOGIN"
	case fault == "" && lit.size == 0:
		fault = "NO [CANNOT] A message cannot be empty"
	}
	if fault != "" {
		if lit.nonSync {
			return full, fault, f.skipMessage(lit.size)
		}
		return full, fault, nil
	}
	c.nonSync = lit.nonSync
	f.left, f.spoiled = lit.size, false
	full = append(full, '{')
	full = strconv.AppendInt(full, lit.size, 10)
	return append(full, '}'), "", nil
}

// message hands over the next stretch of an APPEND's message. The last byte goes
// with the rest of the line: should that be more than its end, the message is
// not to be stored.
func (f *front) message() error {
	if f.left == 0 {
		return io.ErrUnexpectedEOF
	}
	if err := f.w.Await(f.stretch(), false); err != nil {
		return err
	}
	if f.left > 1 {
		b := f.w.Peek(int(min(f.left-1, int64(f.w.Buffered()))))
		if !f.w.Gate().Stretch(trace.Client, b, len(b)) {
			f.raw.Close()
			return errCut
		}
		f.w.Log.Text(trace.Client, b, len(b))
		f.pending = b // valid until the next read
		f.w.Discard(len(b))
		f.left -= int64(len(b))
		return nil
	}
	last := f.w.Peek(1)[0]
	f.w.Log.Text(trace.Client, []byte{last}, 1)
	f.w.Discard(1)
	f.left = 0
	line, err := f.w.ReadLine(f.stretch(), false, maxLine)
	if err != nil && !errors.Is(err, wire.ErrLineLong) {
		return err
	}
	end := trimEnd(line)
	f.w.Log.Line(trace.Client, printable(line))
	f.mu.Lock()
	utf8 := utf8Append(f.cmd.line)
	f.mu.Unlock()
	want := ""
	if utf8 {
		want = ")" // RFC 9755 §4
	}
	if err != nil || string(end) != want {
		if err := f.spoil(end, err); err != nil {
			return err
		}
	}
	f.held = append(append(append(f.held[:0], last), want...), '\r', '\n')
	f.pending = f.held
	return nil
}

// spoil refuses an APPEND for what follows its message, such as a second one
// (RFC 3502).
func (f *front) spoil(rest []byte, long error) error {
	f.spoiled = true
	if long != nil {
		return f.skipLine()
	}
	lit, found, bad := scanLine(rest)
	if bad != "" && lost(rest) {
		return f.byeLost()
	}
	if found && lit.nonSync {
		return f.skipMessage(lit.size)
	}
	return nil
}

// utf8Append reports the form APPEND … UTF8 (~{n}.
func utf8Append(line string) bool {
	i := len(line) - 1
	for i >= 0 && line[i] != '{' {
		i--
	}
	return i >= 2 && line[i-2:i] == "(~"
}

// dropMessage consumes a message that the library refused before it read it.
func (f *front) dropMessage() error {
	n := f.left
	f.left = 0
	f.mu.Lock()
	nonSync := f.cmd.nonSync
	f.mu.Unlock()
	if !nonSync {
		return nil
	}
	return f.skipMessage(n)
}

// skipMessage consumes a message that the client sends without being asked, and
// what follows it. One that is above the limit of messages ends the connection.
func (f *front) skipMessage(n int64) error {
	if n > int64(f.srv.o.AppendLimit) {
		f.bye("[TOOBIG] That message is too big") // RFC 7888 §4
		return errBye
	}
	if err := f.discard(n); err != nil {
		return err
	}
	return f.swallow(0)
}

// appendText is an APPEND's message as the backend reads it: whole, or not at
// all.
type appendText struct {
	f    *front
	r    imap.LiteralReader
	left int64
}

// Read returns io.EOF only after the last byte of a command that is well formed.
func (t *appendText) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.left -= int64(n)
	switch {
	case t.left == 0 && t.f.spoiled:
		return 0, errSpoiled
	case err == io.EOF && t.left > 0:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
