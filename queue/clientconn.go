package queue

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Timeouts are the longest waits of a relay, by the system's clock: a deadline
// belongs to the socket, not to the schedule. The zero value has the times of
// RFC 5321 §4.5.3.2 that stand beside the fields.
type Timeouts struct {
	Connect time.Duration // TCP connection; 30 seconds
	TLS     time.Duration // handshake; 30 seconds
	Greet   time.Duration // the 220 after connecting; 5 minutes
	Command time.Duration // a reply to a command; 5 minutes
	Data    time.Duration // the 354; 2 minutes
	Block   time.Duration // sending a stretch of 32 KiB; 3 minutes
	Final   time.Duration // the reply to the final dot; 10 minutes
	Quit    time.Duration // the 221; 5 seconds
}

func (t Timeouts) withDefaults() Timeouts {
	setDefault(&t.Connect, 30*time.Second)
	setDefault(&t.TLS, 30*time.Second)
	setDefault(&t.Greet, 5*time.Minute)
	setDefault(&t.Command, 5*time.Minute)
	setDefault(&t.Data, 2*time.Minute)
	setDefault(&t.Block, 3*time.Minute)
	setDefault(&t.Final, 10*time.Minute)
	setDefault(&t.Quit, 5*time.Second)
	return t
}

// outSize is how much is gathered before it is written.
const outSize = 32 << 10

// clientConn stands between another server and go-smtp's client. It hands the client
// one reply at a time, checked, bounded and in a single line; it answers the
// client's EHLO itself, because the real one was said before (with the right
// name, before and after STARTTLS); it gathers what is written until the client
// waits for a reply; it keeps the deadlines, of which the client has none while
// it sends a body; and it writes the transcript.
//
// It is used by one goroutine; only kill may be called by others.
type clientConn struct {
	raw   net.Conn // the TCP connection
	peer  net.Conn // raw, or TLS over it
	in    *bufio.Reader
	out   []byte
	log   *trace.Conn
	lines *wire.Interception // nil is none
	block time.Duration      // Timeouts.Block

	wait   time.Duration // for the next reply
	last   reply         // the newest reply
	ready  []byte        // reply that the client has not read yet
	answer string        // a reply that the interceptor gives in place of the server's
	offers bool          // the next reply lists extensions
	body   bool          // message text is being written
	text   []byte        // the beginning of it, if the transcript keeps it or an interceptor shows it
	failed error         // why the connection cannot be used any more

	closing sync.Once
}

func newConn(raw net.Conn, log *trace.Conn, block time.Duration) *clientConn {
	return &clientConn{
		raw: raw, peer: raw, log: log, block: block,
		in:  bufio.NewReaderSize(raw, maxReplyLine),
		out: make([]byte, 0, 512),
	}
}

// secure puts TLS over the connection.
func (c *clientConn) secure(t net.Conn) {
	c.peer = t
	c.in.Reset(t)
	c.log.Secure(true)
}

// command sends one line and waits for its reply.
func (c *clientConn) command(wait time.Duration, format string, args ...any) (reply, error) {
	c.wait = wait
	if _, err := c.Write(fmt.Appendf(nil, format+"\r\n", args...)); err != nil {
		return reply{}, err
	}
	return c.reply()
}

// reply sends what is gathered and waits for a reply. Its deadline holds for the
// whole reply, so that a server cannot prolong it byte by byte.
func (c *clientConn) reply() (reply, error) {
	if err := c.flush(); err != nil {
		return reply{}, err
	}
	if err := c.peer.SetReadDeadline(time.Now().Add(c.wait)); err != nil {
		return reply{}, c.fail(err)
	}
	rep, err := c.heard()
	if err != nil {
		return reply{}, c.fail(err)
	}
	c.last = rep
	return rep, nil
}

// flush writes what is gathered.
func (c *clientConn) flush() error {
	if c.failed != nil {
		return c.failed
	}
	if len(c.out) == 0 {
		return nil
	}
	if err := c.peer.SetWriteDeadline(time.Now().Add(c.block)); err != nil {
		return c.fail(err)
	}
	_, err := c.peer.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return c.fail(err)
	}
	return nil
}

