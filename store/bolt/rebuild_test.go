package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// rebuildTest makes a store with moved, expunged, queued and reported messages and
// returns the tokens that are alive for bob.
func rebuildTest(t *testing.T, dir string, o Options) map[string]bool {
	t.Helper()
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	alive := map[string]bool{}
	for i := range 120 {
		size := 2000
		if i%10 == 0 {
			size = 20 << 10
		}
		token := fmt.Sprint("m", i)
		if err := deliver(s, token, size, i == 119); err != nil {
			t.Fatal(err)
		}
		alive[token] = true
	}
	inbox, err := s.Folder(ctx, bob, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var gone []mailbox.UID
	for i := range 60 {
		gone = append(gone, mailbox.UID(i+1))
		delete(alive, fmt.Sprint("m", i))
	}
	// Some of those that stay share segments with those that go.
	gone = append(gone[:57], gone[58:]...)
	alive["m57"] = true
	if _, err := s.Change(ctx, inbox.ID, mailbox.Change{UIDs: gone, Expunge: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compact(ctx, 0.95); err != nil { // the store may have done some of it by itself
		t.Fatal(err)
	}
	w := &workload{s: s, ctx: ctx}
	r := queue.Recipient{Dest: "x.org", Due: time.Unix(1, 0)}
	for _, token := range []string{"q1", "q2"} {
		if _, err := w.accept(token, 500, store.Acceptance{ID: token, Wait: true, Relay: []queue.Recipient{r}}); err != nil {
			t.Fatal(err)
		}
	}
	jobs, _, err := s.Lease(ctx, time.Unix(2, 0), 1, time.Hour, nil)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	st, _ := s.Stage(ctx, 0)
	st.Write([]byte(tokenText("report", 100)))
	if err := s.Settle(ctx, jobs[0], []queue.Result{{Status: queue.Failed}}, &store.Report{
		Text: st, Acceptance: store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}}}); err != nil {
		t.Fatal(err)
	}
	alive["report"] = true
	healthy(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return alive
}

// TestRebuildFromNothing loses the index: all that is alive comes back from the
// journal, nothing is sent twice by itself.
func TestRebuildFromNothing(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 64 << 10, InlineSize: 8 << 10}
	alive := rebuildTest(t, dir, o)
	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, o); !errors.Is(err, ErrDamaged) {
		t.Fatalf("open without the index: %v", err)
	}
	done, err := Rebuild(dir, o, RebuildOptions{})
	if err != nil || done.Messages == 0 || len(done.Accounts) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	s := openTest(t, dir, o)
	healthy(t, s)
	got := tokens(t, s)
	for token := range alive {
		if got[token] != 1 {
			t.Errorf("%s is there %d times", token, got[token])
		}
	}
	a, err := s.Account(context.Background(), bob)
	if err != nil || a.Password != "" {
		t.Errorf("account %+v, %v", a, err)
	}
	waiting := 0
	for e, err := range s.Entries(context.Background(), "") {
		if waiting++; err != nil || !e.Held {
			t.Errorf("entry %+v, %v", e, err)
		}
	}
	if waiting != 2 {
		t.Errorf("%d entries", waiting)
	}
}

