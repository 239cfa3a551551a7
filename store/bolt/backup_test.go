package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackup makes backups under load; each must be a store that keeps all promises
// made before it began.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, crashOptions(Journal))
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	var stop atomic.Bool
	w := &workload{s: s, seed: 3, pace: time.Millisecond, stop: stop.Load,
		say: func(f string, a ...any) { mu.Lock(); defer mu.Unlock(); lines = append(lines, fmt.Sprintf(f, a...)) }}
	var wg sync.WaitGroup
	wg.Go(func() { w.run(4) })
	for i := range 5 {
		time.Sleep(30 * time.Millisecond)
		mu.Lock()
		said := len(lines)
		mu.Unlock()
		to := filepath.Join(t.TempDir(), "backup")
		if err := s.Backup(context.Background(), to); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		p := newPromises(lines[:said])
		now := newPromises(lines) // what began meanwhile may be in the copy
		p.moving, p.maybeGone, p.settling = now.moving, now.maybeGone, now.settling
		mu.Unlock()
		r, err := Open(to, crashOptions(Journal))
		if err != nil {
			t.Fatalf("backup %d: %v", i, err)
		}
		if err := joinClose(p.check(r), r); err != nil {
			t.Fatalf("backup %d: %v", i, err)
		}
		if err := s.Backup(context.Background(), to); err == nil {
			t.Fatal("a backup over a backup")
		}
	}
	stop.Store(true)
	wg.Wait()
	if err := newPromises(lines).check(s); err != nil { // working on the copies changed nothing here
		t.Fatal(err)
	}
}
