package imapd

import (
	"bytes"
	"io"

	"glassmail/trace"
	"glassmail/wire"
)

// intercept takes a line of the client past the interceptor and returns what is to be
// obeyed; ok is false if nothing is. An answer needs no tag: it gets the
// command's.
func (f *serverConn) intercept(line []byte) (obey []byte, ok bool, err error) {
	g := f.conn.Interception()
	if g == nil {
		return line, true, nil
	}
	c := parse(line)
	text, hidden := f.shown(c, line)
	verb := c.verb
	if verb == "" && !hidden {
		verb = string(bytes.ToUpper(c.lone(line)))
	} else if hidden && !c.known {
		verb = ""
	}
	switch v := g.Command(verb, text, hidden); v.Action {
	case wire.Edit:
		return []byte(v.Text), true, nil
	case wire.Answer:
		f.heard(c, line)
		if c.tag == "" {
			return nil, false, f.say("* " + v.Text + "\r\n")
		}
		return nil, false, f.say(c.tag + " " + v.Text + "\r\n")
	case wire.Cut:
		f.raw.Close()
		return nil, false, wire.ErrCut
	case wire.Drop:
		return nil, false, nil
	}
	return line, true, nil
}

// lone is the word of a line that is no more than one, as DONE is.
func (c command) lone(line []byte) []byte {
	if len(line) > maxEchoed || bytes.IndexByte(line, ' ') >= 0 {
		return nil
	}
	return line
}

// emit takes a line of ours, with its end, past the interceptor and returns what is to
// be sent; nothing if it was swallowed.
func (f *serverConn) emit(line []byte) ([]byte, error) {
	g := f.conn.Interception()
	text := trimEnd(line)
	if g == nil || len(text) == len(line) { // the line goes on
		return line, nil
	}
	switch v := g.Reply(printable(line)); v.Action {
	case wire.Edit:
		return append([]byte(v.Text), "\r\n"...), nil
	case wire.Drop:
		return nil, nil
	case wire.Cut:
		f.raw.Close()
		return nil, io.ErrClosedPipe
	}
	return line, nil
}

// emitLines is emit for several.
func (f *serverConn) emitLines(b []byte) ([]byte, error) {
	if f.conn.Interception() == nil {
		return b, nil
	}
	var out []byte
	for line := range bytes.Lines(b) {
		sent, err := f.emit(line)
		if err != nil {
			return nil, err
		}
		out = append(out, sent...)
	}
	return out, nil
}

// emitData takes a stretch of a literal past the interceptor.
func (f *serverConn) emitData(b []byte) error {
	if f.conn.Interception().Content(trace.Server, b, len(b)) {
		return nil
	}
	f.raw.Close()
	return io.ErrClosedPipe
}
