package dns

import (
	"testing"
	"time"

	"glassmail/wire"
)

// What a walk has just learned is handed on with the TTL it came with, down to the
// second; what a cache held is never said to hold longer than it does.
func TestLeft(t *testing.T) {
	clock := wire.NewManual(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	start := clock.Now()
	cache := NewCache(clock, 0)
	fresh := &walk{seen: map[key]*entry{}}
	other := &walk{seen: map[key]*entry{}}
	e := &entry{key: key{"www.nyu.edu.", TypeA}}
	fresh.seen[e.key] = e
	other.seen[e.key] = &entry{key: e.key} // learned meanwhile, and not what is said
	cache.put(e, 10*time.Second)
	for _, c := range []struct{ age, fresh, kept time.Duration }{
		{0, 10 * time.Second, 10 * time.Second},
		{time.Millisecond, 10 * time.Second, 9 * time.Second},
		{time.Second, 9 * time.Second, 9 * time.Second},
		{1200 * time.Millisecond, 9 * time.Second, 8 * time.Second},
		{9999 * time.Millisecond, time.Second, 0},
		{10 * time.Second, 0, 0},
	} {
		now := start.Add(c.age)
		if got := fresh.left(e, now); got != c.fresh {
			t.Errorf("just learned, at the age of %v: %v, want %v", c.age, got, c.fresh)
		}
		if got := other.left(e, now); got != c.kept {
			t.Errorf("kept, at the age of %v: %v, want %v", c.age, got, c.kept)
		}
	}
	never := &entry{key: key{"once.nyu.edu.", TypeA}} // TTL 0: it is in no cache
	fresh.seen[never.key] = never
	if got := fresh.left(never, start); got > 0 {
		t.Errorf("a record of TTL 0 is said to hold for %v", got)
	}
}
