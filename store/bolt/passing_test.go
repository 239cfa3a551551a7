package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"glassmail/mailbox"
)

// passing is a fault at one kind of operation: from its n-th on, or at that one
// alone.
type passing struct {
	op    string
	err   error
	n     int
	alone bool
}

// faults is what a passing fault makes of the operations of a store, and counts
// them.
type faults struct {
	passing
	seen   map[string]int
	record bool // a write or flush of a record was hit
}

func (f *faults) fail(op, name string) error {
	i := f.seen[op]
	f.seen[op]++
	if op != f.op || i < f.n || f.alone && i > f.n {
		return nil
	}
	if strings.HasSuffix(name, ".seg") && (op == "write" || op == "datasync" || op == "truncate" || op == "sync") {
		f.record = true
	}
	return f.err
}

// day does a bit of everything and returns what was acknowledged. Segments are
// begun and left, texts have files of their own, and are read and compacted.
func day(s *Store) (acked []string) {
	ctx := context.Background()
	for i := range 9 {
		token, size := fmt.Sprintf("day-%d", i), 20<<10
		if i == 4 {
			size = 100 << 10
		}
		if deliver(s, token, size, i%2 == 0) == nil {
			acked = append(acked, token)
		}
	}
	f, err := s.Folder(ctx, bob, mailbox.Inbox)
	if err != nil {
		return acked
	}
	for m, err := range s.Messages(ctx, f.ID, mailbox.Range{}) {
		if err == nil {
			readToken(s, m.Body) // an error is that read's
			s.Record(ctx, m.Body)
		}
	}
	s.Change(ctx, f.ID, mailbox.Change{UIDs: []mailbox.UID{1, 2}, Expunge: true})
	s.Compact(ctx, 0.9)
	s.PutAccount(ctx, mailbox.Account{Address: "carol@x"}, true)
	s.Ready()
	return acked
}

// TestPassingFaults lets every operation on files fail, with every error that the
// system may give for a moment, at every point: what was acknowledged stays, and
// when the fault has gone everything works again, unless a write or flush of a
// record has failed; then the store says that it has stopped. "make crash" tries
// every error at every read and write, too.
func TestPassingFaults(t *testing.T) {
	ops := []string{"open", "create", "remove", "readdir", "syncdir", "free", "size", "read", "write", "sync", "datasync", "allocate", "truncate", "close"}
	errnos := []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EROFS, syscall.EINTR, syscall.ENOSPC, syscall.EIO}
	tried, stopped, all := map[string]int{}, 0, os.Getenv(crashTime) != ""
	for _, op := range ops {
		for e, errno := range errnos {
			for n := 0; ; n++ {
				if n%4 != e%4 && !all && strings.Contains("read write sync datasync", op) {
					if n > 32 {
						break
					}
					continue // errors of one class take turns
				}
				f := &faults{passing: passing{op, errno, n, (n+e)%3 == 0}, seen: map[string]int{}}
				stops, err := tryFault(t, f)
				if err != nil {
					t.Fatalf("%s: %v at number %d (alone: %v): %v", op, errno, n, f.alone, err)
				}
				if stops {
					stopped++
				}
				if f.seen[op] <= n { // it was never hit
					break
				}
				tried[op]++
			}
		}
	}
	total := 0
	for _, op := range ops {
		if tried[op] == 0 {
			t.Errorf("%s never happened", op)
		}
		total += tried[op]
	}
	t.Logf("%d faults, after %d the store had stopped; %v", total, stopped, tried)
	if stopped == 0 {
		t.Error("no fault stopped the store: were any records hit?")
	}
}

