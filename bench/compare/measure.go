package main

import (
	"context"
	"fmt"
	"time"
)

// run is one subject under one load, once.
type run struct {
	Subject  string   `json:"subject"`
	Scenario scenario `json:"scenario"`
	Round    int      `json:"round"`

	Messages  int     `json:"messages"`
	Seconds   float64 `json:"seconds"`   // to the last 250
	Accepted  float64 `json:"accepted"`  // messages a second
	Delivered float64 `json:"delivered"` // messages a second, until all are in the mailbox; 0 where none is kept
	Reply     spread  `json:"reply"`     // from the end of DATA to the 250
	Whole     spread  `json:"whole"`     // the whole transaction

	CPU     float64 `json:"cpu"`      // the server's seconds per 1,000 messages, deliveries included
	LoadCPU float64 `json:"load_cpu"` // the load generator's
	Memory  int64   `json:"memory"`   // bytes, the most that was seen
	Disk    float64 `json:"disk"`     // bytes per message, after delivery
	Frame   float64 `json:"frame"`    // longest time between two frames of a page, in milliseconds; 0 without pages
}

// deliveryTime bounds the wait for the deliveries of one run.
const deliveryTime = time.Minute

// state is what is counted before and after a run.
type state struct {
	cpu       time.Duration
	disk      int64
	delivered int
}

func stateOf(ctx context.Context, s *subject) (state, error) {
	var st state
	var err error
	if s.delivered != nil {
		if st.delivered, err = s.delivered(ctx); err != nil {
			return st, err
		}
		if st.disk, err = diskUse(s.data); err != nil {
			return st, err
		}
	}
	st.cpu, err = s.group.cpu()
	return st, err
}

// measure puts a load on a subject and waits until all is delivered.
func measure(ctx context.Context, s *subject, sc scenario, l load) (run, error) {
	r := run{Subject: s.name, Scenario: sc}
	before, err := stateOf(ctx, s)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	if _, err := s.longestFrame(ctx); err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	watched := watchMemory(s.group)
	began := time.Now()
	o, err := sendWith(ctx, sc.Tool, s.addr, l)
	if err == nil {
		err = allDelivered(ctx, s, before.delivered+o.accepted)
	}
	whole := time.Since(began)
	r.Memory = watched()
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	after, err := stateOf(ctx, s)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	n := float64(o.accepted)
	r.Messages, r.Seconds, r.Accepted = o.accepted, o.took.Seconds(), quotient(n, o.took.Seconds())
	if s.delivered != nil {
		r.Delivered = quotient(n, whole.Seconds())
	}
	r.Reply, r.Whole = spreadOf(o.reply), spreadOf(o.whole)
	r.CPU = quotient((after.cpu-before.cpu).Seconds()*1000, n)
	r.LoadCPU = quotient(o.cpu.Seconds()*1000, n)
	frame, err := s.longestFrame(ctx)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.name, err)
	}
	r.Frame = float64(frame) / float64(time.Millisecond)
	r.Disk = quotient(float64(after.disk-before.disk), n)
	return r, nil
}

func (s *subject) longestFrame(ctx context.Context) (time.Duration, error) {
	if s.frames == nil {
		return 0, nil
	}
	return s.frames(ctx)
}

func sendWith(ctx context.Context, tool, addr string, l load) (outcome, error) {
	if tool == smtpSource {
		return sendBySource(ctx, addr, l)
	}
	return send(ctx, addr, l)
}

// allDelivered waits until bob has exactly want messages.
func allDelivered(ctx context.Context, s *subject, want int) error {
	if s.delivered == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	n := 0
	err := until(ctx, 20*time.Millisecond, func() (ok bool, err error) {
		n, err = s.delivered(ctx)
		return n >= want, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("%d of %d messages were delivered: %w", n, want, err)
	case n > want:
		return fmt.Errorf("there are %d messages, %d were sent", n, want)
	}
	return nil
}

// watchInterval is how often memory is looked at. Looking takes time of the
// kernel, for some hundred processes more than a few milliseconds.
const watchInterval = time.Second

// watchMemory looks until the returned function is called, which tells the most
// that was seen.
func watchMemory(g *group) (most func() int64) {
	end, result := make(chan struct{}), make(chan int64)
	go func() {
		var top int64
		look := func() {
			if n, err := g.memory(); err == nil {
				top = max(top, n)
			}
		}
		t := time.NewTicker(watchInterval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				look()
			case <-end:
				look()
				result <- top
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-result
	}
}
