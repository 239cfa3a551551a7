package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// faultFS is the system's file system with faults that a test switches on.
type faultFS struct {
	systemFS
	mu   sync.Mutex
	fail func(op, name string) error // nil means never
	free int64                       // 0 means ask the system
}

func (f *faultFS) fault(op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(op, filepath.Base(name))
}

func (f *faultFS) set(fail func(op, name string) error, free int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.free = fail, free
}

func (f *faultFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := f.fault(op, name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.systemFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, name: name}, nil
}

func (f *faultFS) SyncDir(name string) error {
	return errors.Join(f.fault("syncdir", name), f.systemFS.SyncDir(name))
}

func (f *faultFS) Remove(name string) error {
	if err := f.fault("remove", name); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return f.systemFS.Remove(name)
}

func (f *faultFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.fault("readdir", name); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f.systemFS.ReadDir(name)
}

func (f *faultFS) Free(name string) (int64, error) {
	if err := f.fault("free", name); err != nil {
		return 0, err
	}
	f.mu.Lock()
	free := f.free
	f.mu.Unlock()
	if free != 0 {
		return free, nil
	}
	return f.systemFS.Free(name)
}

type faultFile struct {
	File
	fs   *faultFS
	name string
}

// WriteAt writes half of what it is given when it fails.
func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.fault("write", f.name); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, &fs.PathError{Op: "write", Path: f.name, Err: err}
	}
	return f.File.WriteAt(p, off)
}

func (f *faultFile) Sync() error {
	return errors.Join(f.fs.fault("sync", f.name), f.File.Sync())
}

func (f *faultFile) Datasync() error {
	return errors.Join(f.fs.fault("datasync", f.name), f.File.Datasync())
}

func (f *faultFile) Allocate(n int64) error {
	return errors.Join(f.fs.fault("allocate", f.name), f.File.Allocate(n))
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.fault("read", f.name); err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) Truncate(n int64) error {
	if err := f.fs.fault("truncate", f.name); err != nil {
		return &fs.PathError{Op: "truncate", Path: f.name, Err: err}
	}
	return f.File.Truncate(n)
}

func (f *faultFile) Size() (int64, error) {
	if err := f.fs.fault("size", f.name); err != nil {
		return 0, err
	}
	return f.File.Size()
}

func (f *faultFile) Close() error {
	return errors.Join(f.fs.fault("close", f.name), f.File.Close())
}

// always fails operations of one kind on files whose name ends so.
func always(op, suffix string, err error) func(string, string) error {
	return func(o, name string) error {
		if o == op && strings.HasSuffix(name, suffix) {
			return err
		}
		return nil
	}
}

func deliver(s *Store, token string, size int, wait bool) error {
	w := &workload{s: s, ctx: context.Background()}
	_, err := w.accept(token, size, store.Acceptance{
		ID: token, Wait: wait, Deposits: []mailbox.Delivery{{User: bob}},
	})
	return err
}

