package wire

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"glassmail/trace"
)

// MaxEdit is the longest line that a Interceptor can put in the place of another, in
// bytes without the line end.
const MaxEdit = 2000

// Interceptor stands in the way of every line: it sees what a client says before the
// server does, and what a server says before the client does. A lab holds lines
// there, edits and drops them. Its methods are called from many goroutines.
type Interceptor interface {
	// Intercept may take its time; it returns soon after ctx ends. Before it begins to
	// wait it calls p.Waits.
	Intercept(ctx context.Context, p Line) Verdict
	// Idle reports that no line can wait at this time: Intercept need not be asked.
	Idle() bool
	// Paused is for how long, since the Interceptor was made, lines of the connection
	// between two addresses, in either order, had to wait: real time, for its
	// deadlines do not run meanwhile (see Pausable).
	Paused(a, b string) time.Duration
}

// Line is one line on its way, or one stretch of message text.
type Line struct {
	Node    string         // at which it is seen
	Conn    uint64         // number of the connection within the trace
	Proto   trace.Protocol //
	Side    trace.Dir      // what Node is on the connection: Client or Server
	Dir     trace.Dir      // who says it: Client or Server
	Local   string         // Node's address and port
	Remote  string         // the other end's
	Journey string         // as Node calls the message; "" outside of one
	Command string         // the client's command, or the one that is being answered; upper case
	Text    string         // without line end and with secrets masked
	Secret  bool           // something in it was masked, so that it cannot be edited
	Data    bool           // message text or a literal of Size bytes: it passes, or the connection is cut
	Size    int            //
	Waits   func()         // sends what was held back before, so that a wait is seen where it is
}

// Action is what becomes of a line.
type Action uint8

// Actions.
const (
	Pass   Action = iota // it goes on as it is
	Edit                 // Text goes on in its place
	Drop                 // it is swallowed
	Answer               // of a command: it is swallowed, and Text is what its client gets as the reply
	Cut                  // the connection ends here
)

// Verdict is what a Interceptor decides about a Line.
type Verdict struct {
	Action Action
	Text   string // of Edit and Answer: one line without its end
	Note   string // for the trace; "" for none
}

// ErrCut ends a connection that was cut at an Interceptor.
var ErrCut = errors.New("cut at the interceptor")

// Interception is a connection's place at a Interceptor. A nil Interception lets everything
// pass.
type Interception struct {
	interceptor Interceptor
	log         *trace.Conn
	flush       func()
	ctx         context.Context
	cancel      context.CancelFunc

	mu      sync.Mutex
	command string // the newest of the client
}

// NewInterception takes the lines of the connection that log writes about past a
// interceptor; flush sends what is held back. It is nil without an interceptor or without a log.
func NewInterception(g Interceptor, log *trace.Conn, flush func()) *Interception {
	if g == nil || log == nil {
		return nil
	}
	c := &Interception{interceptor: g, log: log, flush: flush}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Release lets go what waits, now and from now on. It may be called more than
// once, by anybody.
func (c *Interception) Release() {
	if c != nil {
		c.cancel()
	}
}

// Idle reports that no line can wait at this time, so that none need be shown.
func (c *Interception) Idle() bool { return c == nil || c.interceptor.Idle() }

// Heard remembers the client's command, which the next replies answer, where the
// interceptor is idle and need not be shown the line. Command does so too.
func (c *Interception) Heard(command string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.command = command
}

// Command takes a line of the client past the interceptor; text is what may be shown of
// it, and secret says that this is not all. Edit is not returned for a secret.
func (c *Interception) Command(command, text string, secret bool) Verdict {
	if c == nil {
		return Verdict{}
	}
	c.Heard(command)
	return c.ask(Line{Dir: trace.Client, Command: command, Text: text, Secret: secret})
}

// Reply takes a line of the server past the interceptor. Answer is not returned.
func (c *Interception) Reply(text string) Verdict {
	if c == nil {
		return Verdict{}
	}
	v := c.ask(Line{Dir: trace.Server, Command: c.newest(), Text: text})
	if v.Action == Answer {
		v.Action = Edit
	}
	return v
}

// Content takes size bytes of message text past the interceptor, of which text is the
// beginning, and tells whether they may go on; if not, the connection is to be
// cut.
func (c *Interception) Content(d trace.Dir, text []byte, size int) bool {
	if c == nil {
		return true
	}
	shown := string(text[:min(len(text), MaxEdit)])
	v := c.ask(Line{Dir: d, Command: c.newest(), Text: shown, Data: true, Size: size})
	return v.Action != Cut
}

// Paused is for how long lines of this connection had to wait, at either end: what
// measures a stretch of time that is longer than one wait takes it off.
func (c *Interception) Paused() time.Duration {
	if c == nil {
		return 0
	}
	b := c.log.Base()
	return c.interceptor.Paused(b.Local, b.Remote)
}

func (c *Interception) newest() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.command
}

// ask completes the point and puts what was decided into the trace.
func (c *Interception) ask(p Line) Verdict {
	if c.Idle() || c.ctx.Err() != nil {
		return Verdict{}
	}
	b := c.log.Base()
	p.Node, p.Conn, p.Proto, p.Side = b.Node, b.Conn, b.Proto, b.Side
	p.Local, p.Remote, p.Journey = b.Local, b.Remote, b.Journey
	p.Waits = c.flush
	v := c.interceptor.Intercept(c.ctx, p)
	switch {
	case p.Data && v.Action != Cut, p.Secret && v.Action == Edit:
		v.Action = Pass
	case v.Action == Edit || v.Action == Answer:
		v.Text = oneLine(v.Text)
	}
	if v.Action == Cut && c.flush != nil {
		c.flush() // what was said before is heard
	}
	c.remark(p, v)
	return v
}

// remark notes what the interceptor did: the transcript goes on with what the other
// side gets, so the note keeps what was said.
func (c *Interception) remark(p Line, v Verdict) {
	said := string(rune(p.Dir)) + ": " + p.Text
	if p.Data {
		said = "message text"
	}
	switch v.Action {
	case Edit:
		c.log.Note("edited on the way; it was " + said)
	case Drop:
		c.log.Note("dropped on the way: " + said)
	case Answer:
		c.log.Note("answered on the way, and not heard by the server: " + said)
	case Cut:
		c.log.Note("the connection was cut on the way of " + said)
	}
	if v.Note != "" {
		c.log.Note(v.Note)
	}
}

// oneLine cuts s to what fits into one line.
func oneLine(s string) string {
	if i := strings.IndexAny(s, "\r\n\x00"); i >= 0 {
		s = s[:i]
	}
	return s[:min(len(s), MaxEdit)]
}
