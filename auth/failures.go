package auth

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
	"time"

	"glassmail/mail"
)

// Failures counts what went wrong, by key, within a window of time from the first
// of each key. All methods may be called concurrently.
type Failures struct {
	now    func() time.Time
	window time.Duration
	most   int

	mu    sync.Mutex
	all   map[string]*list.Element // of *failures
	order *list.List               // the last counted in front
}

type failures struct {
	key   string
	n     int
	since time.Time // of the first
}

// NewFailures remembers at most most keys; those not counted for longest are
// forgotten.
func NewFailures(now func() time.Time, window time.Duration, most int) *Failures {
	return &Failures{now: now, window: window, most: most, all: map[string]*list.Element{}, order: list.New()}
}

// Wait tells how long the window of a key still lasts that was counted limit times;
// zero or less if it was not.
func (f *Failures) Wait(key string, limit int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.all[key]
	if e == nil || e.Value.(*failures).n < limit {
		return 0
	}
	return e.Value.(*failures).since.Add(f.window).Sub(f.now())
}

// Number is how often a key was counted in the window that lasts.
func (f *Failures) Number(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.all[key]
	if e == nil || f.now().Sub(e.Value.(*failures).since) >= f.window {
		return 0
	}
	return e.Value.(*failures).n
}

// Count counts each key once.
func (f *Failures) Count(keys ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	for _, key := range keys {
		one := f.find(key)
		if now.Sub(one.since) >= f.window {
			one.n, one.since = 0, now
		}
		one.n++
	}
}

// Forget counts a key from nothing again.
func (f *Failures) Forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.all[key]; e != nil {
		f.drop(e)
	}
}

// Len is how many keys are remembered.
func (f *Failures) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// find is what is known of a key, which becomes the newest.
func (f *Failures) find(key string) *failures {
	if e := f.all[key]; e != nil {
		f.order.MoveToFront(e)
		return e.Value.(*failures)
	}
	if f.order.Len() >= f.most {
		f.drop(f.order.Back())
	}
	one := &failures{key: key}
	f.all[key] = f.order.PushFront(one)
	return one
}

func (f *Failures) drop(e *list.Element) {
	delete(f.all, e.Value.(*failures).key)
	f.order.Remove(e)
}

// PeerKey is what failures of a client are counted by, see mail.ClientOf.
func PeerKey(peer netip.Addr) string { return "p" + mail.ClientOf(peer).String() }

// AccountKey is what failures at an account are counted by, in whatever letters its
// name is written.
func AccountKey(account string) string {
	return "a" + strings.ToLower(account[:min(len(account), maxAttemptName)])
}

// maxAttemptName is how much of a name counts, in bytes: more than an address can
// have (RFC 5321 §4.5.3.1).
const maxAttemptName = 320
