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
	maxCommand    = 40 << 10 // one command with its literals; the library stops at 50 KiB
	maxLiteral    = 4 << 10  // one literal that is not a message (RFC 7888 §5)
	maxSASL       = 4 << 10  // one answer to a challenge
	maxSwallow    = 64 << 10 // of a refused command
	maxPart       = 64 << 10 // of a reply line that is held for rewriting
	keepHeld      = 4 << 10  // memory kept between commands
	maxEchoed     = 12       // of a line of one word, which may be a password
	maxBadAtLogin = 10       // commands that cannot be understood before login
)

// maxStretch is the longest silence within a command.
const maxStretch = 5 * time.Minute

// errSpoiled ends the text of an APPEND that goes on after its message.
var errSpoiled = errors.New("the command goes on after the message")

// front is the connection that the library believes to have. Read hands over one
// whole command at a time, so that whenever the library reads, everything before
// is done: what it has answered since tells what it waits for.
type front struct {
	w        *wire.Front
	raw      net.Conn
	srv      *Server
	ctx      context.Context
	login    *loginLimit
	secure   bool
	done     chan struct{} // closed by Close
	closing  sync.Once
	upgrade  bool // closed for STARTTLS
	loggedIn bool

	// Of the goroutine that reads.
	pending []byte // what the library reads next
	held    []byte // memory of pending, for commands
	ended   error  // no more is read
	left    int64  // bytes of an APPEND's message still to come
	spoiled bool   // see errSpoiled
	bad     int    // commands before login that made no sense
	closed  string // why, for the transcript

	// Of the library's writers; guarded by mu, because IDLE has two of them.
	mu           sync.Mutex
	cmd          command
	asked        bool   // it asked for a continuation
	answered     bool   // it answered the command
	instead      string // answer to send instead of the library's
	skipGreeting bool
	silent       bool   // BYE was said: nothing after it
	loggedOut    bool   // the library said BYE
	part         []byte // a reply line that is not complete
	reason       string // of a stop
}

func newFront(s *Server, w *wire.Front, raw net.Conn, secure bool) *front {
	return &front{w: w, raw: raw, srv: s, secure: secure, done: make(chan struct{})}
}

// Read hands over what the library shall read next.
func (f *front) Read(p []byte) (int, error) {
	for len(f.pending) == 0 {
		if f.ended != nil {
			return 0, f.ended
		}
		if err := f.next(); err != nil {
			f.farewell(err)
		}
	}
	n := copy(p, f.pending)
	f.pending = f.pending[n:]
	return n, nil
}

// next waits for the client and sets pending, or answers the client itself.
func (f *front) next() error {
	f.mu.Lock()
	waits := f.asked && !f.answered
	kind := f.cmd.kind
	f.mu.Unlock()
	switch {
	case waits && kind == appendMessage:
		return f.message()
	case waits && kind == sasl:
		return f.saslAnswer()
	case waits && kind == idle:
		return f.idleEnd()
	case kind == appendMessage && f.left > 0:
		return f.dropMessage()
	}
	return f.command()
}

// patience is how long a client may be silent.
func (f *front) patience() time.Duration {
	if f.loggedIn {
		return f.srv.o.IdleTime
	}
	return f.srv.o.LoginTime
}

// stretch is how long the next bytes of a command that was begun may take.
func (f *front) stretch() time.Duration { return min(f.patience(), maxStretch) }

// farewell ends reading. An IDLE that runs is ended first, because the library
// does not wait for it when the connection is lost.
func (f *front) farewell(err error) {
	f.ended = io.EOF
	f.closed = err.Error()
	switch {
	case errors.Is(err, wire.ErrTimeout):
		f.bye("Nothing was said for too long") // RFC 9051 §5.4
	case errors.Is(err, wire.ErrStopping):
		f.mu.Lock()
		reason := f.reason
		f.mu.Unlock()
		if reason == "" {
			reason = f.srv.parting()
		}
		f.bye(reason)
	case errors.Is(err, errBye), errors.Is(err, errCut):
	case errors.Is(err, io.EOF):
		f.closed = "the client closed the connection"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cmd.kind == idle && f.asked && !f.answered {
		f.pending = append(f.held[:0], "DONE\r\n"...)
	}
}

// errBye is returned by what has said BYE already.
var errBye = errors.New("the server said farewell")

// bye says farewell; nothing is sent after it.
func (f *front) bye(why string) {
	f.say("* BYE " + why + "\r\n")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

// end lets the connection end with a BYE at the next command boundary.
func (f *front) end(why string) {
	f.w.Gate().Release() // a line that waits there has mu
	f.mu.Lock()
	f.reason = why
	f.mu.Unlock()
	f.w.Stop()
}

// cut ends the connection where it stands, in the middle of a literal that
// cannot be completed.
func (f *front) cut(err error) {
	f.w.Log.Note("cut: " + err.Error())
	f.raw.Close()
}

// why says how the connection ended, for the transcript.
func (f *front) why() string {
	if f.closed == "" {
		return "closed"
	}
	return f.closed
}

// Write takes replies from the library.
func (f *front) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			f.part = append(f.part, rest...)
			break
		}
		line := rest[:i+1]
		if len(f.part) > 0 {
			f.part = append(f.part, line...)
			line = f.part
		}
		rest = rest[i+1:]
		err := f.reply(line)
		f.part = f.part[:0]
		if err != nil {
			return 0, err
		}
	}
	if len(f.part) > maxPart { // a SEARCH with very many results
		err := f.w.Send(f.part)
		f.part = f.part[:0]
		if err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// say sends whole lines of our own.
func (f *front) say(lines string) error { return f.sendLines([]byte(lines)) }

// sendLines sends and records lines; the last may go on later.
func (f *front) sendLines(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent {
		return nil
	}
	b, err := f.emitLines(b)
	if err != nil {
		return err
	}
	if f.w.Log != nil {
		for l := range bytes.Lines(b) {
			f.w.Log.Line(trace.Server, printable(l))
		}
	}
	return f.w.Send(b)
}

// sendData sends a stretch of a literal.
func (f *front) sendData(b []byte) error {
	if err := f.emitData(b); err != nil {
		return err
	}
	f.w.Log.Text(trace.Server, b, len(b))
	return f.w.Send(b)
}

// Close is the library's last word.
func (f *front) Close() error {
	f.closing.Do(func() {
		if f.ended == nil && !f.saidBye() {
			f.bye("Something went wrong here") // the library gave up
		}
		close(f.done)
	})
	return nil
}

// saidBye reports whether the client was told that this is the end.
func (f *front) saidBye() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.silent || f.loggedOut
}

// LocalAddr is that of the connection.
func (f *front) LocalAddr() net.Addr { return f.raw.LocalAddr() }

// RemoteAddr is the client's.
func (f *front) RemoteAddr() net.Addr { return f.raw.RemoteAddr() }

// SetDeadline does nothing: the front has deadlines of its own.
func (f *front) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (f *front) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (f *front) SetWriteDeadline(time.Time) error { return nil }
