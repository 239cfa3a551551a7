package api

import (
	"context"
	"net/http"
	"sync"
)

// Bounds of streams at one time. More are told 503.
const (
	maxStreams          = 64
	maxStreamsOfAccount = 16 // so that one reader of mail cannot take all
)

// slots counts the streams under way.
type slots struct {
	mu    sync.Mutex
	all   int
	byOne map[string]int // by account
}

func newSlots() *slots { return &slots{byOne: map[string]int{}} }

// take makes room for a stream of an account, which is "" for callers without one.
// What it returns gives the room back.
func (s *slots) take(account string) (give func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all >= maxStreams:
		return nil, fault(http.StatusServiceUnavailable, "there are %d streams already; close another page", maxStreams)
	case account != "" && s.byOne[account] >= maxStreamsOfAccount:
		return nil, fault(http.StatusServiceUnavailable, "%s follows %d streams already; close another page", account, maxStreamsOfAccount)
	}
	s.all++
	s.byOne[account]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.byOne[account]--; s.byOne[account] == 0 {
			delete(s.byOne, account)
		}
	}, nil
}

// underWay is how many streams there are.
func (s *slots) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// turn waits for one of a few places, as many as the channel holds, until ctx ends.
// What it returns gives the place back.
func turn(ctx context.Context, places chan struct{}) (done func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, fault(http.StatusServiceUnavailable, "too much is asked for at this time; try again")
	}
}
