package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"glassmail/trace"
)

// Bounds of a stream of events.
const (
	keepAlive  = 15 * time.Second // a comment is sent when nothing happens
	writeLimit = 30 * time.Second // a reader that takes nothing for so long is dropped
)

// node tells the page what it looks at.
func (s *Server) node(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"nodes": s.o.Nodes})
}

// events is a stream of server-sent events, one JSON object per event of the
// trace. ?since=SEQ, or Last-Event-ID after a break, tells where to go on;
// without either it begins with what is still kept. Events that were lost on the
// way are one event of the kind "gap".
func (s *Server) events(streams context.Context, w http.ResponseWriter, r *http.Request) {
	since, err := position(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "too many readers at this time", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	past, sub := s.o.Trace.Subscribe(since)
	defer sub.Close()
	for _, e := range past {
		if send(w, out, e) != nil {
			return
		}
	}
	if out.Flush() != nil {
		return
	}
	for {
		if err := follow(streams, r.Context(), w, out, sub); err != nil {
			return
		}
	}
}

// follow sends what comes next, and what has gathered behind it, in one write.
func follow(streams, client context.Context, w http.ResponseWriter, out *http.ResponseController, sub *trace.Subscription) error {
	tick := time.NewTimer(keepAlive)
	defer tick.Stop()
	out.SetWriteDeadline(time.Now().Add(keepAlive + writeLimit))
	select {
	case <-streams.Done():
		return streams.Err()
	case <-client.Done():
		return client.Err()
	case <-tick.C:
		if _, err := fmt.Fprint(w, ": nothing new\n\n"); err != nil {
			return err
		}
	case e := <-sub.C:
		if err := send(w, out, e); err != nil {
			return err
		}
		for len(sub.C) > 0 {
			if err := send(w, out, <-sub.C); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

func send(w http.ResponseWriter, out *http.ResponseController, e trace.Event) error {
	out.SetWriteDeadline(time.Now().Add(writeLimit))
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", e.Seq, b)
	return err
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
		return 0, fmt.Errorf("since=%q is no event number", v)
	}
	return n, nil
}
