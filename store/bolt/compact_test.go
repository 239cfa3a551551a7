package bolt

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/mailbox"
)

// TestCompaction compacts while readers read and deliverers deliver, and checks
// that room is given back and that no reader ever misses a text.
func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{SegmentSize: 128 << 10, InlineSize: 8 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	for i := range 400 {
		size := 3000
		if i%20 == 0 {
			size = 30 << 10
		}
		if err := deliver(s, fmt.Sprint("c", i), size, i == 399); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	inbox, err := s.Folder(ctx, bob, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var kept []mailbox.Message
	var gone []mailbox.UID
	for m := range s.Messages(ctx, inbox.ID, mailbox.Range{}) {
		if m.UID%4 == 0 {
			kept = append(kept, m)
		} else {
			gone = append(gone, m.UID)
		}
	}
	before, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(ctx, inbox.ID, mailbox.Change{UIDs: gone, Expunge: true}); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				m := kept[i%len(kept)]
				if token, err := readToken(s, m.Body); err != nil || token != fmt.Sprint("c", m.UID-1) {
					t.Errorf("reading %s: %q, %v", m.Body, token, err)
					return
				}
				if _, err := s.Record(ctx, m.Body); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		if err := deliver(s, fmt.Sprint("n", i), 3000, false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Compact(ctx, 0.9); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	after, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if after.Segments >= before.Segments {
		t.Errorf("%d segments, before %d", after.Segments, before.Segments)
	}
	healthy(t, s)
	crash(s)
	s = openTest(t, dir, Options{})
	healthy(t, s)
	if got := tokens(t, s); len(got) != len(kept)+20 {
		t.Errorf("%d messages, want %d", len(got), len(kept)+20)
	}
}

// TestCompactsByItself waits for the store to give room back.
func TestCompactsByItself(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{SegmentSize: 64 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	inbox, _ := s.Folder(ctx, bob, "INBOX")
	for i := range 100 {
		if err := deliver(s, fmt.Sprint(i), 5000, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Change(ctx, inbox.ID, mailbox.Change{Expunge: true}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		st, err := s.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if st.Segments <= 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", st)
		}
		time.Sleep(time.Millisecond)
	}
}
