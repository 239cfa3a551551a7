package auth

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// How many failed logins there may be within FailureWindow, where the configuration
// does not say otherwise. A client that guesses one account's password is stopped
// first; an account may fail more often, and an address too, behind which may stand an
// office.
const (
	FailuresOfPair = 10 // of one address at one account
	peerFactor     = 5  // times as many of one address; of a loopback address none count, for it may be a proxy's
	accountFactor  = 10 // times as many at one account
	FailureWindow  = 15 * time.Minute
)

const (
	maxAttempts = 16384               // addresses, accounts and pairs remembered
	trustTime   = 30 * 24 * time.Hour // for which a client that logged in is known as the owner's
)

// Attempts counts failed logins, so that nobody can guess passwords at his leisure
// by connecting again and again. A try is counted before the password is looked at, so
// that many at one time are not more than many after one another. A client that has
// logged in to an account before is stopped by its own failures only: strangers cannot
// lock an owner out. What is known is forgotten when the program ends. A nil *Attempts
// lets everybody try. All methods may be called concurrently.
type Attempts struct {
	limit  int
	failed *Failures
	owners *Failures // pairs that logged in, for as long as they are known

	mu      sync.Mutex
	pending map[string]int // tries whose end is not known, by key
	settled chan struct{}  // closed when one of them ends
}

// NewAttempts counts by a clock; limit is for one address at one account, 0 is
// FailuresOfPair.
func NewAttempts(now func() time.Time, limit int) *Attempts {
	if limit <= 0 {
		limit = FailuresOfPair
	}
	return &Attempts{
		limit: limit, failed: NewFailures(now, FailureWindow, maxAttempts), owners: NewFailures(now, trustTime, maxAttempts),
		pending: map[string]int{}, settled: make(chan struct{}),
	}
}

// TooMany says that a client must not try to log in for a while.
type TooMany struct{ Wait time.Duration }

// Error tells it in minutes.
func (t *TooMany) Error() string {
	return fmt.Sprintf("too many failed logins; try again in %d minutes", int(t.Wait/time.Minute)+1)
}

// bound is a key by which failures are counted, and how many there may be.
type bound struct {
	key   string
	limit int
}

// bounds are those that hold for a client at an account.
func (a *Attempts) bounds(peer netip.Addr, account string) []bound {
	pair := pairKey(peer, account)
	out := []bound{{pair, a.limit}}
	if a.owners.Wait(pair, 1) > 0 {
		return out
	}
	out = append(out, bound{AccountKey(account), accountFactor * a.limit})
	if !peer.Unmap().IsLoopback() {
		out = append(out, bound{PeerKey(peer), peerFactor * a.limit})
	}
	return out
}

// Begin counts a try of a client at an account before its password is looked at. The
// caller ends it with Succeeded, Failed or Cancel; the first of these holds. Where tries
// under way could reach a limit it waits for them. The error is a *TooMany, or that of
// ctx.
func (a *Attempts) Begin(ctx context.Context, peer netip.Addr, account string) (*Try, error) {
	if a == nil {
		return nil, nil
	}
	t := &Try{a: a, pair: pairKey(peer, account), keys: [3]string{PeerKey(peer), AccountKey(account), pairKey(peer, account)}}
	for {
		ok, settled, err := a.reserve(t, a.bounds(peer, account))
		switch {
		case err != nil:
			return nil, err
		case ok:
			return t, nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reserve counts a try in if no bound could be passed by it.
func (a *Attempts) reserve(t *Try, bounds []bound) (ok bool, settled chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range bounds {
		if wait := a.failed.Wait(b.key, b.limit); wait > 0 {
			return false, nil, &TooMany{wait}
		}
	}
	for _, b := range bounds {
		if a.failed.Number(b.key)+a.pending[b.key] >= b.limit {
			return false, a.settled, nil
		}
	}
	for _, key := range t.keys {
		a.pending[key]++
	}
	return true, nil, nil
}

// Try is a login under way. The methods of a nil *Try do nothing.
type Try struct {
	a     *Attempts
	pair  string
	keys  [3]string
	ended bool // under a.mu
}

// Failed counts it as refused.
func (t *Try) Failed() {
	t.end(func(a *Attempts) { a.failed.Count(t.keys[:]...) })
}

// Succeeded forgives the client its failures at the account, and knows it from now on.
func (t *Try) Succeeded() {
	t.end(func(a *Attempts) {
		a.failed.Forget(t.pair)
		a.owners.Forget(t.pair) // the time begins anew
		a.owners.Count(t.pair)
	})
}

// Cancel gives it back: nobody was told whether the password was right. After Failed or
// Succeeded it does nothing, so that it can be deferred.
func (t *Try) Cancel() { t.end(func(*Attempts) {}) }

func (t *Try) end(result func(*Attempts)) {
	if t == nil {
		return
	}
	a := t.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	result(a)
	for _, key := range t.keys {
		if a.pending[key]--; a.pending[key] <= 0 {
			delete(a.pending, key)
		}
	}
	close(a.settled)
	a.settled = make(chan struct{})
}

func pairKey(peer netip.Addr, account string) string {
	return PeerKey(peer) + " " + AccountKey(account)
}
