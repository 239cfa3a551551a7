package dialog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Dialer gives the connection that a script calls name. A player of the server's
// part is given a connection that was accepted.
type Dialer func(ctx context.Context, name string) (net.Conn, error)

// To is a Dialer that opens a TCP connection to addr under any name.
func To(addr string) Dialer {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
}

// Over is a Dialer that gives conn, whatever the name.
func Over(conn net.Conn) Dialer {
	return func(context.Context, string) (net.Conn, error) { return conn, nil }
}

// Player plays scripts. The zero Player with a Dial plays the client's part.
type Player struct {
	Dial    Dialer
	Server  bool          // play the server's part
	Timeout time.Duration // for each step; 10 seconds if 0
	TLS     *tls.Config   // for STARTTLS; a client with nil does not check certificates
	Segment int           // bytes per Write, for peers that must not rely on segments; 0 sends a step in one
	Log     io.Writer     // receives each line as it passes, in the script's notation; may be nil
}

// Play plays s as the client on connections that dial opens.
func Play(ctx context.Context, s *Script, dial Dialer) error {
	return (&Player{Dial: dial}).Play(ctx, s)
}

// Play plays s and closes the connections it has used. A dialogue that goes
// otherwise than the script says is a *Mismatch.
func (p *Player) Play(ctx context.Context, s *Script) error {
	r := &run{Player: p, script: s, name: s.Target, conns: map[string]*conn{}}
	defer r.closeAll()
	for i := range s.steps {
		if err := r.step(ctx, i); err != nil {
			return r.mismatch(s.steps[i], err)
		}
	}
	return nil
}

// errUnsaid is the error of a script that does not say what the player's part
// is to send.
var errUnsaid = errors.New("a pattern or ... can be expected, not sent")

// run is one performance of a script.
type run struct {
	*Player
	script *Script
	name   string // of the connection in use
	conns  map[string]*conn
	past   []string // the last lines that passed
}

// step performs the step i.
func (r *run) step(ctx context.Context, i int) error {
	st := r.script.steps[i]
	if st.kind == use {
		r.name = st.text
		r.note(st.String())
		return nil
	}
	limit := r.Timeout
	if limit <= 0 {
		limit = 10 * time.Second
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := r.conn(bounded)
	if err != nil {
		return err
	}
	nc := c.Conn
	// A net.Pipe whose other end is closed refuses a deadline; the step finds out.
	if err := nc.SetDeadline(time.Now().Add(limit)); err != nil && !ended(err) {
		return fmt.Errorf("set the deadline: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer unhook()
	err = r.perform(bounded, c, st, i)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if isTimeout(err) {
		return late(err, st, limit)
	}
	return err
}

// perform does what a step on connection c asks for.
func (r *run) perform(ctx context.Context, c *conn, st step, i int) error {
	switch st.kind {
	case startTLS:
		r.note("* STARTTLS")
		return c.startTLS(ctx, r.TLS, r.Server)
	case end, hangup:
		return r.end(c, st)
	case anything:
		if st.part == r.part() {
			return errUnsaid
		}
		return r.pass(c, r.script.steps[i+1])
	}
	if st.part == r.part() {
		return r.send(c, st)
	}
	return r.expect(c, st)
}

// part is the part the player takes.
func (r *run) part() byte {
	if r.Server {
		return server
	}
	return client
}

// conn is the connection in use, opened if need be.
func (r *run) conn(ctx context.Context) (*conn, error) {
	if c := r.conns[r.name]; c != nil {
		return c, nil
	}
	if r.Dial == nil {
		return nil, errors.New("the player has no Dial")
	}
	nc, err := r.Dial(ctx, r.name)
	if err != nil {
		return nil, fmt.Errorf("open the connection: %w", err)
	}
	c := newConn(nc)
	r.conns[r.name] = c
	return c, nil
}

func (r *run) send(c *conn, st step) error {
	text := st.text
	switch st.kind {
	case line:
		text += "\r\n"
	case pattern:
		return errUnsaid
	}
	if err := c.send(text, r.Segment); err != nil {
		return fmt.Errorf("send %q: %w", clip(text), err)
	}
	r.note(st.String())
	return nil
}

func (r *run) expect(c *conn, st step) error {
	var got string
	var err error
	if st.kind == bytes {
		got, err = c.take(len(st.text))
	} else {
		got, err = c.line()
	}
	if err != nil {
		return r.broken(st, got, err)
	}
	if !st.matches(got) {
		return r.other(st, got)
	}
	r.note(received(st, got))
	return nil
}

// pass reads lines until the one that stop expects is next.
func (r *run) pass(c *conn, stop step) error {
	if stop.kind == end || stop.kind == hangup {
		for range maxAny {
			got, err := c.line()
			if err != nil && ended(err) {
				c.push("")
				return nil
			}
			if err != nil {
				return err
			}
			r.note(received(step{part: partOf(stop)}, got))
		}
		return fmt.Errorf("more than %d lines came before the end", maxAny)
	}
	for range maxAny {
		got, err := c.line()
		if err != nil {
			return r.broken(stop, got, err)
		}
		if stop.matches(got) {
			c.push(got)
			return nil
		}
		r.note(received(stop, got))
	}
	return &Mismatch{Want: stop.wanted(), At: -1, Err: fmt.Errorf("it was not among the first %d lines", maxAny)}
}

// end closes the connection or waits until the peer has.
func (r *run) end(c *conn, st step) error {
	if partOf(st) != r.part() {
		got, err := c.line()
		switch {
		case err == nil || got != "":
			return &Mismatch{Want: "the end of the connection", Got: fmt.Sprintf("%q", got), At: -1}
		case !ended(err):
			return err
		}
	}
	r.note(st.String())
	delete(r.conns, r.name)
	if err := c.Close(); err != nil && partOf(st) == r.part() {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}

// partOf is who closes at the step.
func partOf(st step) byte {
	if st.kind == hangup {
		return client
	}
	return server
}

func (r *run) closeAll() {
	for _, c := range r.conns {
		c.Close()
	}
}
