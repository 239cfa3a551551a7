package smtpd

import (
	"bytes"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// intercept takes a command past the interceptor and returns what is to be obeyed; ok is
// false if nothing is.
func (c *serverConn) intercept(line []byte) (obey []byte, ok bool) {
	g := c.conn.Interception()
	if g == nil {
		return line, true
	}
	verb, _ := parse(line)
	text, secret := c.shown(verb, line)
	verb = c.named(verb, secret)
	if g.Idle() {
		g.Heard(verb)
		return line, true
	}
	switch v := g.Command(verb, text, secret); v.Action {
	case wire.Edit:
		return []byte(v.Text), true
	case wire.Answer:
		c.instead(line, replyOf(v.Text))
		return nil, false
	case wire.Cut:
		c.cutOff()
		return nil, false
	case wire.Drop:
		return nil, false
	}
	return line, true
}

// instead answers a line with a reply that the interceptor gives in our place.
func (c *serverConn) instead(line []byte, r *mail.Reply) {
	verb, _ := parse(line)
	c.beginJourney(verb)
	if c.sasl {
		c.log.Line(trace.Client, trace.Masked)
		c.breakSASL()
	} else {
		c.record(verb, line)
	}
	c.say(r)
}

// replyOf reads a reply that the interceptor gives in our place.
func replyOf(line string) *mail.Reply {
	if _, _, _, ok := mail.ParseReplyLine(line); !ok {
		return mail.ErrInternal()
	}
	code, e, text, _ := parseReply(line)
	return &mail.Reply{Code: code, Enhanced: e, Text: text}
}

// emit takes a line of a reply past the interceptor, and sends it with its end.
func (c *serverConn) emit(line []byte) []byte {
	if g := c.conn.Interception(); !g.Idle() {
		switch v := g.Reply(string(line)); v.Action {
		case wire.Edit:
			line = append(line[:0], v.Text...)
		case wire.Drop:
			return line
		case wire.Cut:
			c.cutOff()
			return line
		}
	}
	if c.log != nil {
		c.log.Line(trace.Server, string(line))
	}
	line = append(line, '\r', '\n')
	if err := c.conn.Send(line); err != nil {
		c.end("writing: " + err.Error())
	}
	return line
}

// cutOff ends the connection as a broken cable would.
func (c *serverConn) cutOff() {
	c.end(wire.ErrCut.Error())
	c.conn.NetConn().Close()
}

// admit takes the text, which is complete, and its final dot past the interceptor.
// again says that the dot was swallowed: the text goes on.
func (t *content) admit() (again bool) {
	g := t.c.conn.Interception()
	if g == nil || t.scan.fault != nil {
		return false
	}
	if !g.Content(trace.Client, bytes.TrimSuffix(t.head, []byte(".\r\n")), int(t.size)) {
		t.lost()
		return false
	}
	if t.c.chunks != nil {
		return false
	}
	switch v := g.Command(".", ".", false); v.Action {
	case wire.Answer:
		t.refuse(replyOf(v.Text))
	case wire.Cut:
		t.lost()
	case wire.Drop:
		t.scan.at, t.final = lineStart, ""
		return true
	}
	return false
}

// lost ends the message with a connection that was cut at the interceptor.
func (t *content) lost() {
	t.c.cutOff()
	t.err, t.ended = errCut, true
}
