package bolt

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The power-cut explorer. A recorder below the store writes down, in order, every
// write, truncation, flush, creation, removal and flush of a folder, what changed
// in the index by each commit, and what the workload said. A cut at a place in that
// record is a set of possible disks: what was flushed before it is there; of the
// rest all, nothing, some writes, some sectors, or a prefix may be. Each disk that
// is built must open, pass Verify, and hold all promises made before the cut.

type eventKind uint8

const (
	evCreate eventKind = iota
	evWrite
	evTruncate
	evFlush // of a file; since says from where on writes are not covered
	evRemove
	evFlushDir
	evIndexBegin // what the commit will write; pages and meta pages apart
	evIndexEnd
	evSay
)

type event struct {
	kind  eventKind
	name  string // relative to the store's folder
	off   int64  // of a write; size of a truncation
	data  []byte
	since int // number of events when a flush began
	pages map[int64][]byte
	meta  map[int64][]byte
}

const pageSize = 4096

// recorder is an FS that writes down.
type recorder struct {
	systemFS
	dir string

	mu     sync.Mutex
	events []event
	index  []byte // the index file after the last commit
}

func (r *recorder) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// large is how many large texts were begun.
func (r *recorder) large() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.kind == evCreate && strings.HasSuffix(e.name, ".eml") {
			n++
		}
	}
	return n
}

func (r *recorder) rel(name string) string {
	s, _ := filepath.Rel(r.dir, name)
	return s
}

func (r *recorder) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := r.systemFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if flag&os.O_CREATE != 0 {
		r.add(event{kind: evCreate, name: r.rel(name)})
	}
	return &recordedFile{File: f, r: r, name: r.rel(name)}, nil
}

func (r *recorder) Remove(name string) error {
	r.add(event{kind: evRemove, name: r.rel(name)})
	return r.systemFS.Remove(name)
}

func (r *recorder) SyncDir(name string) error {
	r.mu.Lock()
	since := len(r.events)
	r.mu.Unlock()
	err := r.systemFS.SyncDir(name)
	r.add(event{kind: evFlushDir, name: r.rel(name), since: since})
	return err
}

type recordedFile struct {
	File
	r    *recorder
	name string
}

func (f *recordedFile) WriteAt(p []byte, off int64) (int, error) {
	f.r.add(event{kind: evWrite, name: f.name, off: off, data: bytes.Clone(p)})
	return f.File.WriteAt(p, off)
}

func (f *recordedFile) Truncate(n int64) error {
	f.r.add(event{kind: evTruncate, name: f.name, off: n})
	return f.File.Truncate(n)
}

func (f *recordedFile) Allocate(n int64) error {
	f.r.add(event{kind: evTruncate, name: f.name, off: n})
	return f.File.Truncate(n)
}

func (f *recordedFile) flush(do func() error) error {
	f.r.mu.Lock()
	since := len(f.r.events)
	f.r.mu.Unlock()
	err := do()
	f.r.add(event{kind: evFlush, name: f.name, since: since})
	return err
}

func (f *recordedFile) Sync() error     { return f.flush(f.File.Sync) }
func (f *recordedFile) Datasync() error { return f.flush(f.File.Datasync) }

