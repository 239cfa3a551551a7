package bolt

import (
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// counters count since the start.
type counters struct {
	flushes, commits, faults, dead atomic.Int64
}

// Stats is what an operator may want to watch.
type Stats struct {
	Segments   int   `json:"segments"`
	Journal    int64 `json:"journal"` // bytes of all segment files, with what is reserved
	Live       int64 `json:"live"`    // bytes of the journal that messages refer to
	Blobs      int   `json:"blobs"`   // texts that have their own files
	Texts      int   `json:"texts"`   // message texts, a text with many copies counted once
	Index      int64 `json:"index"`   // bytes of the index file
	FreePages  int   `json:"freePages"`
	Readers    int   `json:"readers"` // read transactions open at this moment
	Leases     int   `json:"leases"`
	Flushes    int64 `json:"flushes"` // of the journal, since the start
	Commits    int64 `json:"commits"` // of the index, since the start
	Faults     int64 `json:"faults"`  // references without a target that were met: run Verify
	Checkpoint struct {
		Segment uint32 `json:"segment"`
		Offset  int64  `json:"offset"`
		LSN     uint64 `json:"lsn"`
	} `json:"checkpoint"` // the journal is in the index up to here
}

// Stats reads them. It costs a walk over the index's pages of texts.
func (s *Store) Stats() (st Stats, err error) {
	segs, cp, err := s.listSegments()
	if err != nil {
		return st, err
	}
	for _, x := range segs {
		st.Segments++
		st.Journal += x.Size
		st.Live += x.Live
	}
	st.Checkpoint.Segment, st.Checkpoint.Offset, st.Checkpoint.LSN = cp.seg, cp.off, cp.lsn
	err = s.view(func(tx *bbolt.Tx) error {
		st.Index = tx.Size()
		st.Blobs = tx.Bucket([]byte(bucketBlob)).Stats().KeyN
		st.Texts = tx.Bucket([]byte(bucketBody)).Stats().KeyN
		return nil
	})
	b := s.db.Stats()
	st.FreePages, st.Readers = b.FreePageN+b.PendingPageN, b.OpenTxN
	st.Leases = s.schedule.Leased()
	st.Flushes, st.Commits, st.Faults = s.counts.flushes.Load(), s.counts.commits.Load(), s.counts.faults.Load()
	return st, err
}
