package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// copyDisk copies a store's folder as it is on the disk at this moment.
func copyDisk(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// dump writes the whole index down, without what tells when frames were brought in.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	err := s.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				fmt.Fprintf(&b, "%s %x %x\n", name, k, v)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// variety accepts messages of all kinds, acknowledged by the journal alone.
func variety(t *testing.T, s *Store, n int) {
	t.Helper()
	w := &workload{s: s, ctx: context.Background()}
	arch, err := s.Folder(w.ctx, bob, "archive")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		a := store.Acceptance{
			ID: fmt.Sprintf("v%d", i), Record: bytes.Repeat([]byte{byte(i)}, i), Time: time.Unix(int64(1e9+i), 7),
			Deposits: []mailbox.Delivery{
				{User: bob, Folder: arch.ID, Flags: mailbox.Flags(i % 32), Keywords: []string{fmt.Sprint("k", i%70), "K3"}},
				{User: alice}, {User: bob, Folder: 12345},
			},
		}
		if i%3 == 0 {
			a.ID = ""
		}
		for r := range i % 4 {
			to := queue.Recipient{Dest: fmt.Sprintf("d%d.org", r%2), Due: time.Unix(int64(r%2), 1)}
			to.Address.Local, to.Notify, to.ORcpt = fmt.Sprint("r", r), []string{"FAILURE", "DELAY"}, "rfc822;a@b"
			a.Relay = append(a.Relay, to)
		}
		size := 100 * i
		if i%5 == 4 {
			size = 20 << 10
		}
		if _, err := w.accept(a.ID, size, a); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplayMakesTheSameRows compares, byte by byte, the index that a store wrote
// while it worked with the one that a replay makes.
func TestReplayMakesTheSameRows(t *testing.T) {
	dir := t.TempDir()
	o := Options{InlineSize: 8 << 10, SegmentSize: 64 << 10, Delay: time.Hour, Now: func() time.Time { return time.Unix(2e9, 0) }}
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	variety(t, s, 40)
	replica := copyDisk(t, dir) // nothing of it is in the index yet
	if _, err := s.ChangeFolder(context.Background(), bob, mailbox.FolderChange{Old: "archive", Subscribe: new(bool)}); err != nil {
		t.Fatal(err)
	}
	want := dump(t, s)
	for again := range 3 { // a replay that was interrupted begins anew
		r, err := Open(replica, o)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Opened().Replayed; (n == 40) != (again == 0) {
			t.Fatalf("opening %d replayed %d messages", again, n)
		}
		if got := dump(t, r); got != want {
			t.Fatalf("rows differ: %s", firstDifference(got, want))
		}
		healthy(t, r)
		crash(r)
	}
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("replayed %q, written %q", as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(as), len(bs))
}

// flip changes the byte at an offset, whatever it was.
func flip(f *os.File, at int64) error {
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0xff
	_, err := f.WriteAt(b, at)
	return err
}

// TestTornOrDamaged damages the journal's tail in many ways: what was never
// acknowledged is cut off, what was is told.
func TestTornOrDamaged(t *testing.T) {
	dir := t.TempDir()
	o := Options{Delay: time.Hour, InlineSize: 8 << 10}
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for i := range 6 {
		if err := deliver(s, fmt.Sprintf("t%d", i), 1000, false); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, s.end.Load().end)
	}
	seg := filepath.Join("journal", "00000001.seg")
	last, before := ends[len(ends)-1], ends[len(ends)-2]
	garbage := bytes.Repeat([]byte{0xa5}, 300)
	for _, c := range []struct {
		name  string
		spoil func(f *os.File) error
		count int // messages; -1: damaged
	}{
		{"nothing", func(*os.File) error { return nil }, 6},
		{"garbage after the end", func(f *os.File) error { _, err := f.WriteAt(garbage, last+800); return err }, 6},
		{"a piece of a frame after the end", func(f *os.File) error {
			b := make([]byte, 200)
			f.ReadAt(b, before)
			_, err := f.WriteAt(b, last)
			return err
		}, 6},
		{"an old frame after the end", func(f *os.File) error {
			b := make([]byte, last-before)
			f.ReadAt(b, before)
			_, err := f.WriteAt(b, last)
			return err
		}, 6},
		{"the last frame is torn", func(f *os.File) error { _, err := f.WriteAt(garbage, last-400); return err }, 5},
		{"the file ends inside the last frame", func(f *os.File) error { return f.Truncate(last - 9) }, 5},
		{"the file ends inside the last head", func(f *os.File) error { return f.Truncate(before + 11) }, 5},
		{"the last frame is missing", func(f *os.File) error { return f.Truncate(before) }, 5},
		{"the last frame is zero", func(f *os.File) error { _, err := f.WriteAt(make([]byte, last-before), before); return err }, 5},
		{"a frame before the last is damaged", func(f *os.File) error { return flip(f, ends[3]-200) }, -1},
		{"a head before the last is zero", func(f *os.File) error { _, err := f.WriteAt(make([]byte, 56), ends[1]); return err }, -1},
		{"the first frame is damaged", func(f *os.File) error { return flip(f, segmentHead+30) }, -1},
		{"the header is damaged", func(f *os.File) error { return flip(f, 20) }, -1},
		{"the segment is empty", func(f *os.File) error { return f.Truncate(0) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := copyDisk(t, dir)
			f, err := os.OpenFile(filepath.Join(disk, seg), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.spoil(f), f.Close()); err != nil {
				t.Fatal(err)
			}
			was, _ := os.ReadFile(filepath.Join(disk, seg))
			r, err := Open(disk, o)
			if c.count < 0 {
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "00000001") {
					t.Fatalf("open: %v", err)
				}
				if is, _ := os.ReadFile(filepath.Join(disk, seg)); !bytes.Equal(is, was) {
					t.Fatal("a damaged segment was changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := len(tokens(t, r)); got != c.count {
				t.Fatalf("%d messages, want %d", got, c.count)
			}
			if err := deliver(r, "new", 700, true); err != nil {
				t.Fatal(err)
			}
			crash(r)
			r = openTest(t, disk, o)
			if got := tokens(t, r); len(got) != c.count+1 || got["new"] != 1 {
				t.Fatalf("after another start: %v", got)
			}
			healthy(t, r)
		})
	}
}

// TestSegmentGone removes a segment that is needed.
func TestSegmentGone(t *testing.T) {
	dir := t.TempDir()
	o := Options{Delay: time.Hour, SegmentSize: 64 << 10}
	s := openTest(t, dir, o)
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := deliver(s, fmt.Sprint("g", i), 5000, i == 30); err != nil {
			t.Fatal(err)
		}
	}
	segs, err := numbered(systemFS{}, filepath.Join(dir, "journal"), ".seg")
	if err != nil || len(segs) < 5 {
		t.Fatal(segs, err)
	}
	for _, gone := range segs[:len(segs)-1] {
		disk := copyDisk(t, dir)
		if err := os.Remove(segmentName(filepath.Join(disk, "journal"), uint32(gone))); err != nil {
			t.Fatal(err)
		}
		r, err := Open(disk, o)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("segment %d is gone: %v", gone, err)
			}
			continue
		}
		found, err := r.Verify(context.Background(), true) // before the checkpoint: only texts are lost
		if err != nil || len(found.Problems) == 0 {
			t.Fatalf("segment %d is gone and nobody noticed: %v", gone, err)
		}
		r.Close()
	}
}

