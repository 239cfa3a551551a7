package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// Bounds of a message's text beside its size.
const (
	slack    = 1 << 20 // bytes that are still read of a message that is refused
	slowest  = 100     // bytes per second that a long transfer must reach
	shortest = 64      // a reader with a smaller buffer is served through one of ours
	maxShown = 1000    // bytes of a line of text in the trace
)

// errGivenUp ends a chunked transfer that the client gave up by RSET, QUIT or a
// new greeting.
var errGivenUp = fmt.Errorf("given up by the client: %w", io.ErrUnexpectedEOF)

// errCut ends a message whose connection was cut at the interceptor.
var errCut = fmt.Errorf("%w: %w", wire.ErrCut, io.ErrUnexpectedEOF)

// content is the message under way as Backend reads it.
type content struct {
	c     *serverConn
	scan  scanner
	size  int64 // bytes handed over
	begun time.Time
	stood time.Duration // of the connection, when it began; see wire.Interception
	ended bool          // the client's side of it: its end was read
	err   error         // of all further reads
	rest  []byte        // read for a small buffer, not handed over yet

	lines   int    // of text still to be shown in the trace
	partial []byte // of the line to be shown next
	unseen  int    // bytes not shown
	kept    []byte // the beginning of them, if the trace keeps it
	shown   bool   // there is an interceptor that is shown the text
	head    []byte // the beginning of it
	final   string // the line that ended the text, to be shown when the interceptor has let it pass
}

func (c *serverConn) content() *content {
	return &content{
		c: c, scan: scanner{lenient: c.lenient}, lines: c.srv.opts.TraceText,
		begun: wire.Deadlines(c.srv.opts.Clock).Now(), stood: c.conn.Interception().Paused(), shown: !c.conn.Interception().Idle(),
	}
}

// took is how long the client has been sending, without the time for which lines
// waited at the interceptor.
func (t *content) took() time.Duration {
	return wire.Deadlines(t.c.srv.opts.Clock).Now().Sub(t.begun) - (t.c.conn.Interception().Paused() - t.stood)
}

// Read reads on in the message. Errors: io.EOF at its end, a *mail.Reply if it is
// refused, io.ErrUnexpectedEOF if the client broke off.
func (t *content) Read(p []byte) (int, error) {
	if len(t.rest) == 0 && t.err == nil && len(p) < shortest && len(p) > 0 {
		small := make([]byte, shortest)
		n, _ := t.fill(small)
		t.rest = small[:n]
	}
	if len(t.rest) > 0 {
		n := copy(p, t.rest)
		t.rest = t.rest[n:]
		return n, nil
	}
	if t.err != nil || len(p) == 0 {
		return 0, t.err
	}
	return t.fill(p)
}