// commit records what an index commit changed, by comparing the file. The event of
// its begin is put where it began.
func (r *recorder) commit(commit func() error) error {
	r.mu.Lock()
	begin := len(r.events)
	r.events = append(r.events, event{kind: evIndexBegin})
	r.mu.Unlock()
	if err := commit(); err != nil {
		return err
	}
	now, err := os.ReadFile(filepath.Join(r.dir, "index.db"))
	if err != nil {
		return err
	}
	pages, meta := map[int64][]byte{}, map[int64][]byte{}
	for off := int64(0); off < int64(len(now)); off += pageSize {
		p := now[off:min(off+pageSize, int64(len(now)))]
		if off < int64(len(r.index)) && bytes.Equal(p, r.index[off:min(off+pageSize, int64(len(r.index)))]) {
			continue
		}
		if off < 2*pageSize {
			meta[off] = p
		} else {
			pages[off] = p
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index = now
	r.events[begin].pages, r.events[begin].meta = pages, meta
	r.events = append(r.events, event{kind: evIndexEnd, since: begin})
	return nil
}

// record runs the workload on a recorded store and returns the record and the disk
// from before it.
func record(t *testing.T, seed uint64) (*recorder, map[string][]byte) {
	dir := t.TempDir()
	o := crashOptions(Journal)
	o.SegmentSize, o.InlineSize = 64<<10, 4<<10
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	base := readDisk(t, dir)
	rec := &recorder{dir: dir, index: base["index.db"]}
	o.FS, o.commit = rec, rec.commit
	if s, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	enough := func() bool {
		return time.Since(start) > 500*time.Millisecond && rec.large() >= 10 || time.Since(start) > 20*time.Second
	}
	w := &workload{s: s, seed: seed, pace: 2 * time.Millisecond, stop: enough,
		say: func(f string, a ...any) { rec.add(event{kind: evSay, name: fmt.Sprintf(f, a...)}) }}
	w.run(3)
	crash(s)
	return rec, base
}

func readDisk(t *testing.T, dir string) map[string][]byte {
	disk := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		disk[rel], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// lies says which flushes did nothing, for the negative controls.
type lies struct{ journal, blobs, index bool }

func (l lies) ignores(name string) bool {
	return l.journal && strings.HasSuffix(name, ".seg") || l.blobs && strings.HasSuffix(name, ".eml")
}

// disk builds one possible disk after a cut, and the promises made before it.
func (r *recorder) disk(base map[string][]byte, cut int, rng *rand.Rand, l lies) (files map[string][]byte, said []string) {
	files = map[string][]byte{}
	for name, data := range base {
		files[name] = bytes.Clone(data)
	}
	// Where each file and folder was flushed last before the cut.
	flushed, dirs := map[string]int{}, map[string]int{}
	for _, e := range r.events[:cut] {
		switch e.kind {
		case evFlush:
			if !l.ignores(e.name) {
				flushed[e.name] = max(flushed[e.name], e.since) // flushes may overlap
			}
		case evFlushDir:
			dirs[e.name] = max(dirs[e.name], e.since)
		case evSay:
			said = append(said, e.name)
		}
	}
	mode := rng.IntN(5)
	for i, e := range r.events[:cut] {
		switch e.kind {
		case evCreate:
			if i < dirs[filepath.Dir(e.name)] || mode != 0 && rng.IntN(2) == 0 {
				files[e.name] = nil
			}
		case evRemove:
			if i < dirs[filepath.Dir(e.name)] || rng.IntN(2) == 0 {
				delete(files, e.name)
			}
		case evWrite, evTruncate:
			if old, there := files[e.name]; there {
				files[e.name] = apply(old, e, i < flushed[e.name], mode, rng)
			}
		}
	}
	files["index.db"] = r.indexAt(files["index.db"], cut, rng, l)
	return files, said
}

// apply makes a write, or as much of it as the mode lets through if nothing
// flushed it.
func apply(old []byte, e event, durable bool, mode int, rng *rand.Rand) []byte {
	lost := func() bool { return !durable && (mode == 0 || mode > 1 && rng.IntN(2) == 0) }
	if e.kind == evTruncate {
		if lost() {
			return old
		}
		return append(old[:min(int64(len(old)), e.off)], make([]byte, max(0, e.off-int64(len(old))))...)
	}
	grow := func(to int64) {
		if d := to - int64(len(old)); d > 0 {
			old = append(old, make([]byte, d)...)
		}
	}
	switch {
	case durable || mode == 1:
		grow(e.off + int64(len(e.data)))
		copy(old[e.off:], e.data)
	case mode == 2 && !lost(): // whole writes
		grow(e.off + int64(len(e.data)))
		copy(old[e.off:], e.data)
	case mode == 3: // sectors
		for at := 0; at < len(e.data); {
			to := min(len(e.data), at+512-int(e.off+int64(at))%512)
			if !lost() {
				grow(e.off + int64(to))
				copy(old[e.off+int64(at):], e.data[at:to])
			}
			at = to
		}
	case mode == 4: // a prefix
		p := e.data[:rng.IntN(len(e.data)+1)]
		grow(e.off + int64(len(p)))
		copy(old[e.off:], p)
	}
	return old
}

// indexAt is the index file after a cut: all commits that ended, and of one under
// way either some pages, or all pages and perhaps the meta page.
func (r *recorder) indexAt(file []byte, cut int, rng *rand.Rand, l lies) []byte {
	put := func(pages map[int64][]byte, odds int) {
		for _, off := range slices.Sorted(maps.Keys(pages)) {
			if odds < 100 && rng.IntN(100) >= odds {
				continue
			}
			p := pages[off]
			if d := off + int64(len(p)) - int64(len(file)); d > 0 {
				file = append(file, make([]byte, d)...)
			}
			copy(file[off:], p)
		}
	}
	ended := map[int]bool{}
	last := -1
	for _, e := range r.events[:cut] {
		if e.kind == evIndexEnd {
			ended[e.since] = true
			last = e.since
		}
	}
	until := cut
	if l.index && last > 0 {
		until = rng.IntN(last) // the flushes of later commits did nothing
	}
	for i, e := range r.events[:until] {
		switch {
		case e.kind != evIndexBegin:
		case ended[i]:
			put(e.pages, 100)
			put(e.meta, 100)
		case rng.IntN(2) == 0:
			put(e.pages, rng.IntN(100))
		default:
			put(e.pages, 100)
			put(e.meta, 50)
		}
	}
	return file
}

// tryDisk writes a disk out, opens it, and checks it.
func tryDisk(dir string, files map[string][]byte, said []string) (opened Opening, err error) {
	if err := os.RemoveAll(dir); err != nil {
		return opened, err
	}
	for _, d := range []string{"journal", "blobs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return opened, err
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return opened, err
		}
	}
	s, err := Open(dir, Options{SegmentSize: 64 << 10, InlineSize: 4 << 10})
	if err != nil {
		return opened, err
	}
	defer s.Close()
	return s.Opened(), newPromises(said).check(s)
}

// explore cuts the power at n random places and returns how many disks failed.
func explore(t *testing.T, r *recorder, base map[string][]byte, n int, seed uint64, l lies) (failed int, replayed, torn int, first error) {
	rng := rand.New(rand.NewPCG(seed, 7))
	dir := filepath.Join(t.TempDir(), "disk")
	for i := range n {
		cut := rng.IntN(len(r.events) + 1)
		files, said := r.disk(base, cut, rng, l)
		opened, err := tryDisk(dir, files, said)
		replayed += opened.Replayed
		if opened.Torn > 0 {
			torn++
		}
		if err != nil {
			if failed++; first == nil {
				first = fmt.Errorf("disk %d, cut at event %d of %d: %w", i, cut, len(r.events), err)
			}
		}
	}
	return failed, replayed, torn, first
}

// TestPowerCut must find nothing.
func TestPowerCut(t *testing.T) {
	end := time.Now().Add(crashFor(t, 4*time.Second))
	disks, replayed, torn := 0, 0, 0
	for seed := uint64(1); disks == 0 || time.Now().Before(end); seed++ {
		r, base := record(t, seed)
		failed, n, cut, err := explore(t, r, base, 60, seed, lies{})
		if disks, replayed, torn = disks+60, replayed+n, torn+cut; failed > 0 {
			t.Fatalf("seed %d: %d of 60 disks failed, the first: %v", seed, failed, err)
		}
	}
	t.Logf("%d disks, %d messages replayed, %d torn tails", disks, replayed, torn)
	if replayed == 0 || torn == 0 {
		t.Error("the cuts never hit anything unfinished")
	}
}

// TestPowerCutControls must find something: flushes that do nothing are noticed.
func TestPowerCutControls(t *testing.T) {
	r, base := record(t, 99)
	for name, l := range map[string]lies{
		"journal": {journal: true}, "blobs": {blobs: true}, "index": {index: true},
	} {
		t.Run(name, func(t *testing.T) {
			failed, _, _, err := explore(t, r, base, 40, 1, l)
			t.Logf("%d of 40 disks failed, the first: %v", failed, err)
			if failed < 10 {
				t.Errorf("only %d of 40 disks failed", failed)
			}
		})
	}
}
