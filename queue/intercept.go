package queue

import (
	"bufio"
	"bytes"
	"errors"
	"strings"

	"glassmail/trace"
	"glassmail/wire"
)

// guard takes the lines of the connection past an interceptor.
func (c *clientConn) guard(g wire.Interceptor) {
	c.lines = wire.NewInterception(g, c.log, func() { _ = c.flush() })
}

// emit sends commands past the interceptor.
func (c *clientConn) emit(p []byte) error {
	for line := range bytes.Lines(p) {
		text := string(bytes.TrimRight(line, "\r\n"))
		verb, _, _ := strings.Cut(text, " ")
		v := c.lines.Command(strings.ToUpper(verb), text, false)
		switch v.Action {
		case wire.Drop:
			continue
		case wire.Cut:
			return c.cut()
		case wire.Edit:
			text, line = v.Text, []byte(v.Text+"\r\n")
		}
		c.log.Line(trace.Client, text)
		if v.Action == wire.Answer {
			c.answer = v.Text + "\r\n"
			continue
		}
		if err := c.gather(line); err != nil {
			return err
		}
	}
	return nil
}

// emitDot takes the text, which is on its way, and the final dot past the interceptor.
// The client has no way back by then: whatever else happens to them ends the
// connection.
func (c *clientConn) emitDot(size int) {
	if !c.lines.Content(trace.Client, c.text, size) || c.lines.Command(".", ".", false).Action != wire.Pass {
		_ = c.cut()
	}
}

// cut ends the connection as a broken cable would.
func (c *clientConn) cut() error {
	_ = c.raw.Close()
	return c.fail(wire.ErrCut)
}

// heard reads the reply of the server, or the one that the interceptor gave.
func (c *clientConn) heard() (reply, error) {
	if c.answer == "" {
		return readReply(c.in, c.admit)
	}
	given := bufio.NewReaderSize(strings.NewReader(c.answer), maxReplyLine)
	c.answer = ""
	return readReply(given, func(line string) (string, bool) {
		c.log.Line(trace.Server, line)
		return line, true
	})
}

// admit takes a line of the server past the interceptor. Nothing is heard any more over a
// connection that was cut, whatever has arrived.
func (c *clientConn) admit(line string) (string, bool) {
	if errors.Is(c.failed, wire.ErrCut) {
		return "", false
	}
	switch v := c.lines.Reply(line); v.Action {
	case wire.Edit:
		line = v.Text
	case wire.Drop:
		return "", false
	case wire.Cut:
		_ = c.cut()
		return "", false
	}
	c.log.Line(trace.Server, line)
	return line, true
}