// fill reads until there is something, or an error.
func (t *content) fill(p []byte) (int, error) {
	for t.err == nil {
		n := t.more(p)
		if t.size += int64(n); t.size > t.c.srv.opts.MaxSize {
			t.refuse(tooLarge(t.c.srv.opts.MaxSize))
			break
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, t.err
}

// refuse ends reading, unless something worse has.
func (t *content) refuse(r *mail.Reply) {
	if t.err == nil || t.err == io.EOF {
		t.err = r
	}
}

// more reads what has arrived, which may come to nothing.
func (t *content) more(p []byte) int {
	if t.c.chunks != nil {
		return t.moreChunk(p)
	}
	src := t.await()
	n, used, end := t.scan.scan(p, src)
	t.consume(src[:used], end)
	switch {
	case t.scan.hopeless:
		t.refuse(t.scan.fault)
		t.c.farewell(t.scan.fault, "the message ended in LF . LF")
	case end:
		t.finish()
	case t.scan.fault != nil:
		t.refuse(t.scan.fault)
	}
	return n
}

// await waits for bytes and shows them; none if the connection has ended.
func (t *content) await() []byte {
	c := t.c
	limit := c.srv.opts.Limits.Text
	if c.conn.Buffered() == 0 {
		if t.took() > 2*limit+time.Duration(t.size/slowest)*time.Second {
			t.broken(wire.ErrTimeout)
			return nil
		}
	}
	if err := c.conn.Await(limit, false); err != nil {
		t.broken(err)
		return nil
	}
	return c.conn.Peek(c.conn.Buffered())
}

// broken ends the message with the connection.
func (t *content) broken(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
		t.c.end("the client left in the middle of a message")
	}
	t.c.broken(err)
	if t.err == nil {
		t.err = io.ErrUnexpectedEOF
	}
	t.ended = true
}

// finish ends the message well, if it is well.
func (t *content) finish() {
	if t.admit() {
		return
	}
	t.ended = true
	if t.scan.lf {
		t.c.note("lines that ended in a bare LF (0A) were taken as if they ended in CR LF (0D 0A), and LF . LF as the end")
	}
	if t.scan.fault != nil {
		t.refuse(t.scan.fault)
	}
	if t.err == nil {
		t.err = io.EOF
	}
	if t.err != errCut {
		t.closeShow()
	}
}

// drain reads the rest of a message that Backend does not want, within bounds.
func (t *content) drain() {
	var sink [4096]byte
	limit := t.c.srv.opts.MaxSize + slack
	for !t.ended && !t.c.over {
		if t.c.chunks != nil {
			t.c.skip(t.c.chunks.left)
			t.ended = true
			return
		}
		src := t.await()
		_, used, end := t.scan.scan(sink[:], src)
		t.consume(src[:used], end)
		if limit -= int64(used); limit < 0 {
			t.c.farewell(tooLarge(t.c.srv.opts.MaxSize), "the message has no end")
		}
		switch {
		case t.scan.hopeless:
			t.c.farewell(t.scan.fault, "the message ended in LF . LF")
		case end:
			t.ended = true
			t.closeShow()
		}
	}
}

// consume takes bytes of the client and shows them in the trace; end says that
// the text ends with them.
func (t *content) consume(b []byte, end bool) {
	if room := wire.MaxEdit - len(t.head); room > 0 && t.shown {
		t.head = append(t.head, b[:min(room, len(b))]...)
	}
	if t.c.log != nil {
		t.show(b, end)
	}
	t.c.conn.Discard(len(b))
}

// show writes the first lines of the text into the trace, but not yet the one that
// ends it.
func (t *content) show(wire []byte, end bool) {
	for t.lines > 0 && len(wire) > 0 {
		i := bytes.IndexByte(wire, '\n')
		part := wire[:max(i, 0)]
		if i < 0 {
			part = wire
		}
		t.partial = append(t.partial, part[:min(len(part), maxShown-min(len(t.partial), maxShown))]...)
		if i < 0 {
			return
		}
		line := string(bytes.TrimSuffix(t.partial, []byte("\r")))
		if t.partial = t.partial[:0]; end && i == len(wire)-1 {
			t.final = line
			return
		}
		t.c.log.Line(trace.Client, line)
		t.lines--
		wire = wire[i+1:]
	}
	t.unseen += len(wire)
	if room := t.c.log.Keeps() - len(t.kept); room > 0 {
		t.kept = append(t.kept, wire[:min(room, len(wire))]...)
	}
}

// closeShow tells how much was not shown, and shows the dot that ended a DATA.
func (t *content) closeShow() {
	if t.final != "" {
		t.c.log.Line(trace.Client, t.final)
	}
	if t.c.log == nil || t.unseen == 0 {
		return
	}
	if t.c.chunks != nil {
		t.c.log.Text(trace.Client, t.kept, t.unseen)
		return
	}
	if n := t.unseen - len(".\r\n"); n > 0 {
		t.c.log.Text(trace.Client, t.kept[:min(len(t.kept), n)], n)
	}
	t.c.log.Line(trace.Client, ".")
}