func (c *clientConn) fail(err error) error {
	if c.failed == nil {
		c.failed = err
	}
	return err
}

// Read hands the next reply to the client.
func (c *clientConn) Read(p []byte) (int, error) {
	if len(c.ready) == 0 {
		if _, err := c.reply(); err != nil {
			return 0, err
		}
		c.again()
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// again lets the client read the newest reply: its lines, fit to be read.
func (c *clientConn) again() {
	c.ready = c.ready[:0]
	code := c.last.Code
	if c.offers && code/100 == 5 {
		code = 502 // the only one, with 500, after which the client says HELO
	}
	for i, l := range c.last.lines {
		sep := byte('-')
		if i == len(c.last.lines)-1 {
			sep = ' '
		}
		if keyword, params, _ := strings.Cut(l, " "); c.offers && i > 0 { // the client knows them in upper case only (RFC 5321 §2.4)
			l = strings.TrimRight(strings.ToUpper(keyword)+" "+params, " ")
		}
		c.ready = fmt.Appendf(c.ready, "%d%c%s\r\n", code, sep, printable(l))
	}
}

// Write gathers a command or a stretch of text.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	if !c.body {
		c.offers = bytes.HasPrefix(p, []byte("EHLO "))
		return len(p), c.emit(p)
	}
	return len(p), c.gather(p)
}

// gather puts p into what is to be sent.
func (c *clientConn) gather(p []byte) error {
	c.out = append(c.out, p...)
	if len(c.out) >= outSize {
		return c.flush()
	}
	return nil
}

// beginBody starts the message text, of which the transcript keeps the size, and
// the beginning, which show gets, if it was told to; dot tells that the client is
// about to end it, and endBody that it did.
func (c *clientConn) beginBody() { c.body, c.text = true, c.text[:0] }

func (c *clientConn) show(p []byte) {
	keeps := c.log.Keeps()
	if c.lines != nil {
		keeps = max(keeps, wire.MaxEdit)
	}
	if room := keeps - len(c.text); room > 0 {
		c.text = append(c.text, p[:min(room, len(p))]...)
	}
}

func (c *clientConn) dot(size int64) {
	c.log.Text(trace.Client, c.text, int(size))
	c.emitDot(int(size))
	c.log.Line(trace.Client, ".")
}

func (c *clientConn) endBody() { c.body = false }

// parting looks for a reply that a server sent before it closed the connection
// in the midst of our text.
func (c *clientConn) parting() (reply, bool) {
	if c.peer.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return reply{}, false
	}
	rep, err := readReply(c.in, c.admit)
	return rep, err == nil && rep.Code >= 400
}

// kill ends the connection at once, whatever is under way.
func (c *clientConn) kill() {
	_ = c.raw.Close() // before a line that waits can still get through
	c.lines.Release()
}

// Close ends the connection.
func (c *clientConn) Close() error { return c.close("done") }

func (c *clientConn) close(why string) error {
	var err error
	c.closing.Do(func() {
		c.fail(net.ErrClosed)
		c.lines.Release()
		_ = c.raw.SetDeadline(time.Now().Add(time.Second)) // TLS says goodbye
		err = c.peer.Close()
		c.log.Close(why)
	})
	return err
}

// LocalAddr, RemoteAddr and the deadlines complete net.Conn. Deadlines of the
// client are ignored: it clears them when it should not.
func (c *clientConn) LocalAddr() net.Addr              { return c.raw.LocalAddr() }
func (c *clientConn) RemoteAddr() net.Addr             { return c.raw.RemoteAddr() }
func (c *clientConn) SetDeadline(time.Time) error      { return nil }
func (c *clientConn) SetReadDeadline(time.Time) error  { return nil }
func (c *clientConn) SetWriteDeadline(time.Time) error { return nil }

// failure is why the connection cannot be used any more.
func (c *clientConn) failure() error {
	if c.failed == nil {
		return net.ErrClosed
	}
	return c.failed
}
