package imapd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Sizes of what a client sends, in bytes.
const (
	maxLine       = 16 << 10 // one line
	maxCommand    = 40 << 10 // one command with its literals
	maxLiteral    = 4 << 10  // one literal that is not a message (RFC 7888 §5)
	maxSASL       = 4 << 10  // one answer to a challenge
	maxSwallow    = 64 << 10 // of a refused command
	keepHeld      = 4 << 10  // memory kept between commands
	maxEchoed     = 12       // of a line of one word, which may be a password
	maxBadAtLogin = 10       // commands that cannot be understood before login
)

// maxStretch is the longest silence within a command.
const maxStretch = 5 * time.Minute

// errSpoiled ends the text of an APPEND that goes on after its message.
var errSpoiled = errors.New("the command goes on after the message")

// serverConn is one connection: it reads one whole command at a time, and everything
// before is done then.
type serverConn struct {
	conn       *wire.Conn
	raw        net.Conn
	srv        *Server
	ctx        context.Context
	giveUp     func() // ends ctx
	login      *loginLimit
	session    *session
	secure     bool
	plainLogin bool // a password may come without TLS

	// Of the goroutine that reads.
	loggedIn bool
	held     []byte // memory for commands
	mask     trace.Mask
	bad      int    // commands before login that made no sense
	closed   string // why, for the transcript

	// IDLE writes from a goroutine of its own.
	mu     sync.Mutex
	cmd    command
	silent bool   // BYE was said: nothing after it
	reason string // of a stop
}

// serve answers commands until the connection ends.
func (f *serverConn) serve() {
	err := f.say("* OK [CAPABILITY " + f.session.capabilities() + "] " + f.srv.o.Name + " ready\r\n")
	for err == nil {
		err = f.command()
	}
	f.farewell(err)
}

// patience is how long a client may be silent.
func (f *serverConn) patience() time.Duration {
	if f.loggedIn {
		return f.srv.o.IdleTime
	}
	return f.srv.o.LoginTime
}

// stretch is how long the next bytes of a command that was begun may take.
func (f *serverConn) stretch() time.Duration { return min(f.patience(), maxStretch) }

// farewell says why the connection ends.
func (f *serverConn) farewell(err error) {
	f.closed = err.Error()
	switch {
	case errors.Is(err, wire.ErrTimeout):
		f.bye("Nothing was said for too long") // RFC 9051 §5.4
	case errors.Is(err, wire.ErrFull):
		const quiet = "[UNAVAILABLE] Too many connections, and this one was quiet"
		f.conn.Log.Event(trace.Event{Kind: trace.Refused, Dir: trace.Self, Text: "refused: BYE " + quiet, Decision: refusedConn(f.raw, "BYE "+quiet)})
		f.bye(quiet)
	case errors.Is(err, wire.ErrStopping):
		f.mu.Lock()
		reason := f.reason
		f.mu.Unlock()
		if reason == "" {
			reason = f.srv.parting()
		}
		f.bye(reason)
	case errors.Is(err, errBye), errors.Is(err, wire.ErrCut):
	case errors.Is(err, io.EOF):
		f.closed = "the client closed the connection"
	}
}

// errBye is returned by what has said BYE already.
var errBye = errors.New("the server said farewell")

// bye says farewell; nothing is sent after it.
func (f *serverConn) bye(why string) {
	f.say("* BYE " + why + "\r\n")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

// end lets the connection end with a BYE at the next command boundary.
func (f *serverConn) end(why string) {
	f.conn.Interception().Release() // a line that waits there has mu
	f.mu.Lock()
	f.reason = why
	f.mu.Unlock()
	f.conn.Stop()
}

// cut ends the connection where it stands, in the middle of a literal that
// cannot be completed.
func (f *serverConn) cut(err error) {
	f.conn.Log.Note("cut: " + err.Error())
	f.raw.Close()
}

// abandon ends what is done for a client that has gone.
func (f *serverConn) abandon() {
	f.conn.Log.Note("the client has gone: its command is given up")
	f.giveUp()
	f.raw.Close()
}

// say sends whole lines of our own.
func (f *serverConn) say(lines string) error { return f.sendLines([]byte(lines)) }

// sendLines sends and records lines; the last may go on later.
func (f *serverConn) sendLines(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent {
		return nil
	}
	b, err := f.emitLines(b)
	if err != nil {
		return err
	}
	if f.conn.Log != nil {
		for l := range bytes.Lines(b) {
			f.conn.Log.Line(trace.Server, printable(l))
		}
	}
	return f.conn.Send(b)
}

// sendData sends a stretch of a literal.
func (f *serverConn) sendData(b []byte) error {
	if err := f.emitData(b); err != nil {
		return err
	}
	f.conn.Log.Text(trace.Server, b, len(b))
	return f.conn.Send(b)
}
