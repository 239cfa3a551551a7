package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"glassmail/explain"
	"glassmail/wire"
)

// Times of a session.
const (
	pauseInLine = 300 * time.Millisecond // after which the beginning of a line is shown
	quiet       = 500 * time.Millisecond // that lets a server of an unknown protocol seem to wait
	patience    = time.Second            // after which a person may type although a reply is due
	writing     = 30 * time.Second       // for a line to leave
	maxReceived = 64 << 10               // bytes of a line before it is shown in pieces
	maxEarly    = 100                    // lines sent before the server's first that are remembered
)

// session is one conversation. One goroutine, run, owns all of it; two others
// only wait: one for the server, one for the input.
type session struct {
	conn  net.Conn
	host  string // as the user named it, for TLS
	con   console
	clock wire.Clock
	words *explain.Words
	limit time.Duration // for a reply, when lines come from a file or pipe

	chunks  chan chunk    // from the server
	proceed chan net.Conn // lets the receiver go on, with the connection as it is now
	want    chan struct{} // asks for a line of input
	lines   chan input    //
	done    chan struct{} // closed at the end of run

	iac     iac
	partial []byte   // the beginning of a line of the server's
	talk    talk     // nil before the server's first line
	early   []string // lines sent before it
	asked   bool     // a line of input is on its way
	pending *string  // a line of input that waits for its turn
	eof     bool     // the input has ended
	heard   bool     // something came since the last line was sent
	half    bool     // nothing more will be sent
	over    bool     // the conversation has ended
}

type chunk struct {
	data []byte
	err  error
}

type input struct {
	line string
	err  error
}

func newSession(conn net.Conn, host string, con console, clock wire.Clock, limit time.Duration) *session {
	return &session{
		conn: conn, host: host, con: con, clock: clock, limit: limit, words: explain.New("en"),
		chunks: make(chan chunk), proceed: make(chan net.Conn),
		want: make(chan struct{}, 1), lines: make(chan input), done: make(chan struct{}),
	}
}

// run carries the conversation until the server or the input ends it. The
// connection is closed then.
func (s *session) run(ctx context.Context) error {
	received := make(chan struct{})
	go func() {
		defer close(received)
		s.receive(s.conn)
	}()
	go s.readInput() // ends with the next line of input: a Read of a terminal cannot be called off
	defer func() {
		close(s.done)
		s.conn.Close()
		<-received
	}()
	for !s.over {
		if err := s.turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turn sends what may be sent and waits for the next thing to happen.
func (s *session) turn(ctx context.Context) error {
	if s.pending != nil && s.turnOfClient() {
		return s.send()
	}
	s.ask(s.con.person() && !s.turnOfClient())
	delay, action := s.next()
	var timer <-chan time.Time
	if action != nil {
		c, stop := s.clock.After(delay)
		defer stop()
		timer = c
	}
	select {
	case c := <-s.chunks:
		return s.got(ctx, c)
	case in := <-s.lines:
		return s.typed(in)
	case <-timer:
		return action()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// turnOfClient reports whether the server is known to wait.
func (s *session) turnOfClient() bool { return s.talk != nil && s.talk.ready() }

// ask asks for a line of input unless one is on its way or hold is set.
func (s *session) ask(hold bool) {
	if s.asked || s.eof || s.pending != nil || hold {
		return
	}
	s.asked = true
	s.want <- struct{}{}
}

// next says what to do if nothing happens for a while.
func (s *session) next() (time.Duration, func() error) {
	switch {
	case len(s.partial) > 0:
		return pauseInLine, s.showPartial
	case s.con.person() && s.asked:
		return 0, nil
	case s.con.person():
		return patience, func() error { s.ask(false); return nil }
	case s.half && s.heard:
		return quiet, s.finish
	case s.half:
		return s.limit, s.finish
	case s.pending != nil:
		return s.nextLine()
	case s.eof && s.known() && s.talk.owes():
		return s.limit, s.noReply
	case s.eof:
		return 0, s.stopSending
	}
	return 0, nil
}

// nextLine says what becomes of a line for which the server seems not to be
// ready: in a known protocol it waits, in another it goes out after a pause.
func (s *session) nextLine() (time.Duration, func() error) {
	if s.known() || s.talk == nil && expects(s.words, *s.pending) {
		return s.limit, s.noReply
	}
	return quiet, s.send
}

// known reports whether the protocol is known.
func (s *session) known() bool { return s.talk != nil && s.talk.spoken() != "" }

func (s *session) noReply() error {
	return fmt.Errorf("no reply came within %v", s.limit)
}

// stopSending tells the server that the input has ended.
func (s *session) stopSending() error {
	s.half = true
	s.heard = s.heard || s.known() // the last reply is here
	closeWrite(s.conn)
	return nil
}

func (s *session) finish() error {
	s.over = true
	s.note("connection closed by you")
	return nil
}

// send sends the pending line.
func (s *session) send() error {
	l := *s.pending
	s.pending = nil
	s.conn.SetWriteDeadline(time.Now().Add(writing))
	if _, err := io.WriteString(s.conn, l+"\r\n"); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	s.heard = false
	if !s.con.person() {
		s.con.print(strings.TrimSuffix("C: "+printable(l), " "))
	}
	if s.talk != nil {
		s.talk.sent(l)
	} else if len(s.early) < maxEarly {
		s.early = append(s.early, l)
	}
	return nil
}

// typed takes a line of input.
func (s *session) typed(in input) error {
	s.asked = false
	switch {
	case in.err == nil:
		s.pending = &in.line
		if s.con.person() {
			return s.send()
		}
	case errors.Is(in.err, io.EOF):
		s.eof = true
		if s.con.person() {
			return s.finish()
		}
	default:
		return in.err
	}
	return nil
}

// note shows a remark.
func (s *session) note(format string, args ...any) {
	s.con.print("* " + fmt.Sprintf(format, args...))
}

// readInput reads a line each time one is wanted.
func (s *session) readInput() {
	for {
		select {
		case <-s.want:
		case <-s.done:
			return
		}
		l, err := s.con.read()
		select {
		case s.lines <- input{l, err}:
		case <-s.done:
			return
		}
		if err != nil {
			return
		}
	}
}