// TestRebuildFromOldIndex puts an older index back.
func TestRebuildFromOldIndex(t *testing.T) {
	dir := t.TempDir()
	o := Options{InlineSize: 8 << 10}
	s := openTest(t, dir, o)
	if err := errors.Join(prepareWorkload(s), deliver(s, "old", 10, true)); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "b")
	if err := s.Backup(context.Background(), backup); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Folder(context.Background(), bob, "INBOX")
	for i := range 50 {
		if err := deliver(s, fmt.Sprint("new", i), 1000*i, i == 49); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(backup, "index.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "index.db"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	done, err := Rebuild(dir, o, RebuildOptions{})
	if err != nil || done.Messages != 50 || len(done.Lost)+len(done.Accounts)+len(done.Mended) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	s = openTest(t, dir, o)
	healthy(t, s)
	if got := tokens(t, s); len(got) != 51 {
		t.Errorf("%d messages", len(got))
	}
	if after, _ := s.Folder(context.Background(), bob, "INBOX"); after.UIDValidity <= before.UIDValidity {
		t.Errorf("UIDVALIDITY is %d, was %d", after.UIDValidity, before.UIDValidity)
	}
}

// TestRebuildDamaged passes over what cannot be read.
func TestRebuildDamaged(t *testing.T) {
	dir := t.TempDir()
	o := Options{Delay: time.Hour, InlineSize: 8 << 10, SegmentSize: 64 << 10}
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	const n = 60
	for i := range n {
		size := 3000
		if i == 30 {
			size = 20 << 10
		}
		if err := deliver(s, fmt.Sprint("d", i), size, false); err != nil {
			t.Fatal(err)
		}
	}
	journal := func(disk string, seg uint32) string { return segmentName(filepath.Join(disk, "journal"), seg) }
	write := func(name string, off int64, b []byte) error {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(b, off)
		return errors.Join(err, f.Close())
	}
	for name, c := range map[string]struct {
		spoil func(disk string) error
		least int // messages that must survive
	}{
		"a frame":    {func(d string) error { return write(journal(d, 1), 9000, []byte("xxxx")) }, n - 1},
		"a head":     {func(d string) error { return write(journal(d, 2), segmentHead, make([]byte, 40)) }, n - 1},
		"a header":   {func(d string) error { return write(journal(d, 2), 0, make([]byte, 64)) }, n},
		"a segment":  {func(d string) error { return os.Remove(journal(d, 2)) }, n - 25},
		"the first":  {func(d string) error { return os.Remove(journal(d, 1)) }, n - 25},
		"half of it": {func(d string) error { return os.Truncate(journal(d, 2), 30000) }, n - 15},
		"a text":     {func(d string) error { return os.Remove(filepath.Join(d, "blobs", "0000000000000001.eml")) }, n - 1},
	} {
		t.Run(name, func(t *testing.T) {
			disk := copyDisk(t, dir)
			if err := c.spoil(disk); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(disk, o); !errors.Is(err, ErrDamaged) {
				if err == nil {
					s.Close()
				}
				t.Fatalf("open: %v", err)
			}
			done, err := Rebuild(disk, o, RebuildOptions{})
			if err != nil || len(done.Lost) == 0 {
				t.Fatalf("%+v, %v", done, err)
			}
			s := openTest(t, disk, o)
			healthy(t, s)
			got := tokens(t, s)
			if len(got) < c.least {
				t.Errorf("%d messages survived, want %d; lost: %q", len(got), c.least, done.Lost)
			}
			for token, times := range got {
				if times != 1 {
					t.Errorf("%s is there %d times", token, times)
				}
			}
			if err := deliver(s, "after", 100, true); err != nil {
				t.Fatal(err)
			}
			crash(s)
			s = openTest(t, disk, o)
			healthy(t, s)
			if again := tokens(t, s); len(again) != len(got)+1 {
				t.Errorf("%d messages after another start, want %d", len(again), len(got)+1)
			}
		})
	}
}

// TestRebuildFromBackup puts the index of a backup in the place of one that cannot
// be read, and refuses one of another store without changing anything.
func TestRebuildFromBackup(t *testing.T) {
	dir, backup, other := t.TempDir(), filepath.Join(t.TempDir(), "b"), t.TempDir()
	s := openTest(t, dir, Options{})
	ctx := context.Background()
	err := errors.Join(prepareWorkload(s), deliver(s, "before", 1000, true), s.Backup(ctx, backup))
	for i := range 10 {
		err = errors.Join(err, deliver(s, fmt.Sprint("after", i), 1000, true))
	}
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	o := openTest(t, other, Options{})
	if err := errors.Join(prepareWorkload(o), o.Close()); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(dir, "index.db")
	if err := os.WriteFile(index, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("open: %v", err)
	}
	if _, err := Rebuild(dir, Options{}, RebuildOptions{From: other}); err == nil {
		t.Fatal("the index of another store was taken")
	}
	if b, err := os.ReadFile(index); err != nil || len(b) != 8192 {
		t.Fatalf("the index was touched: %v", err)
	}
	for _, r := range []RebuildOptions{{From: backup}, {Fresh: true}} {
		var last, total int64
		r.Progress = func(d, n int64) { last, total = d, n }
		done, err := Rebuild(dir, Options{}, r)
		if err != nil || len(done.Lost) > 0 || done.Aside == "" || last != total || total == 0 {
			t.Fatalf("%+v: %+v, %v; %d of %d", r, done, err, last, total)
		}
		s = openTest(t, dir, Options{})
		if got := tokens(t, s); len(got) != 11 || got["before"] != 1 || got["after9"] != 1 {
			t.Fatalf("%+v: %v", r, got)
		}
		healthy(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := filepath.Glob(index + ".before-rebuild*")
	if err != nil || len(kept) != 2 {
		t.Fatal(kept, err)
	}
}
