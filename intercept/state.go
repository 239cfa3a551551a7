package intercept

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Pause is the reason of a line that waits because everything is paused.
const Pause = "pause"

// HeldState tells what waits.
type HeldState string

// What can wait.
const (
	StateCommand HeldState = "command" // a line of the client
	StateReply   HeldState = "reply"   // a line of the server
	StateText    HeldState = "text"    // message text, which can only pass
)

// Held is one line that waits.
type Held struct {
	ID       string         `json:"id"`
	Node     string         `json:"node"`
	Conn     uint64         `json:"conn"`
	Proto    trace.Protocol `json:"proto"`
	Dir      trace.Dir      `json:"dir"`
	Text     string         `json:"text"`
	Size     int            `json:"size,omitempty"`    // bytes of message text
	Command  string         `json:"command,omitempty"` // it is, or answers
	Secret   bool           `json:"secret,omitempty"`  // it holds a password: it cannot be edited
	State    HeldState      `json:"state"`
	Journey  string         `json:"journey,omitempty"`
	Why      string         `json:"why"` // "pause", or the id of a breakpoint
	Since    time.Time      `json:"since"`
	Releases time.Time      `json:"releases"` // when it goes on by itself
}

// State is all that a page shows of a Interceptor.
type State struct {
	Enabled     bool         `json:"enabled"`
	Paused      bool         `json:"paused"`
	Speed       float64      `json:"speed"` // lines per second and connection; 0 is as fast as can be
	Breakpoints []Breakpoint `json:"breakpoints"`
	Held        []Held       `json:"held"` // oldest first
}

// Errors of what a person asks of a Interceptor. The texts around them say what and how
// to mend it.
var (
	ErrNotFound = errors.New("not found")
	ErrInvalid  = errors.New("cannot be")
)

// State is what the interceptor looks like now.
func (d *Interceptor) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := State{Enabled: !d.isClosed(), Paused: d.paused, Speed: d.speed,
		Breakpoints: append([]Breakpoint{}, d.breaks...), Held: make([]Held, 0, len(d.held))}
	for _, it := range d.held {
		h := it.Held
		h.Journey = d.journey(h.Journey)
		s.Held = append(s.Held, h)
	}
	return s
}

// Pause makes every line wait from now on.
func (d *Interceptor) Pause() { d.setPaused(true) }

// Resume lets go all that waits, and what comes, unless a breakpoint holds it.
func (d *Interceptor) Resume() { d.setPaused(false) }

func (d *Interceptor) setPaused(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = on
	if !on {
		d.releaseAll()
	}
	d.tell()
}

// Step lets exactly one line go, the oldest or that with the id, and pauses what
// follows. ErrNotFound if none waits.
func (d *Interceptor) Step(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = true
	defer d.tell()
	it, err := d.find(id)
	if err == nil {
		d.decide(it, wire.Verdict{})
	}
	return err
}

// find returns an item; "" is the oldest.
func (d *Interceptor) find(id string) (*heldLine, error) {
	for _, it := range d.held {
		if id == "" || it.ID == id {
			return it, nil
		}
	}
	if id == "" {
		return nil, fmt.Errorf("a line to let go was %w: none waits", ErrNotFound)
	}
	return nil, fmt.Errorf("the line %s was %w: it went on meanwhile; look again at what waits", id, ErrNotFound)
}

// SetSpeed sets the slow motion: 0.1 to 10 lines per second on each connection, 0
// for as fast as can be. ErrInvalid.
func (d *Interceptor) SetSpeed(linesPerSecond float64) error {
	if linesPerSecond != 0 && !(linesPerSecond >= 0.1 && linesPerSecond <= 10) {
		return fmt.Errorf("a speed of %v %w: it is 0.1 to 10 lines per second, or 0 for as fast as can be", linesPerSecond, ErrInvalid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.speed = linesPerSecond
	close(d.hurry)
	d.hurry = make(chan struct{})
	d.tell()
	return nil
}

// Deeds that a person can do to a line that waits.
const (
	DeedPass = "pass"
	DeedEdit = "edit"
	DeedDrop = "drop"
)

// Do lets a line go as it is, edited, or not at all. An edited command is what
// the server obeys; an edited reply is what the client reads, while the server
// goes on as if it had said its own. ErrNotFound, ErrInvalid.
func (d *Interceptor) Do(id, deed, text string) error {
	if id == "" {
		return fmt.Errorf("a line without an id was %w", ErrNotFound)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	it, err := d.find(id)
	if err != nil {
		return err
	}
	v := wire.Verdict{}
	switch deed {
	case DeedPass:
	case DeedDrop:
		v.Action = wire.Drop
	case DeedEdit:
		if err := line(text); err != nil {
			return err
		}
		v.Action, v.Text = wire.Edit, text
	default:
		return fmt.Errorf("%q %w done to a line: it is %s, %s or %s", deed, ErrInvalid, DeedPass, DeedEdit, DeedDrop)
	}
	switch {
	case it.line.Data && v.Action != wire.Pass:
		return fmt.Errorf("message text %w edited or dropped here, only passed", ErrInvalid)
	case it.line.Secret && v.Action == wire.Edit:
		return fmt.Errorf("a line with a password %w edited", ErrInvalid)
	}
	d.decide(it, v)
	d.tell()
	return nil
}

// line checks a text that shall be one line.
func line(text string) error {
	switch {
	case len(text) > wire.MaxEdit:
		return fmt.Errorf("a line of %d bytes %w: at most %d", len(text), ErrInvalid, wire.MaxEdit)
	case strings.ContainsAny(text, "\r\n\x00"):
		return fmt.Errorf("a line with a line end or a NUL in it %w", ErrInvalid)
	}
	return nil
}

func idOf(kind string, n uint64) string { return kind + strconv.FormatUint(n, 10) }