// TestNewerFormat must refuse what a later version wrote, and change nothing.
func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	if err := errors.Join(prepareWorkload(s), deliver(s, "a", 10, true), s.Close()); err != nil {
		t.Fatal(err)
	}
	t.Run("index", func(t *testing.T) {
		disk := copyDisk(t, dir)
		db, err := bbolt.Open(filepath.Join(disk, "index.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaFormat), key32(2)) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(disk, Options{}); !errors.Is(err, ErrFormat) {
			t.Fatalf("open: %v", err)
		}
	})
	t.Run("segment", func(t *testing.T) {
		disk := copyDisk(t, dir)
		name := segmentName(filepath.Join(disk, "journal"), 1)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[8] = 2
		copy(b[40:44], []byte{0, 0, 0, 0})
		sum := checksum(b[:40])
		b[40], b[41], b[42], b[43] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(disk, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "format 2") {
			t.Fatalf("open: %v", err)
		}
	})
}

// TestSweep removes files of texts that were never accepted, and only those.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	o := Options{InlineSize: 8 << 10}
	s := openTest(t, dir, o)
	if err := errors.Join(prepareWorkload(s), deliver(s, "kept", 20<<10, true)); err != nil {
		t.Fatal(err)
	}
	st, err := s.Stage(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(st, strings.Repeat("x", 100<<10)) // a crash in the middle of an upload
	crash(s)
	s = newStore(dir, o.withDefaults())
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	if files, _ := numbered(systemFS{}, s.blobDir(), ".eml"); len(files) != 2 {
		t.Fatalf("files before the sweep: %v", files)
	}
	before := s.blobs.Load()
	late, err := s.Stage(context.Background(), 100<<10) // an upload that begins before the sweep does
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(before); err != nil {
		t.Fatal(err)
	}
	files, _ := numbered(systemFS{}, s.blobDir(), ".eml")
	if !slices.Equal(files, []uint64{1, 3}) {
		t.Fatalf("files after the sweep: %v", files)
	}
	late.Discard()
	s.closeFiles()
}

