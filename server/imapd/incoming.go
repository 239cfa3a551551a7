package imapd

import (
	"errors"
	"io"

	"glassmail/trace"
	"glassmail/wire"
)

// announce takes note of the message at the end of an APPEND's line. Nothing of
// it is read yet, unless it is refused already.
func (f *serverConn) announce(c *command, full []byte, lit literal, fault string) ([]byte, string, error) {
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
	c.message = &lit
	return full, "", nil
}

// incoming is an APPEND's message as it arrives: whole, or not at all.
type incoming struct {
	f    *serverConn
	left int64
	end  string // what stands after the message on its line
	err  error  // the first
	lost error  // of the connection
}

// Read returns io.EOF only after the end of a command that is well formed.
func (m *incoming) Read(p []byte) (int, error) {
	f := m.f
	switch {
	case m.err != nil:
		return 0, m.err
	case m.left == 0:
		m.err = m.finish()
		return 0, m.err
	}
	if err := f.conn.Await(f.stretch(), false); err != nil {
		m.lost, m.err = err, cutShort(err)
		return 0, m.err
	}
	b := f.conn.Peek(int(min(m.left, int64(f.conn.Buffered()), int64(len(p)))))
	if !f.conn.Interception().Content(trace.Client, b, len(b)) {
		f.raw.Close()
		m.err, m.lost = wire.ErrCut, wire.ErrCut
		return 0, wire.ErrCut
	}
	f.conn.Log.Text(trace.Client, b, len(b))
	n := copy(p, b)
	f.conn.Discard(n)
	m.left -= int64(n)
	return n, nil
}

// cutShort keeps the end of a connection from being taken for that of a message.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// finish reads the rest of the command, after its message.
func (m *incoming) finish() error {
	f := m.f
	line, err := f.conn.ReadLine(f.stretch(), false, maxLine)
	if err != nil && !errors.Is(err, wire.ErrLineLong) {
		m.lost = err
		return cutShort(err)
	}
	f.conn.Log.Line(trace.Client, printable(line))
	if err == nil && string(trimEnd(line)) == m.end {
		return io.EOF
	}
	if m.lost = f.spoil(trimEnd(line), err); m.lost != nil {
		return m.lost
	}
	return errSpoiled
}

// drop consumes what the store did not read.
func (m *incoming) drop() error {
	if m.err == nil {
		io.Copy(io.Discard, m)
	}
	return m.lost
}

// spoil refuses an APPEND for what follows its message, such as a second one
// (RFC 3502).
func (f *serverConn) spoil(rest []byte, long error) error {
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

// skipMessage consumes a message that the client sends without being asked, and
// what follows it. One that is above the limit of messages ends the connection.
func (f *serverConn) skipMessage(n int64) error {
	if n > int64(f.srv.o.AppendLimit) {
		f.bye("[TOOBIG] That message is too big") // RFC 7888 §4
		return errBye
	}
	if err := f.discard(n); err != nil {
		return err
	}
	return f.swallow(0)
}