// tokens counts bob's messages by token.
func tokens(t *testing.T, s *Store) map[string]int {
	t.Helper()
	f, err := s.Folder(context.Background(), bob, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for m, err := range s.Messages(context.Background(), f.ID, mailbox.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		token, err := readToken(s, m.Body)
		if err != nil {
			t.Fatal(err)
		}
		count[token]++
	}
	return count
}

func healthy(t *testing.T, s *Store) {
	t.Helper()
	found, err := s.Verify(context.Background(), true)
	if err != nil || len(found.Problems) > 0 {
		t.Fatalf("verify: %v, %q", err, found.Problems)
	}
}

// TestFlushFails lets each kind of flush fail: no acknowledgement, the store stops,
// and a reopened store has all that was acknowledged.
func TestFlushFails(t *testing.T) {
	const small, large = 500, 100 << 10
	for _, c := range []struct {
		op, file string
		size     int
		stops    bool
	}{
		{"datasync", ".seg", small, true},
		{"write", ".seg", small, true},
		{"sync", ".eml", large, false},
		{"write", ".eml", large, false},
		{"create", ".eml", large, false},
		{"syncdir", "blobs", large, false},
	} {
		t.Run(c.op+" "+c.file, func(t *testing.T) {
			dir, fsys := t.TempDir(), &faultFS{}
			s := openTest(t, dir, Options{FS: fsys, InlineSize: 8 << 10})
			if err := prepareWorkload(s); err != nil {
				t.Fatal(err)
			}
			if err := deliver(s, "before", c.size, false); err != nil {
				t.Fatal(err)
			}
			fsys.set(always(c.op, c.file, syscall.EIO), 0)
			for i := range 3 {
				if err := deliver(s, fmt.Sprintf("broken-%d", i), c.size, i == 1); err == nil {
					t.Fatal("acknowledged without a flush")
				}
			}
			fsys.set(nil, 0)
			err := deliver(s, "after", c.size, true)
			if c.stops != errors.Is(err, ErrStopped) {
				t.Fatalf("afterwards: %v", err)
			}
			if c.stops {
				crash(s)
			} else if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openTest(t, dir, Options{InlineSize: 8 << 10})
			healthy(t, s)
			got := tokens(t, s)
			if got["before"] != 1 || !c.stops && got["after"] != 1 {
				t.Fatalf("after reopening: %v", got)
			}
			if err := deliver(s, "before", c.size, true); err != nil { // the client that never got its answer
				t.Fatal(err)
			}
			if got := tokens(t, s); got["before"] != 1 {
				t.Fatalf("a repetition: %v", got)
			}
		})
	}
}

// TestStopped makes sure that nothing works after a failed flush.
func TestStopped(t *testing.T) {
	fsys := &faultFS{}
	s := openTest(t, t.TempDir(), Options{FS: fsys})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	fsys.set(always("datasync", ".seg", syscall.EIO), 0)
	ctx := context.Background()
	if err := deliver(s, "x", 10, false); !errors.Is(err, ErrStopped) || errors.Is(err, mailbox.ErrFull) {
		t.Fatalf("accept: %v", err)
	}
	fsys.set(nil, 0)
	f, _ := s.Folder(ctx, bob, "INBOX")
	_, stage := s.Stage(ctx, 0)
	_, change := s.Change(ctx, f.ID, mailbox.Change{Add: mailbox.Seen})
	_, _, lease := s.Lease(ctx, time.Now(), 1, time.Hour, nil)
	_, compact := s.Compact(ctx, 1)
	for i, err := range []error{stage, change, lease, s.PutAccount(ctx, mailbox.Account{Address: "c@x"}, true), s.Backup(ctx, t.TempDir()), compact} {
		if !errors.Is(err, ErrStopped) && i != 5 || i == 5 && err != nil && !errors.Is(err, ErrStopped) {
			t.Errorf("operation %d: %v", i, err)
		}
	}
	if err := s.Close(); !errors.Is(err, ErrStopped) {
		t.Errorf("close: %v", err)
	}
}

// TestDiskFull fills the disk at each place that can notice it: the answer is
// ErrFull, nothing is half done, and there is no restart needed once there is room.
func TestDiskFull(t *testing.T) {
	for _, c := range []struct {
		op, file string
		size     int
	}{
		{"write", ".seg", 500},
		{"allocate", ".seg", 500},
		{"create", ".seg", 500},
		{"write", ".eml", 100 << 10},
		{"create", ".eml", 100 << 10},
		{"sync", ".eml", 100 << 10},
		{"free", "", 500},
	} {
		t.Run(c.op+" "+c.file, func(t *testing.T) {
			dir, fsys := t.TempDir(), &faultFS{}
			s := openTest(t, dir, Options{FS: fsys, InlineSize: 8 << 10, SegmentSize: 64 << 10})
			if err := prepareWorkload(s); err != nil {
				t.Fatal(err)
			}
			if err := deliver(s, "before", c.size, true); err != nil {
				t.Fatal(err)
			}
			if c.op == "free" {
				fsys.set(nil, 1<<20)
				s.space.asked.Store(0)
			} else {
				fsys.set(always(c.op, c.file, syscall.ENOSPC), 0)
			}
			refused := 0
			for i := range 200 {
				err := deliver(s, fmt.Sprintf("try-%d", i), c.size, i%2 == 0)
				if err != nil && !errors.Is(err, mailbox.ErrFull) {
					t.Fatalf("on a full disk: %v", err)
				}
				if err != nil {
					refused++
				}
			}
			if refused == 0 {
				t.Fatal("nothing was refused")
			}
			f, _ := s.Folder(context.Background(), bob, "INBOX")
			if _, err := s.Change(context.Background(), f.ID, mailbox.Change{UIDs: []mailbox.UID{1}, Expunge: true}); err != nil {
				t.Fatalf("expunge on a full disk: %v", err)
			}
			fsys.set(nil, 0)
			s.space.asked.Store(0)
			if err := deliver(s, "after", c.size, true); err != nil {
				t.Fatalf("when there is room again: %v", err)
			}
			got := tokens(t, s)
			if len(got) != 200-refused+1 || got["after"] != 1 || got["before"] != 0 {
				t.Fatalf("%d messages, %d were refused: %v", len(got), refused, got)
			}
			healthy(t, s)
			crash(s)
			s = openTest(t, dir, Options{InlineSize: 8 << 10})
			healthy(t, s)
			if again := tokens(t, s); len(again) != len(got) {
				t.Fatalf("after reopening %d messages, before %d", len(again), len(got))
			}
		})
	}
}

// TestIndexFull fills the disk while the index is written: what was acknowledged
// stays in the journal until there is room, the rest is refused.
func TestIndexFull(t *testing.T) {
	var full sync.Mutex
	noRoom := false
	s := openTest(t, t.TempDir(), Options{Delay: -1, commit: func(commit func() error) error {
		full.Lock()
		defer full.Unlock()
		if noRoom {
			return &fs.PathError{Op: "write", Path: "index.db", Err: syscall.ENOSPC}
		}
		return commit()
	}})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	full.Lock()
	noRoom = true
	full.Unlock()
	if err := deliver(s, "kept", 100, false); err != nil {
		t.Fatalf("the journal has room: %v", err)
	}
	ctx := context.Background()
	deadline := time.Now().Add(10 * time.Second)
	for !s.full.Load() && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if err := deliver(s, "refused", 100, false); !errors.Is(err, mailbox.ErrFull) {
		t.Fatalf("while the index has no room: %v", err)
	}
	if err := s.PutAccount(ctx, mailbox.Account{Address: "c@x"}, true); !errors.Is(err, mailbox.ErrFull) {
		t.Fatalf("while the index has no room: %v", err)
	}
	full.Lock()
	noRoom = false
	full.Unlock()
	for (tokens(t, s)["kept"] != 1 || s.full.Load()) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := tokens(t, s); got["kept"] != 1 || got["refused"] != 0 {
		t.Fatalf("when there is room again: %v", got)
	}
	if err := deliver(s, "refused", 100, true); err != nil {
		t.Fatal(err)
	}
	healthy(t, s)
}

// TestCommitFails lets an index commit fail in a way that leaves the index in
// doubt: the store stops, and the journal brings back what was acknowledged.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	var broken atomic.Bool
	s := openTest(t, dir, Options{Delay: -1, commit: func(commit func() error) error {
		if broken.Load() {
			return syscall.EIO
		}
		return commit()
	}})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := deliver(s, "acknowledged", 100, false); err != nil {
		t.Fatal(err)
	}
	if err := s.PutAccount(context.Background(), mailbox.Account{Address: "c@x"}, true); !errors.Is(err, ErrStopped) {
		t.Fatalf("after a failed commit: %v", err)
	}
	s.Close()
	s = openTest(t, dir, Options{})
	healthy(t, s)
	if got := tokens(t, s); got["acknowledged"] != 1 {
		t.Fatalf("after reopening: %v", got)
	}
}

