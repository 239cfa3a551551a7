package maillog

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a Sink.
const (
	maxHeld   = 1 << 20     // bytes that wait for a slow reader; further lines are lost and counted
	keepHeld  = 64 << 10    // of memory when nothing waits
	closeTime = time.Second // for what waits, when the Sink is closed
)

// Sink is the end of a log: a file, a terminal or a pipe, on which nobody who writes
// a line ever waits. Lines are held for a reader that is slow; when there are too
// many, further ones are lost, and as soon as there is room again a line tells how
// many.
type Sink struct {
	format Format
	to     io.Writer
	ended  chan struct{} // closed when everything is written

	mu     sync.Mutex // never held while to is written
	more   sync.Cond  // something was added, or the Sink was closed
	held   []byte
	lost   uint64 // lines since the last that told of them
	closed bool
}

// NewSink writes to w until Close.
func NewSink(w io.Writer, f Format) *Sink {
	s := &Sink{format: f, to: w, ended: make(chan struct{})}
	s.more.L = &s.mu
	go s.run()
	return s
}

// Handler is for lines of any kind: the mail log's, and warnings and errors of the
// program.
func (s *Sink) Handler() slog.Handler { return s.format.handler(s) }

// Write holds one line, with its end.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.held)+len(line) > maxHeld {
		s.lost++
		return len(line), nil
	}
	s.held = append(s.held, line...)
	s.more.Signal()
	return len(line), nil
}

// Close waits until what is held is written, for a second at most: a reader that
// does not read holds up no stop.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	s.more.Signal()
	s.mu.Unlock()
	late := time.NewTimer(closeTime)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
	}
}

// run writes what is held, all that is there in one write.
func (s *Sink) run() {
	defer close(s.ended)
	var spare []byte
	owed := uint64(0) // lost lines that are still to be told of
	for {
		lines, lost, ok := s.next(spare)
		if !ok {
			return
		}
		owed += lost
		if _, err := s.to.Write(lines); err != nil { // a full disk, a reader that has gone
			owed += uint64(bytes.Count(lines, []byte("\n")))
		} else if owed > 0 && s.tell(owed) == nil {
			owed = 0
		}
		if spare = lines[:0]; cap(spare) > keepHeld {
			spare = nil
		}
	}
}

// tell writes how many lines are lost.
func (s *Sink) tell(lines uint64) error {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of this log are lost: nobody took them", 0)
	r.AddAttrs(slog.Uint64("lines", lines))
	return s.format.handler(s.to).Handle(context.Background(), r)
}

// next waits for lines and takes them; spare is memory for those that come
// meanwhile. It is false when there are no more.
func (s *Sink) next(spare []byte) (lines []byte, lost uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) == 0 && s.lost == 0 && !s.closed {
		s.more.Wait()
	}
	if len(s.held) == 0 && s.lost == 0 {
		return nil, 0, false
	}
	lines, lost = s.held, s.lost
	s.held, s.lost = spare, 0
	return lines, lost, true
}
