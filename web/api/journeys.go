package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"glassmail/explain"
	"glassmail/pcap"
	"glassmail/trace"
)

func (a *API) journeyRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/journeys", Role: Viewer, Handle: a.journeys},
		{Method: "GET", Path: "/journeys/{id}", Role: Viewer, Handle: a.journey},
		{Method: "GET", Path: "/trace.jsonl", Role: Viewer, Patience: transferTime, Handle: a.traceFile},
		{Method: "GET", Path: "/trace.pcapng", Role: Viewer, Patience: transferTime, Handle: a.traceFilePackets},
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
	if len(strings.Fields(q)) > maxWords {
		return fault(http.StatusBadRequest, "q has more than %d words", maxWords)
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

// journey answers with all of one journey; with .jsonl or .pcapng behind its id,
// as a file that can be opened later.
func (a *API) journey(c *Call) error {
	if err := a.hasJourneys(); err != nil {
		return err
	}
	id := c.PathValue("id")
	if plain, ok := strings.CutSuffix(id, ".jsonl"); ok {
		return a.journeyFile(c, plain)
	}
	if plain, ok := strings.CutSuffix(id, ".pcapng"); ok {
		return a.journeyPackets(c, plain)
	}
	d, ok := a.o.Journeys.Get(id)
	if !ok {
		return unknownJourney()
	}
	words := a.words[c.URL.Query().Get("lang")]
	if words == nil {
		return c.JSON(d)
	}
	reader, steps := words.Reader(), make([]explainedStep, len(d.Steps))
	for i, s := range d.Steps {
		steps[i] = explainedStep{s, reader.Explain(s.Event)}
	}
	return c.JSON(struct {
		trace.Detail
		Steps []explainedStep `json:"steps"`
	}{d, steps})
}

// explainedStep is a step with what it means.
type explainedStep struct {
	trace.Step
	Explain explain.Note `json:"explain"`
}

// journeyPackets is a journey as Wireshark opens it.
func (a *API) journeyPackets(c *Call, id string) error {
	d, ok := a.o.Journeys.Get(id)
	if !ok {
		return unknownJourney()
	}
	events := make([]trace.Event, len(d.Steps))
	for i, s := range d.Steps {
		events[i] = s.Event
	}
	return a.packets(c, "journey.pcapng", events)
}

// traceFilePackets is every event that is kept, as Wireshark opens it.
func (a *API) traceFilePackets(c *Call) error {
	return a.packets(c, "trace.pcapng", a.o.Trace.Since(0))
}

func (a *API) packets(c *Call, name string, events []trace.Event) error {
	words := a.words[c.URL.Query().Get("lang")]
	if words == nil {
		words = explain.New("en")
	}
	c.file("application/x-pcapng", name)
	return sent(pcap.Write(c.W, events, pcap.Options{Words: words}))
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
