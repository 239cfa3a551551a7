// Package intercept stops, edits and answers lines of SMTP and IMAP connections: all of
// them, those that a breakpoint names, or each for a while in slow motion. Rules make
// servers fail in the way a lesson needs. Its Interceptor is a wire.Interceptor.
package intercept

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Bounds of a Interceptor.
const (
	ReleaseAfter = time.Minute // a line that nobody minds goes on after it
	MaxHeld      = 1000        // lines that wait at one time; more pass
	MaxRules     = 200         // breakpoints, and as many fault rules
)

// Interceptor is one for all nodes of a lab.
//
// A line between two nodes of the lab passes the interceptor twice, at either end. It
// waits once, where it is said: a command at the node that sends it, a reply at
// the node that gives it. A breakpoint that names the other node holds it there.
type Interceptor struct {
	clock wire.Clock
	known func(string) string // see Options.Journey

	mu      sync.Mutex
	closed  chan struct{}
	paused  bool
	speed   float64
	hurry   chan struct{} // closed when the speed changes
	breaks  []Breakpoint
	faults  []*rule
	held    []*heldLine // oldest first
	last    uint64      // number given to an item or rule
	changed chan struct{}

	links links

	busy   atomic.Bool // a line may have to wait; not set, lines pass without mu
	waited atomic.Bool // a line had to wait, at some time
}

// heldLine is a line that waits.
type heldLine struct {
	Held
	line wire.Line
	c    chan wire.Verdict // capacity 1
}

// Options of a Interceptor.
type Options struct {
	// Clock is by which lines wait and are released. A lab gives the system's, so
	// that a jump of its own clock lets nothing go.
	Clock wire.Clock
	// Journey turns the id by which a server knows a message into the journey's, or
	// into "" if there is none yet; nil takes them as they are.
	Journey func(raw string) string
}

// New makes an interceptor at which nothing waits.
func New(o Options) *Interceptor {
	if o.Journey == nil {
		o.Journey = func(raw string) string { return raw }
	}
	return &Interceptor{
		clock: o.Clock, known: o.Journey, closed: make(chan struct{}), hurry: make(chan struct{}),
		links: links{of: map[pair]*link{}},
	}
}

// Close lets everything go, now and from now on.
func (d *Interceptor) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return
	}
	close(d.closed)
	d.releaseAll()
	d.tell()
}

func (d *Interceptor) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// Idle reports that no line has to wait: there is no pause, no slow motion and no
// rule.
func (d *Interceptor) Idle() bool { return !d.busy.Load() }

// Intercept is where a line waits.
func (d *Interceptor) Intercept(ctx context.Context, p wire.Line) wire.Verdict {
	if d.Idle() {
		return wire.Verdict{}
	}
	d.mu.Lock()
	if d.isClosed() {
		d.mu.Unlock()
		return wire.Verdict{}
	}
	way, mirror := d.links.meet(p)
	v, delay := d.judge(p)
	pace, hurry := d.pace(mirror), d.hurry
	d.mu.Unlock()

	if delay > 0 {
		d.delay(ctx, p, way, delay, nil)
	}
	if pace > 0 && v.Action == wire.Pass {
		d.delay(ctx, p, way, pace, hurry)
	}
	if v.Action != wire.Pass {
		return v
	}
	h := d.hold(ctx, p, way, mirror)
	if h.Note == "" {
		h.Note = v.Note
	}
	return h
}

// pace is how long a line waits in slow motion.
func (d *Interceptor) pace(mirror bool) time.Duration {
	if d.speed == 0 || mirror {
		return 0
	}
	return time.Duration(float64(time.Second) / d.speed)
}

// delay waits for a while, less if hurry is closed.
func (d *Interceptor) delay(ctx context.Context, p wire.Line, way *link, t time.Duration, hurry <-chan struct{}) {
	ring, stop := d.clock.After(t)
	defer stop()
	d.mu.Lock()
	d.pause(way)
	d.mu.Unlock()
	wait(p)
	select {
	case <-ring:
	case <-hurry:
	case <-d.closed:
	case <-ctx.Done():
	}
	d.mu.Lock()
	way.unstand()
	d.mu.Unlock()
}

