package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"glassmail/mailbox"
)

// TestTmpfsFull fills a real, small file system, journal, texts and index alike,
// under load and without a reserve: answers are ErrFull, everything acknowledged is
// there after a crash and a start with some room, and expunging makes more room.
func TestTmpfsFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("mounting a tmpfs takes root: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	o := Options{SegmentSize: 256 << 10, InlineSize: 8 << 10, Reserve: -1}
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	// What somebody else uses of the disk, and will remove.
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var acked sync.Map
	var wg sync.WaitGroup
	var refused atomic.Int64
	for g := range 4 {
		wg.Go(func() {
			for i := 0; i < 3000 && refused.Load() < 200; i++ {
				token := fmt.Sprintf("%d-%d", g, i)
				size := 1000
				if i%10 == 0 {
					size = 30 << 10
				}
				switch err := deliver(s, token, size, i%3 == 0); {
				case err == nil:
					acked.Store(token, true)
				case errors.Is(err, mailbox.ErrFull):
					refused.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 {
		t.Fatal("the disk was never full")
	}
	all := func(when string) {
		t.Helper()
		got := tokens(t, s)
		n := 0
		acked.Range(func(k, _ any) bool {
			if n++; got[k.(string)] != 1 {
				t.Errorf("%s: %s is there %d times", when, k, got[k.(string)])
				return false
			}
			return true
		})
		t.Logf("%s: %d acknowledged, %d there, %d refused", when, n, len(got), refused.Load())
	}
	crash(s)
	if r, err := Open(dir, o); err == nil {
		crash(r)
	} else if !errors.Is(err, mailbox.ErrFull) {
		t.Fatalf("start on the full disk: %v", err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, o)
	all("after a crash on the full disk")
	healthy(t, s)

	ctx := context.Background()
	inbox, err := s.Folder(ctx, bob, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(ctx, inbox.ID, mailbox.Change{Expunge: true}); err != nil {
		t.Fatalf("expunge: %v", err)
	}
	if _, err := s.Compact(ctx, 0.9); err != nil {
		t.Fatal(err)
	}
	if err := deliver(s, "after", 30<<10, true); err != nil {
		t.Fatalf("after making room: %v", err)
	}
	healthy(t, s)
}
