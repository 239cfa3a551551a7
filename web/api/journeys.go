package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"glassmail/trace"
)

func (a *API) journeyRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/journeys", Role: Looker, Handle: a.journeys},
		{Method: "GET", Path: "/journeys/{id}", Role: Looker, Handle: a.journey},
		{Method: "GET", Path: "/trace.jsonl", Role: Looker, Patience: transferTime, Handle: a.traceFile},
	}
}

func (a *API) hasJourneys() error {
	if a.o.Journeys == nil {
		return absent("this server keeps no journeys")
	}
	return nil
}

func (a *API) journeys(c *Call) error {
	if err := a.hasJourneys(); err != nil {
		return err
	}
	q, err := c.text("q", maxQuery)
	if err != nil {
		return err
	}
	limit, err := c.number("limit", 50, 1, 500)
	if err != nil {
		return err
	}
	found, next := a.o.Journeys.List(trace.Query{Text: q, Before: c.URL.Query().Get("before"), Limit: limit})
	out := items(found)
	out.Next = next
	return c.JSON(out)
}

// journey answers with all of one journey; with .jsonl behind its id, as a file
// that can be opened later.
func (a *API) journey(c *Call) error {
	if err := a.hasJourneys(); err != nil {
		return err
	}
	id := c.PathValue("id")
	if plain, ok := strings.CutSuffix(id, ".jsonl"); ok {
		return a.journeyFile(c, plain)
	}
	d, ok := a.o.Journeys.Get(id)
	if !ok {
		return unknownJourney()
	}
	return c.JSON(d)
}

func unknownJourney() error {
	return fault(http.StatusNotFound, "there is no such journey, or it is too old to be kept")
}

func (a *API) journeyFile(c *Call, id string) error {
	var out bytes.Buffer
	ok, err := a.o.Journeys.Export(&out, id, a.o.now())
	if err != nil {
		return err
	}
	if !ok {
		return unknownJourney()
	}
	c.file("application/jsonl", "journey.jsonl")
	_, err = out.WriteTo(c.W)
	return sent(err)
}

// file announces an answer that is to be saved.
func (c *Call) file(kind, name string) {
	h := c.W.Header()
	isolate(h, inert)
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// traceFile is every event that is kept, one JSON object a line.
func (a *API) traceFile(c *Call) error {
	c.file("application/jsonl", "trace.jsonl")
	out := json.NewEncoder(c.W)
	for _, e := range a.o.Trace.Since(0) {
		if err := out.Encode(e); err != nil {
			return sent(err)
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
