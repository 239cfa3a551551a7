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
	keepAlive   = 15 * time.Second       // a comment is sent when nothing happens
	writeLimit  = 30 * time.Second       // a reader that takes nothing for so long is dropped
	pace        = 100 * time.Millisecond // between two batches of a stream that does not tell everything
	mostAtOnce  = 1000                   // events between two flushes
	pastSeconds = 10                     // of a stream with a rate: so much is sent of the past, and saved up in quiet times
	leastRate   = 10                     // events a second that a reader may ask for
	mostRate    = 100000                 //
)

// feed writes server-sent events to one reader.
type feed struct {
	call *Call
	out  *http.ResponseController
}

// open begins a stream, if there is room for one more. The function it returns
// must be called at its end.
func (a *API) open(c *Call) (f *feed, end func(), err error) {
	if end, err = c.enterStream(a); err != nil {
		return nil, nil, err
	}
	c.W.Header().Set("Content-Type", "text/event-stream")
	return &feed{c, http.NewResponseController(c.W)}, end, nil
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

// rest lets things gather.
func (f *feed) rest() error {
	tick := time.NewTimer(pace)
	defer tick.Stop()
	select {
	case <-f.call.Ended:
		return http.ErrServerClosed
	case <-f.call.Context().Done():
		return f.call.Context().Err()
	case <-tick.C:
		return nil
	}
}

// events streams the trace, one JSON object per event. ?since=SEQ, or
// Last-Event-ID after a break, tells where to go on; without either it begins
// with what is still kept. ?journey=ID selects one message; ?lang=en or th adds
// what each event means; ?rate=N sends about N events a second at most, for a page
// that draws them. What a quiet time left over may be used at once, for ten seconds'
// worth of events, so that a whole dialogue is shown; then each tenth of a second has
// the newest. Of one message all are sent. Events that were left out or lost on the way are one event of the
// kind "gap".
func (a *API) events(c *Call) error {
	since, err := position(c.Request)
	if err != nil {
		return err
	}
	rate, err := c.number("rate", 0, leastRate, mostRate)
	if err != nil {
		return err
	}
	f, end, err := a.open(c)
	if err != nil {
		return err
	}
	defer end()
	s := &eventStream{feed: f, rate: rate, journey: c.URL.Query().Get("journey")}
	if s.journey != "" {
		s.rate = 0 // of one message all is shown
	}
	if words := a.words[c.URL.Query().Get("lang")]; words != nil {
		s.reader = words.Reader()
	}
	s.trace, s.room, s.counted = a.o.Trace.Follow(since), float64(s.rate*pastSeconds), time.Now()
	if s.sendAll(s.allowance()) != nil { // the flush tells the reader that the stream is open
		return nil
	}
	for s.follow() == nil {
	}
	return nil
}

// eventStream is the trace on its way to one reader.
type eventStream struct {
	*feed
	trace   *trace.Follower
	rate    int             // events a second at most; 0 sends all
	room    float64         // events that may be sent now
	counted time.Time       // when room was
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

// follow waits for what comes next and sends it, and what has gathered behind it,
// in one write.
func (s *eventStream) follow() error {
	tick := time.NewTimer(keepAlive)
	defer tick.Stop()
	ready, drop := s.trace.Ready()
	defer drop()
	select {
	case <-s.call.Ended:
		return http.ErrServerClosed
	case <-s.call.Context().Done():
		return s.call.Context().Err()
	case <-tick.C:
		return s.pulse()
	case <-ready:
	}
	if err := s.sendAll(s.allowance()); err != nil || s.rate == 0 {
		return err
	}
	return s.rest()
}

// allowance is how many events may be sent now; 0 is all.
func (s *eventStream) allowance() int {
	now := time.Now()
	s.room = min(s.room+now.Sub(s.counted).Seconds()*float64(s.rate), float64(s.rate*pastSeconds))
	s.counted = now
	return max(int(s.room), s.rate*int(pace)/int(time.Second))
}

// sendAll sends what is there, but not more than the newest most events; 0 is all.
func (s *eventStream) sendAll(most int) error {
	limit := mostAtOnce
	var batch []trace.Event
	if most > 0 {
		limit, batch = most, s.trace.Newest(most)
	}
	for sent := 0; ; {
		for _, e := range batch {
			if err := s.send(e); err != nil {
				return err
			}
		}
		s.room = max(s.room-float64(len(batch)), 0)
		if sent += len(batch); sent >= limit {
			break
		}
		if batch = s.trace.Next(); len(batch) == 0 {
			break
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
