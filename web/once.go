package web

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Bounds of one-time tokens.
const (
	onceLife = 15 * time.Minute
	maxOnces = 16 // not used yet; the oldest gives way
	maxOnce  = 64 // bytes of one
)

// onces are one-time tokens of the operator, each good for one login. They are kept
// under their hashes, as sessions are.
type onces struct {
	now func() time.Time

	mu  sync.Mutex
	all map[[32]byte]time.Time // until when
}

func newOnces(now func() time.Time) *onces {
	return &onces{now: now, all: map[[32]byte]time.Time{}}
}

// make returns a new one.
func (o *onces) make() string {
	once, now := newSecret(), o.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	var oldest [32]byte
	for key, until := range o.all {
		if now.After(until) {
			delete(o.all, key)
		} else if first, ok := o.all[oldest]; !ok || until.Before(first) {
			oldest = key
		}
	}
	if len(o.all) >= maxOnces {
		delete(o.all, oldest)
	}
	o.all[sha256.Sum256([]byte(once))] = now.Add(onceLife)
	return once
}

// take uses one up, and says whether it was good.
func (o *onces) take(once string) bool {
	key := sha256.Sum256([]byte(once))
	o.mu.Lock()
	defer o.mu.Unlock()
	until, ok := o.all[key]
	delete(o.all, key)
	return ok && !o.now().After(until)
}