// TestUnwritable opens a folder that cannot be written.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "store"), Options{}); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), file) {
		t.Fatalf("open below a file: %v", err)
	}
}

// TestPurgeGoesOn deletes a large folder, stops in the middle, and expects the next
// start to go on.
func TestPurgeGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	arch, _ := s.Folder(ctx, bob, "archive")
	ds := make([]mailbox.Delivery, 3*purgeChunk)
	for i := range ds {
		ds[i] = mailbox.Delivery{User: bob, Folder: arch.ID}
	}
	w := &workload{s: s, ctx: ctx}
	if _, err := w.accept("x", 10, store.Acceptance{Deposits: ds, Wait: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeFolder(ctx, bob, mailbox.FolderChange{Old: "archive", Delete: true}); err != nil {
		t.Fatal(err)
	}
	healthy(t, s) // whatever the purge has done so far
	crash(s)
	s = openTest(t, dir, Options{})
	deadline := time.Now().Add(20 * time.Second)
	for st, err := s.Stats(); st.Texts > 0; st, err = s.Stats() {
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", st, err)
		}
		time.Sleep(time.Millisecond)
	}
	healthy(t, s)
}

// TestUnbornSegment finds a segment whose creation was interrupted, as the first of
// the store and as a later one; and one of another store, which must stay.
func TestUnbornSegment(t *testing.T) {
	fresh := t.TempDir()
	s := openTest(t, fresh, Options{})
	if err := errors.Join(prepareWorkload(s), s.Close()); err != nil {
		t.Fatal(err)
	}
	used := copyDisk(t, fresh)
	s = openTest(t, used, Options{})
	if err := errors.Join(deliver(s, "a", 10, true), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{fresh, used} {
		seg := uint32(1)
		if dir == used {
			seg = 2
		}
		for n := range segmentHead + 1 {
			disk := copyDisk(t, dir)
			name := segmentName(filepath.Join(disk, "journal"), seg)
			b := append(segmentHeader(seg, s.id, 1<<40)[:n:n], make([]byte, 4096)...)
			if n == segmentHead {
				b = segmentHeader(seg, storeID{1}, 1)
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Open(disk, Options{})
			if n >= 44 { // the header is whole, and wrong
				if err == nil {
					t.Fatalf("segment %d with a foreign header was taken", seg)
				}
				continue
			}
			if err != nil {
				t.Fatalf("segment %d with %d bytes of header: %v", seg, n, err)
			}
			if err := errors.Join(deliver(r, "b", 10, true), r.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
