package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"glassmail/auth"
)

// Bounds of streams at one time. More are told 503.
const (
	maxStreams          = 64
	maxStreamsOfAccount = 16 // so that one reader of mail cannot take all
)

// slots counts what is under way at one time, in all and for each account.
type slots struct {
	most, mostOfAccount int

	mu    sync.Mutex
	all   int
	byOne map[string]int // by account
}

func newSlots(most, mostOfAccount int) *slots {
	return &slots{most: most, mostOfAccount: mostOfAccount, byOne: map[string]int{}}
}

// What take returns when there is no room.
var (
	errMany          = errors.New("too many are under way")
	errManyOfAccount = errors.New("too many of the account are under way")
)

// take makes room for one of an account, which is "" for callers without one, who
// are bounded in all only. What it returns gives the room back.
func (s *slots) take(account string) (give func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all >= s.most:
		return nil, errMany
	case account != "" && s.byOne[account] >= s.mostOfAccount:
		return nil, errManyOfAccount
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

// enterStream makes room for a stream.
func (c *Call) enterStream(a *API) (leave func(), err error) {
	leave, err = a.streams.take(c.Caller.Account)
	switch {
	case errors.Is(err, errManyOfAccount):
		err = fault(http.StatusServiceUnavailable, "%s follows %d streams already; close another page", c.Caller.Account, a.streams.mostOfAccount)
	case errors.Is(err, errMany):
		err = fault(http.StatusServiceUnavailable, "there are %d streams already; close another page", a.streams.most)
	}
	return leave, err
}

// underWay is how many there are.
func (s *slots) underWay() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// turn waits for one of a few places, which accounts have in turn, until ctx ends.
// What it returns gives the place back.
func turn(ctx context.Context, places *auth.Turns, account string) (done func(), err error) {
	if err := places.Take(ctx, account); err != nil {
		return nil, err
	}
	return places.Give, nil
}