// pause counts a line that waits on a connection.
func (d *Interceptor) pause(way *link) {
	d.waited.Store(true)
	way.stand()
}

func wait(p wire.Line) {
	if p.Waits != nil {
		p.Waits()
	}
}

// hold lets the line wait if something catches it.
func (d *Interceptor) hold(ctx context.Context, p wire.Line, way *link, mirror bool) wire.Verdict {
	d.mu.Lock()
	why := d.catch(p, mirror)
	d.mu.Unlock()
	if why == "" {
		return wire.Verdict{}
	}
	ring, stop := d.clock.After(ReleaseAfter)
	defer stop()
	d.mu.Lock()
	why = d.catch(p, mirror) // it may be resumed meanwhile
	if why == "" || len(d.held) >= MaxHeld || d.isClosed() || ctx.Err() != nil {
		d.mu.Unlock()
		return wire.Verdict{}
	}
	d.last++
	it := &heldLine{Held: heldOf(p, d.last, why, d.clock.Now()), line: p, c: make(chan wire.Verdict, 1)}
	d.held = append(d.held, it)
	d.pause(way)
	d.tell()
	d.mu.Unlock()

	wait(p)
	var v wire.Verdict
	select {
	case v = <-it.c:
	case <-ring:
		v.Note = "let go by itself after " + ReleaseAfter.String()
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.take(it) { // somebody decided at the same moment
		select {
		case v = <-it.c:
		default:
		}
	}
	way.unstand()
	d.tell()
	return v
}

// take removes an item from the list, unless that was done before.
func (d *Interceptor) take(it *heldLine) bool {
	for i, h := range d.held {
		if h == it {
			d.held = append(d.held[:i:i], d.held[i+1:]...)
			return true
		}
	}
	return false
}

// decide lets an item go with a verdict.
func (d *Interceptor) decide(it *heldLine, v wire.Verdict) {
	if d.take(it) {
		it.c <- v
	}
}

func (d *Interceptor) releaseAll() {
	for len(d.held) > 0 {
		d.decide(d.held[0], wire.Verdict{})
	}
}

// catch names what holds the line: "pause" or the id of a breakpoint.
func (d *Interceptor) catch(p wire.Line, mirror bool) string {
	for i := range d.breaks {
		b := &d.breaks[i]
		if mirror && b.Node == "" {
			continue
		}
		if b.matches(p) && (b.Journey == "" || b.Journey == d.journey(p.Journey)) {
			return b.ID
		}
	}
	if d.paused && !mirror {
		return Pause
	}
	return ""
}

// journey is the id of the journey of which a server's id is one.
func (d *Interceptor) journey(raw string) string {
	if raw == "" {
		return ""
	}
	if id := d.known(raw); id != "" {
		return id
	}
	return raw
}

// Paused is for how long lines of a connection had to wait; see wire.Interceptor.
func (d *Interceptor) Paused(a, b string) time.Duration {
	if !d.waited.Load() {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.links.stood(a, b)
}

// Changed is closed when the State is another.
func (d *Interceptor) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.changed
}

// tell wakes those who watch, after something changed.
func (d *Interceptor) tell() {
	d.busy.Store(!d.isClosed() && (d.paused || d.speed != 0 || len(d.breaks) > 0 || len(d.faults) > 0))
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

func heldOf(p wire.Line, n uint64, why string, now time.Time) Held {
	state := StateCommand
	switch {
	case p.Data:
		state = StateText
	case p.Dir == trace.Server:
		state = StateReply
	}
	return Held{
		ID: idOf("h", n), Node: p.Node, Conn: p.Conn, Proto: p.Proto, Dir: p.Dir, Text: p.Text, Size: p.Size,
		Command: p.Command, Secret: p.Secret, State: state, Journey: p.Journey, Why: why,
		Since: now, Releases: now.Add(ReleaseAfter),
	}
}
