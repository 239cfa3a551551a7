package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"glassmail/trace"
)

// ChangeKind is the one fact that is different in a repetition.
type ChangeKind string

// Kinds of change.
const (
	ChangeMXDown      ChangeKind = "mx-down"      // Host refuses connections; "" is the first host for the recipient's mail
	ChangeTTL         ChangeKind = "ttl"          // the MX records of the recipient's domain live Seconds
	ChangeReply       ChangeKind = "reply"        // Node answers Command with Text
	ChangeHeader      ChangeKind = "header"       // the field Name is Text; without Text it is left out
	ChangeSubject     ChangeKind = "subject"      // Subject is Text, in any language
	ChangeStartTLSOff ChangeKind = "starttls-off" // Node refuses STARTTLS
)

// Change is one fact that is different.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Host    string     `json:"host,omitempty"`
	Node    string     `json:"node,omitempty"` // "" is the recipient's
	Command string     `json:"command,omitempty"`
	Name    string     `json:"name,omitempty"`
	Text    string     `json:"text,omitempty"`
	Seconds int        `json:"seconds,omitempty"`
}

// Repetition is what became of a message that was sent again.
type Repetition struct {
	Journey string      `json:"journey"` // of the new message
	State   trace.State `json:"state"`   // when watching ended
	Steps   int         `json:"steps"`
	Note    string      `json:"note,omitempty"` // what could not be as it was
}

// Errors of a WhatIf that are the caller's. The text around them says what and how
// to mend it.
var (
	ErrNoJourney = errors.New("is not known any more")
	ErrNoChange  = errors.New("cannot be changed")
)

// WhatIf sends messages again with one fact changed.
type WhatIf interface {
	// WhatIf repeats a journey and returns when the new message has come to rest.
	// ErrNoJourney, ErrNoChange.
	WhatIf(ctx context.Context, journey string, c Change) (Repetition, error)
}

// repeatTime is the longest that a repetition may take.
const repeatTime = 2 * time.Minute

func (a *API) whatIfRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/whatif", Role: Operator, MaxBody: smallBody, Patience: repeatTime, Handle: a.whatIf},
		{Method: "GET", Path: "/whatif/compare", Role: Viewer, Handle: a.compare},
	}
}

func (a *API) whatIf(c *Call) error {
	if a.o.WhatIf == nil {
		return absent("messages cannot be sent again here: that is for a lab")
	}
	var in struct {
		Journey string `json:"journey"`
		Change  Change `json:"change"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	r, err := a.o.WhatIf.WhatIf(c.Context(), in.Journey, in.Change)
	switch {
	case errors.Is(err, ErrNoJourney):
		return fault(http.StatusNotFound, "%v", err)
	case errors.Is(err, ErrNoChange):
		return fault(http.StatusUnprocessableEntity, "%v", err)
	case err != nil:
		return err
	}
	return c.JSON(r)
}

// compare lays two journeys side by side.
func (a *API) compare(c *Call) error {
	var found [2]trace.Detail
	for i, key := range []string{"a", "b"} {
		id, err := c.text(key, 200)
		if err != nil {
			return err
		}
		d, ok := a.o.Journeys.Get(id)
		if !ok {
			return fault(http.StatusNotFound, "%s=%q: this journey %v", key, id, ErrNoJourney)
		}
		found[i] = d
	}
	return c.JSON(trace.Compare(found[0], found[1]))
}
