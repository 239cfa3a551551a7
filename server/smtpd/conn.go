package smtpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// Longest lines, in bytes with the line end.
const (
	maxCommand = 2048  // RFC 5321 §4.5.3.1.4 asks for 512, extensions for some hundred more
	maxAuth    = 12288 // RFC 4954 §4
	maxSkipped = 1 << 20
)

// conn is one client: what it said, what it is told, and what the engine hears
// of it. See the package comment.
type conn struct {
	srv   *Server
	front *wire.Front
	log   *trace.Conn
	ctx   context.Context
	stage *stage
	peer  mail.Peer
	why   string // the connection ended

	state    state
	id       string         // of the message under way
	env      *mail.Envelope // of it
	rcpt     mail.Recipient // of the RCPT under way
	accepted string         // name of the last message accepted

	feed    []byte  // what the engine reads next
	resumed []byte  // a command that ended a chunked transfer and is still to be run
	muted   bool    // the engine's next reply is not for the client
	secret  bool    // after AUTH, what is no command may be an answer that came too early
	sasl    bool    // the client's next line is an answer to a SASL challenge
	chunks  *chunks // the chunked transfer under way (RFC 3030)
	lenient bool    // the text under way may have bare LFs
	bareLF  bool    // the command under way ended in a bare LF
	over    bool    // nothing more is read or said
	linger  bool    // the client may still be sending
	errors  int     // commands in error
	logins  int     // failed logins
	scratch []byte  // for composing replies
}

// begin leads the client through the engines.
func (c *conn) begin() {
	if c.srv.opts.Implicit {
		if err := c.front.Handshake(c.srv.opts.TLS); err != nil {
			c.end("TLS handshake failed: " + err.Error())
			return
		}
		c.peer.TLS = c.front.TLS()
		c.srv.secure.run(c)
		return
	}
	c.srv.plain.run(c)
	if c.peer.TLS != "" && !c.over { // STARTTLS ended the first stage
		c.muted = true // the greeting of the second
		c.srv.secure.run(c)
	}
}

// end ends the connection from within.
func (c *conn) end(why string) {
	if !c.over {
		c.over, c.why = true, why
	}
}

// read gives the engine what it reads next.
func (c *conn) read(p []byte) (int, error) {
	if len(c.feed) == 0 && !c.over {
		c.next()
	}
	if c.over || c.stage.over {
		return 0, io.EOF
	}
	n := copy(p, c.feed)
	c.feed = c.feed[n:]
	return n, nil
}

// next runs the client's commands up to one that is for the engine.
func (c *conn) next() {
	for len(c.feed) == 0 && !c.over && !c.stage.over {
		line, ok := c.resumed, true
		c.resumed = nil
		if line == nil {
			line, ok = c.request(true)
		}
		switch {
		case !ok:
		case c.sasl:
			c.answer(line)
		default:
			c.run(line)
		}
	}
}

// request reads a line and takes it past the gate; ok is false if there is none to
// obey.
func (c *conn) request(atRest bool) (line []byte, ok bool) {
	line, err := c.line(maxCommand, atRest)
	if err != nil {
		c.broken(err)
		return nil, false
	}
	return c.admit(line)
}

// line reads a line and returns it without its end. It is valid until the next.
func (c *conn) line(limit int, atRest bool) ([]byte, error) {
	if c.sasl {
		limit, atRest = maxAuth, false
	}
	line, err := c.front.ReadLine(c.srv.opts.Limits.Command, atRest, limit)
	if err != nil {
		return nil, err
	}
	text, crlf := bytes.CutSuffix(line, []byte("\r\n"))
	c.bareLF = !crlf
	return bytes.TrimSuffix(text, []byte("\n")), nil
}

// broken takes care of an error in place of a line: all but a long line end the
// connection (RFC 5321 §3.8).
func (c *conn) broken(err error) {
	switch {
	case errors.Is(err, wire.ErrLineLong):
		c.skipLine()
	case errors.Is(err, wire.ErrTimeout):
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 4, 2}, "%s timeout, closing connection", c.srv.opts.Name), "timeout")
	case errors.Is(err, wire.ErrStopping):
		c.farewell(c.srv.parting())
	case errors.Is(err, io.EOF):
		c.end("the client left")
	default:
		c.end(err.Error())
	}
}

// skipLine answers a line that is too long, and goes on after its end.
func (c *conn) skipLine() {
	c.breakSASL()
	err := c.front.SkipLine(c.srv.opts.Limits.Command, maxSkipped)
	switch {
	case errors.Is(err, wire.ErrLineLong):
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 5, 2}, "%s line much too long, closing connection", c.srv.opts.Name), "a line of more than 1 MiB")
	case err != nil:
		c.broken(err)
	default:
		c.fault(500, mail.Enhanced{5, 5, 2}, "Line too long: at most %d bytes", maxCommand) // RFC 5321 §4.5.3.1.9
	}
}

// farewell says a last reply.
func (c *conn) farewell(r *mail.Reply, why string) {
	c.say(r)
	c.end(why)
	c.linger = true
}

// lingering reads, after a farewell, what the client had sent before it knew:
// closing a connection with bytes unread resets it, and the reply may be lost. It
// ends when the client closes, pauses, or has sent 1 MiB.
func (c *conn) lingering() {
	if !c.linger || c.front.Flush() != nil {
		return
	}
	if half, ok := c.front.Conn().(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	for range 64 {
		if c.front.Await(100*time.Millisecond, false) != nil {
			return
		}
		c.front.Discard(c.front.Buffered())
	}
}

// fault answers a command that is wrong, and ends a connection that has had too
// many of them.
func (c *conn) fault(code int, e mail.Enhanced, format string, args ...any) {
	c.say(mail.NewReply(code, e, format, args...))
	c.errors++
	c.count()
}

// count ends a connection with too many errors or failed logins.
func (c *conn) count() {
	switch l := c.srv.opts.Limits; {
	case c.logins >= l.Logins:
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 7, 0}, "%s too many failed logins, closing connection", c.srv.opts.Name), "too many failed logins")
	case c.errors >= l.Errors:
		c.farewell(mail.NewReply(421, mail.Enhanced{4, 7, 0}, "%s too many errors, closing connection", c.srv.opts.Name), "too many errors")
	}
}

// clear forgets the message under way. It is all that RSET, HELO, EHLO and the
// end of a message have in common (RFC 5321 §4.1.1.5).
func (c *conn) clear() {
	c.env, c.chunks = nil, nil
	c.rcpt = mail.Recipient{}
	if c.state > greeted {
		c.state = greeted
	}
	c.log.Journey("")
}

// note puts a remark into the trace.
func (c *conn) note(format string, args ...any) {
	if c.log != nil {
		c.log.Note(fmt.Sprintf(format, args...))
	}
}