// tryFault has a day with a fault, and one without.
func tryFault(t *testing.T, f *faults) (stopped bool, err error) {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		return false, err
	}
	fsys := &faultFS{}
	o := Options{FS: fsys, SegmentSize: 64 << 10, InlineSize: 32 << 10, Delay: -1}
	s, err := Open(dir, o)
	if err != nil {
		return false, err
	}
	defer s.Close()
	if err := prepareWorkload(s); err != nil {
		return false, err
	}
	for token, size := range map[string]int{"gone-1": 100, "gone-2": 100 << 10} {
		if err := deliver(s, token, size, true); err != nil {
			return false, err
		}
	}
	if err := deliver(s, "before", 100, true); err != nil {
		return false, err
	}
	s.space.asked.Store(0)
	fsys.set(f.fail, 0)
	acked := append(day(s), "before")
	fsys.set(nil, 0)
	s.space.asked.Store(0)

	after := deliver(s, "after", 100, true)
	stopped = errors.Is(after, ErrStopped)
	switch {
	case stopped && !f.record:
		return stopped, fmt.Errorf("it has stopped, and no record was hit: %w", after)
	case stopped && (!errors.Is(s.Alive(), ErrStopped) || !errors.Is(s.Ready(), ErrStopped)):
		return stopped, fmt.Errorf("it has stopped and does not say so: %v, %v", s.Alive(), s.Ready())
	case stopped:
		<-s.Stopped()
	case after != nil:
		return stopped, fmt.Errorf("when the fault has gone: %w", after)
	case s.Ready() != nil:
		return stopped, fmt.Errorf("when the fault has gone it is not ready: %w", s.Ready())
	default:
		acked = append(acked, "after")
		if err := holds(t, s, acked); err != nil {
			return stopped, err
		}
	}
	crash(s)
	o.FS = nil
	s, err = Open(dir, o)
	if err != nil {
		return stopped, fmt.Errorf("after a crash: %w", err)
	}
	defer s.Close()
	if err := holds(t, s, acked); err != nil {
		return stopped, fmt.Errorf("after a crash: %w", err)
	}
	found, err := s.Verify(context.Background(), true)
	if err == nil && len(found.Problems) > 0 {
		err = fmt.Errorf("%q", found.Problems)
	}
	return stopped, err
}

// holds looks for what was acknowledged.
func holds(t *testing.T, s *Store, acked []string) error {
	t.Helper()
	got := tokens(t, s)
	for _, token := range acked {
		if n := got[token]; n > 1 || n == 0 {
			return fmt.Errorf("%s is there %d times: %q", token, n, slices.Sorted(maps.Keys(got)))
		}
	}
	return nil
}

// An operation of the index that fails before anything is written is refused alone:
// what shares its commit goes on.
func TestOneOperationIsRefused(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("a row that cannot be read")
	bad := &op{apply: func(*writer) error { return broken }, wait: true, done: make(chan error, 1)}
	good := &op{apply: func(*writer) error { return nil }, wait: true, done: make(chan error, 1)}
	if backlog := s.index([]*op{good, bad}); len(backlog) > 0 { // no goroutine of the store commits at this time
		t.Errorf("%d operations are to be tried again", len(backlog))
	}
	if err := <-good.done; err != nil {
		t.Errorf("the other operation: %v", err)
	}
	if err := <-bad.done; !errors.Is(err, broken) {
		t.Errorf("the operation: %v", err)
	}
	if err := deliver(s, "after", 100, true); err != nil {
		t.Error(err)
	}
}

// narrowFS lets few files be open at one time.
type narrowFS struct {
	systemFS
	mu         sync.Mutex
	open, most int
	failed     int
}

func (n *narrowFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open >= n.most {
		n.failed++
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	f, err := n.systemFS.OpenFile(name, flag, perm)
	if err == nil {
		n.open++
		f = &narrowFile{f, n}
	}
	return f, err
}

type narrowFile struct {
	File
	fs *narrowFS
}

func (f *narrowFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.open--
	return f.File.Close()
}

// Segments that are kept open for readers are given up when files are short, before
// anybody is refused.
func TestIdleSegmentsAreGivenUp(t *testing.T) {
	fsys := &narrowFS{most: 8}
	s := openTest(t, t.TempDir(), Options{FS: fsys, SegmentSize: 64 << 10, InlineSize: 32 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	for i := range 60 { // some 20 segments
		size := 20 << 10
		if i%10 == 9 {
			size = 100 << 10
		}
		if err := deliver(s, fmt.Sprint(i), size, true); err != nil {
			t.Fatal(err)
		}
		if got := tokens(t, s); len(got) != i+1 {
			t.Fatalf("%d messages can be read, of %d", len(got), i+1)
		}
	}
	if fsys.failed == 0 {
		t.Error("files were never short")
	}
}
