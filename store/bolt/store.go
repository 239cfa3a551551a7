package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/atomicfile"
	"glassmail/mailbox"
	"glassmail/store"
)

// Store is a node's durable state in one folder. See the package comment.
type Store struct {
	o    Options
	dir  string
	id   storeID
	lock *os.File
	db   *bbolt.DB

	journal  journal // of the goroutine that runs runJournal
	segments segments
	space    space
	schedule *store.Leases
	wake     chan struct{}
	buffers  sync.Pool // of *[]byte, for texts on their way in

	rows    *rowCache       // of whoever commits
	ops     chan *op        // to runJournal
	groups  chan []*op      // to runIndex
	sending sync.RWMutex    // held while an operation is sent to ops
	closed  bool            // under sending
	ctx     context.Context // ends when Close begins
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	failed  atomic.Pointer[error]
	halted  chan struct{}         // closed when failed is set
	end     atomic.Pointer[place] // of what is durable in the journal
	full    atomic.Bool           // acknowledged operations wait for room in the index

	blobs    atomic.Uint64 // file number given out last
	ids      acceptedIDs
	quota    reservations
	accounts knownAccounts
	watchers watchers
	care     sync.Mutex // one of compact, backup, verify, repair at a time
	unlinks  unlinks
	purge    chan struct{}
	opened   Opening
	rebuilt  *Rebuilt                // nil except in Rebuild
	progress func(done, total int64) // of Rebuild; may be nil
	counts   counters
}

var _ store.Store = (*Store)(nil)

// Opening tells what Open found.
type Opening struct {
	Replayed int           // accepted messages that the index did not have yet
	Torn     int64         // bytes of an unfinished write that were cut off the journal
	Took     time.Duration // until the store was ready
}

// Opened tells what Open found.
func (s *Store) Opened() Opening { return s.opened }

// Open opens the store in a folder, and makes it if it is not there. What the
// journal holds beyond the index is brought into the index first. ErrInUse if
// another process has the folder; ErrDamaged if files lack what was acknowledged.
func Open(dir string, o Options) (*Store, error) {
	start := time.Now()
	s := newStore(dir, o.withDefaults())
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	s.setEnd()
	s.opened.Took = time.Since(start)
	s.loops.Add(3)
	go s.runJournal()
	go s.runIndex()
	go s.runPurge(s.blobs.Load()) // read here: no text can have begun yet
	return s, nil
}

func newStore(dir string, o Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{
		o: o, dir: dir, ctx: ctx, cancel: cancel,
		segments: segments{fs: o.FS, dir: filepath.Join(dir, "journal"), open: map[uint32]*segment{}},
		space:    space{fs: o.FS, dir: dir, reserve: o.Reserve, start: time.Now()},
		schedule: store.NewLeases(),
		wake:     make(chan struct{}, 1),
		rows:     newRowCache(),
		ops:      make(chan *op, maxGroup),
		groups:   make(chan []*op, 64),
		ids:      newAcceptedIDs(),
		quota:    reservations{bytes: map[string]int64{}},
		watchers: newWatchers(),
		purge:    make(chan struct{}, 1),
		halted:   make(chan struct{}),
	}
	s.o.FS = sparing{o.FS, s.segments.spare}
	s.space.free.Store(1 << 62) // until it was asked
	return s
}

// open does everything but start the goroutines.
func (s *Store) open() (err error) {
	for _, d := range []string{s.dir, s.segments.dir, s.blobDir()} {
		if err := atomicfile.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	if err = s.takeLock(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
		}
	}()
	if err = s.indexThere(); err != nil {
		return err
	}
	if s.db, s.id, err = openIndex(filepath.Join(s.dir, "index.db"), s.id, s.o.Now()); err != nil {
		return err
	}
	if err = s.o.FS.SyncDir(s.dir); err != nil {
		return err
	}
	s.journal = journal{fs: s.o.FS, dir: s.segments.dir, id: s.id, size: s.o.SegmentSize}
	if err = s.replay(); err != nil {
		return err
	}
	if err = s.loadIDs(); err != nil {
		return err
	}
	if err = s.loadSchedule(); err != nil {
		return err
	}
	s.purge <- struct{}{}
	return nil
}

// takeLock keeps other processes out, and tells them whom to ask.
func (s *Store) takeLock() (err error) {
	if s.lock, err = lockFile(filepath.Join(s.dir, "lock")); err != nil {
		return err
	}
	_ = s.lock.Truncate(0)
	_, _ = s.lock.WriteAt(fmt.Appendf(nil, "process %d\n", os.Getpid()), 0)
	return nil
}

// indexThere keeps a lost index from being taken for a new store: a segment is
// never older than the index.
func (s *Store) indexThere() error {
	_, err := os.Stat(filepath.Join(s.dir, "index.db"))
	if !errors.Is(err, fs.ErrNotExist) || s.rebuilt != nil {
		return nil
	}
	if segs, err := numbered(s.o.FS, s.segments.dir, ".seg"); err != nil || len(segs) > 0 {
		return errors.Join(err, fmt.Errorf("%w: there is a journal and no index.db", ErrDamaged))
	}
	return nil
}

func (s *Store) closeFiles() error {
	s.segments.closeAll()
	err := s.journal.close()
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return errors.Join(err, s.lock.Close())
}

// Close finishes what was begun, brings the journal into the index and lets go of
// the folder. Message texts that are open stay readable.
func (s *Store) Close() error {
	s.sending.Lock()
	if s.closed {
		s.sending.Unlock()
		return nil
	}
	s.closed = true
	s.cancel()
	close(s.ops)
	s.sending.Unlock()
	s.loops.Wait()
	s.care.Lock()
	defer s.care.Unlock()
	err := s.closeFiles()
	if f := s.failed.Load(); f != nil {
		return errors.Join(*f, err)
	}
	return err
}

// stop makes every later operation fail with the first fault.
func (s *Store) stop(err error) error {
	e := fmt.Errorf("%w: %w", ErrStopped, flushError{err})
	if s.failed.CompareAndSwap(nil, &e) {
		close(s.halted)
	}
	return *s.failed.Load()
}

// Stopped is closed when the store has stopped; Alive says why.
func (s *Store) Stopped() <-chan struct{} { return s.halted }

// Alive reports why nothing can be done any more: ErrStopped after a failed write
// or flush, ErrClosed after Close.
func (s *Store) Alive() error { return s.alive() }

// Ready reports why no message can be taken at this time, for good or for a while:
// what Alive says, mailbox.ErrFull, or that no file can be opened.
func (s *Store) Ready() error {
	if err := s.alive(); err != nil {
		return err
	}
	if s.full.Load() {
		return mailbox.ErrFull
	}
	if err := s.space.room(0); err != nil {
		return err
	}
	f, err := s.o.FS.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// alive reports why nothing can be done any more.
func (s *Store) alive() error {
	if f := s.failed.Load(); f != nil {
		return *f
	}
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// send hands an operation to the store's goroutines, which will answer it.
func (s *Store) send(o *op) error {
	s.sending.RLock()
	defer s.sending.RUnlock()
	if s.closed {
		return ErrClosed
	}
	s.ops <- o
	return nil
}

// submit sends an operation and waits for its answer.
func (s *Store) submit(o *op) error {
	if err := s.send(o); err != nil {
		return err
	}
	return <-o.done
}

// update runs f in the next index commit and returns when it is durable.
func (s *Store) update(f func(*writer) error) error {
	return s.submit(&op{apply: f, wait: true, done: make(chan error, 1)})
}
