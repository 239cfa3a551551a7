package api

import (
	"errors"
	"net/http"
	"time"

	"glassmail/intercept"
)

func (a *API) holdRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/hold", Role: Viewer, Handle: a.holdState},
		{Method: "GET", Path: "/hold/changes", Role: Viewer, Stream: true, Handle: a.holdChanges},
		{Method: "POST", Path: "/hold/pause", Role: Operator, Handle: a.holding(func(c *Call) error { a.o.Hold.Pause(); return nil })},
		{Method: "POST", Path: "/hold/resume", Role: Operator, Handle: a.holding(func(c *Call) error { a.o.Hold.Resume(); return nil })},
		{Method: "POST", Path: "/hold/step", Role: Operator, MaxBody: smallBody, Handle: a.holding(a.step)},
		{Method: "PUT", Path: "/hold/speed", Role: Operator, MaxBody: smallBody, Handle: a.holding(a.speed)},
		{Method: "POST", Path: "/hold/breakpoints", Role: Operator, MaxBody: smallBody, Handle: a.addBreakpoint},
		{Method: "DELETE", Path: "/hold/breakpoints/{id}", Role: Operator, Handle: a.holding(func(c *Call) error {
			return a.o.Hold.RemoveBreakpoint(c.PathValue("id"))
		})},
		{Method: "POST", Path: "/hold/held/{id}", Role: Operator, MaxBody: smallBody, Handle: a.holding(a.decide)},
		{Method: "GET", Path: "/faults", Role: Viewer, Handle: a.faults},
		{Method: "POST", Path: "/faults", Role: Operator, MaxBody: smallBody, Handle: a.addFault},
		{Method: "DELETE", Path: "/faults/{id}", Role: Operator, Handle: a.removeFault},
		{Method: "GET", Path: "/clock", Role: Viewer, Handle: a.clock},
		{Method: "POST", Path: "/clock", Role: Operator, MaxBody: smallBody, Handle: a.moveClock},
	}
}

func (a *API) hasHold() error {
	if a.o.Hold == nil {
		return absent("lines cannot be held here: that is for a lab, or for serve with --hold")
	}
	return nil
}

// heldFault says in HTTP what the interceptor said.
func heldFault(err error) error {
	switch {
	case errors.Is(err, intercept.ErrNotFound):
		return fault(http.StatusNotFound, "%v", err)
	case errors.Is(err, intercept.ErrInvalid):
		return fault(http.StatusUnprocessableEntity, "%v", err)
	}
	return err
}

// holding does something at the interceptor and answers with its state.
func (a *API) holding(do func(*Call) error) func(*Call) error {
	return func(c *Call) error {
		if err := a.hasHold(); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return heldFault(err)
		}
		return c.JSON(a.o.Hold.State())
	}
}

func (a *API) holdState(c *Call) error {
	return a.holding(func(*Call) error { return nil })(c)
}

// holdChanges streams the state of the interceptor, now and whenever it is another.
func (a *API) holdChanges(c *Call) error {
	if err := a.hasHold(); err != nil {
		return err
	}
	f, end, err := a.open(c)
	if err != nil {
		return err
	}
	defer end()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		changed := a.o.Hold.Changed()
		if f.send(0, a.o.Hold.State()) != nil || f.out.Flush() != nil {
			return nil
		}
		select {
		case <-c.Ended:
			return nil
		case <-c.Context().Done():
			return nil
		case <-changed:
		case <-tick.C:
		}
	}
}

// step lets one line go: that with the id, or the oldest.
func (a *API) step(c *Call) error {
	var in struct {
		ID string `json:"id"`
	}
	if c.ContentLength != 0 {
		if err := c.Read(&in); err != nil {
			return err
		}
	}
	return a.o.Hold.Step(in.ID)
}

