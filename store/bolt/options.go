package bolt

import (
	"errors"
	"time"
)

// Ack says at which instant an acceptance is answered.
type Ack uint8

// Instants of acknowledgement. The files and what they promise are the same.
const (
	Journal Ack = iota // after the journal's flush: one flush for a group of messages
	Index              // after the index commit: three flushes, and readers see it at once
)

// Options for Open. The zero value is good.
type Options struct {
	Ack Ack
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// FS is the file system under journal and texts; nil means the system's. The
	// index is always a file of the system's.
	FS FS
	// SegmentSize is when the journal goes on in a new file, in bytes; 0 means
	// 64 MiB. At most 1 GiB.
	SegmentSize int64
	// InlineSize is the largest text that is kept inside the journal, in bytes; 0
	// means 256 KiB. Larger ones have a file of their own.
	InlineSize int
	// Delay is how long an acknowledged message may wait for company on its way
	// into the index; 0 means 5 ms, negative not at all.
	Delay time.Duration
	// Reserve is how many bytes of the disk are left alone: nothing is accepted
	// when less is free, while messages can still be removed. 0 means 64 MiB,
	// negative none.
	Reserve int64

	commit func(commit func() error) error // runs an index commit; tests put faults here
}

// Limits of this engine.
const (
	MaxText    = 1<<32 - 1 // bytes of one message text
	maxIDs     = 1 << 15   // acceptances that are remembered by their ID
	maxGroup   = 4096      // operations in one flush
	maxFlush   = 8 << 20   // bytes of one flush, beyond which a group closes
	maxCommit  = 20000     // operations in one index commit
	maxRows    = 2048      // rows copied in one read transaction
	maxGone    = 8192      // expunged UIDs remembered in one folder
	runSize    = 512       // expunged UIDs in one row
	purgeChunk = 2000      // rows of a deleted folder removed in one step
)

// Faults that are the store's and not the caller's. They mean "later".
var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrStopped is wrapped by every error after a flush or a commit failed: what
	// is on the disk is not known any more until the folder is opened again.
	ErrStopped = errors.New("the store has stopped")
	// ErrInUse is wrapped by Open when another process has the folder.
	ErrInUse = errors.New("in use by another process")
	// ErrDamaged is wrapped when files do not hold what they must.
	ErrDamaged = errors.New("damaged")
	// ErrFormat is wrapped by Open when a later version wrote the files. Nothing
	// is changed then.
	ErrFormat = errors.New("written by a later version of glassmail")
)

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.FS == nil {
		o.FS = systemFS{}
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = 64 << 20
	}
	o.SegmentSize = min(max(o.SegmentSize, 64<<10), 1<<30)
	if o.InlineSize <= 0 {
		o.InlineSize = 256 << 10
	}
	o.InlineSize = min(o.InlineSize, 4<<20)
	if o.Delay == 0 {
		o.Delay = 5 * time.Millisecond
	}
	if o.commit == nil {
		o.commit = func(commit func() error) error { return commit() }
	}
	if o.Reserve == 0 {
		o.Reserve = 64 << 20
	}
	return o
}
