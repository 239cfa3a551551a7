package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"glassmail/explain"
	"glassmail/trace"
)

// Bounds of streams.
const (
	maxStreams = 64               // at one time; more are told 503
	keepAlive  = 15 * time.Second // a comment is sent when nothing happens
	writeLimit = 30 * time.Second // a reader that takes nothing for so long is dropped
)

// feed writes server-sent events to one reader.
type feed struct {
	call *Call
	out  *http.ResponseController
}

// open begins a stream, if there is room for one more. The function it returns
// must be called at its end.
func (a *API) open(c *Call) (f *feed, end func(), err error) {
	select {
	case a.streams <- struct{}{}:
	default:
		return nil, nil, fault(http.StatusServiceUnavailable, "there are %d streams already; close another page", maxStreams)
	}
	c.W.Header().Set("Content-Type", "text/event-stream")
	return &feed{c, http.NewResponseController(c.W)}, func() { <-a.streams }, nil
}

// send writes one event; id 0 leaves the reader's place as it is.
func (f *feed) send(id uint64, v any) error {
	f.out.SetWriteDeadline(time.Now().Add(writeLimit))
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if id != 0 {
		if _, err := fmt.Fprintf(f.call.W, "id: %d\n", id); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(f.call.W, "data: %s\n\n", b)
	return err
}

// pulse keeps a silent stream from looking dead.
func (f *feed) pulse() error {
	f.out.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := fmt.Fprint(f.call.W, ": nothing new\n\n"); err != nil {
		return err
	}
	return f.out.Flush()
}

// events streams the trace, one JSON object per event. ?since=SEQ, or
// Last-Event-ID after a break, tells where to go on; without either it begins
// with what is still kept. ?journey=ID selects one message; ?lang=en or th adds
// what each event means. Events that were lost on the way are one event of the
// kind "gap".
func (a *API) events(c *Call) error {
	since, err := position(c.Request)
	if err != nil {
		return err
	}
	f, end, err := a.open(c)
	if err != nil {
		return err
	}
	defer end()
	s := &eventStream{feed: f, journey: c.URL.Query().Get("journey")}
	if words := a.words[c.URL.Query().Get("lang")]; words != nil {
		s.reader = words.Reader()
	}
	past, sub := a.o.Trace.Subscribe(since)
	defer sub.Close()
	for _, e := range past {
		if s.send(e) != nil {
			return nil
		}
	}
	if f.out.Flush() != nil {
		return nil
	}
	for s.follow(sub) == nil {
	}
	return nil
}

// eventStream is the trace on its way to one reader.
type eventStream struct {
	*feed
	journey string          // "" is all
	reader  *explain.Reader // nil explains nothing
}

// explained is an event with what it means.
type explained struct {
	trace.Event
	Explain explain.Note `json:"explain"`
}

func (s *eventStream) send(e trace.Event) error {
	var note explain.Note
	if s.reader != nil { // it follows connections, so it sees what is not sent too
		note = s.reader.Explain(e)
	}
	if s.journey != "" && e.Journey != s.journey && e.Kind != trace.Gap {
		return nil
	}
	if s.reader != nil {
		return s.feed.send(e.Seq, explained{e, note})
	}
	return s.feed.send(e.Seq, e)
}

// follow sends what comes next, and what has gathered behind it, in one write.
func (s *eventStream) follow(sub *trace.Subscription) error {
	tick := time.NewTimer(keepAlive)
	defer tick.Stop()
	select {
	case <-s.call.Ended:
		return http.ErrServerClosed
	case <-s.call.Context().Done():
		return s.call.Context().Err()
	case <-tick.C:
		return s.pulse()
	case e := <-sub.C:
		if err := s.send(e); err != nil {
			return err
		}
		for len(sub.C) > 0 {
			if err := s.send(<-sub.C); err != nil {
				return err
			}
		}
	}
	return s.out.Flush()
}

func position(r *http.Request) (uint64, error) {
	v := r.Header.Get("Last-Event-ID")
	if v == "" {
		v = r.URL.Query().Get("since")
	}
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fault(http.StatusBadRequest, "since=%q is no event number", v)
	}
	return n, nil
}