// TestSettleFails checks that a settlement that could not be made durable left the
// lease and its report as they were.
func TestSettleFails(t *testing.T) {
	fsys := &faultFS{}
	s := openTest(t, t.TempDir(), Options{FS: fsys, SegmentSize: 64 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	w := &workload{s: s, ctx: context.Background()}
	r := queue.Recipient{Dest: "x.org", Due: time.Unix(1, 0)}
	if _, err := w.accept("m", 10, store.Acceptance{Wait: true, Relay: []queue.Recipient{r}}); err != nil {
		t.Fatal(err)
	}
	jobs, _, err := s.Lease(w.ctx, time.Unix(2, 0), 1, time.Hour, nil)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	settle := func() error {
		st, err := s.Stage(w.ctx, 0)
		if err != nil {
			return err
		}
		io.WriteString(st, tokenText("report", 100))
		return s.Settle(w.ctx, jobs[0], []queue.Result{{Status: queue.Failed}}, &store.Report{
			Text: st, Acceptance: store.Acceptance{ID: "r", Deposits: []mailbox.Delivery{{User: bob}}},
		})
	}
	fsys.set(always("write", ".seg", syscall.ENOSPC), 0)
	if err := settle(); !errors.Is(err, mailbox.ErrFull) {
		t.Fatalf("on a full disk: %v", err)
	}
	fsys.set(nil, 0)
	if n := len(tokens(t, s)); n != 0 {
		t.Fatalf("%d reports of a settlement that failed", n)
	}
	if err := settle(); err != nil {
		t.Fatalf("when there is room again: %v", err)
	}
	if got := tokens(t, s); got["report"] != 1 {
		t.Fatalf("reports: %v", got)
	}
	healthy(t, s)
}

// TestInUse opens a folder twice.
func TestInUse(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "process ") {
		t.Fatalf("a second store in one folder: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, Options{})
}

// TestRoomAtOnce lets many ask for room at the same first moment.
func TestRoomAtOnce(t *testing.T) {
	for range 20 {
		s := openTest(t, t.TempDir(), Options{})
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if err := s.space.room(1); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