func (a *API) speed(c *Call) error {
	var in struct {
		Speed float64 `json:"speed"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	return a.o.Hold.SetSpeed(in.Speed)
}

func (a *API) addBreakpoint(c *Call) error {
	var in intercept.Breakpoint
	if err := a.hasHold(); err != nil {
		return err
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	b, err := a.o.Hold.AddBreakpoint(in)
	if err != nil {
		return heldFault(err)
	}
	return c.JSON(b)
}

func (a *API) decide(c *Call) error {
	var in struct {
		Action string `json:"action"` // pass, edit or drop
		Text   string `json:"text"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	return a.o.Hold.Do(c.PathValue("id"), in.Action, in.Text)
}

func (a *API) faults(c *Call) error {
	if err := a.hasHold(); err != nil {
		return err
	}
	return c.JSON(items(a.o.Hold.Faults()))
}

func (a *API) addFault(c *Call) error {
	var in intercept.Rule
	if err := a.hasHold(); err != nil {
		return err
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	f, err := a.o.Hold.AddFault(in)
	if err != nil {
		return heldFault(err)
	}
	return c.JSON(f)
}

func (a *API) removeFault(c *Call) error {
	if err := a.hasHold(); err != nil {
		return err
	}
	if err := a.o.Hold.RemoveFault(c.PathValue("id")); err != nil {
		return heldFault(err)
	}
	return c.done()
}

// Clock is a lab's clock, which can jump forward.
type Clock interface {
	Now() time.Time
	Lead() time.Duration // before the system's
	Advance(d time.Duration) error
	JumpTo(t time.Time) error
}

// maxJump bounds one jump of the clock.
const maxJump = 30 * 24 * time.Hour

// appointment is something that waits for a time.
type appointment struct {
	What string    `json:"what"` // next-retry, next-expiry
	Node string    `json:"node"`
	At   time.Time `json:"at"`
}

// appointments are the next attempt and the next message that goes back, of each
// node.
func (a *API) appointments(c *Call) ([]appointment, error) {
	if a.o.Queue == nil {
		return []appointment{}, nil
	}
	all, err := a.o.Queue.QueueEntries(c.Context())
	if err != nil {
		return nil, err
	}
	first := map[appointment]time.Time{}
	for _, e := range all {
		if e.Held {
			continue
		}
		for what, at := range map[string]time.Time{"next-retry": e.Due, "next-expiry": e.Expires} {
			key := appointment{What: what, Node: e.Node}
			if old, ok := first[key]; !ok || at.Before(old) {
				first[key] = at
			}
		}
	}
	out := []appointment{}
	for key, at := range first {
		key.At = at
		out = append(out, key)
	}
	return out, nil
}

func (a *API) clock(c *Call) error {
	if a.o.Clock == nil {
		return absent("the clock cannot be moved here: that is for a lab")
	}
	next, err := a.appointments(c)
	if err != nil {
		return err
	}
	return c.JSON(map[string]any{"now": a.o.Clock.Now(), "offset": a.o.Clock.Lead().String(), "next": next})
}

func (a *API) moveClock(c *Call) error {
	var in struct {
		Advance string `json:"advance"`
		To      string `json:"to"`
	}
	if a.o.Clock == nil {
		return absent("the clock cannot be moved here: that is for a lab")
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	if err := a.jump(c, in.Advance, in.To); err != nil {
		return err
	}
	return a.clock(c)
}

func (a *API) jump(c *Call, advance, to string) error {
	if advance != "" {
		d, err := time.ParseDuration(advance)
		if err != nil || d <= 0 || d > maxJump {
			return fault(http.StatusUnprocessableEntity, "advance: write a time of at most %v, as in 1m", maxJump)
		}
		return a.o.Clock.Advance(d)
	}
	next, err := a.appointments(c)
	if err != nil {
		return err
	}
	var at time.Time
	for _, one := range next {
		if one.What == to && (at.IsZero() || one.At.Before(at)) {
			at = one.At
		}
	}
	if at.IsZero() {
		return fault(http.StatusUnprocessableEntity, "there is no %q to jump to; it may be next-retry or next-expiry, while something waits in a queue", to)
	}
	if at.Before(a.o.Clock.Now()) {
		return nil
	}
	return a.o.Clock.JumpTo(at)
}
