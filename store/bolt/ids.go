package bolt

import (
	"hash/fnv"
	"sync"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// acceptedIDs knows which acceptances are under way, by ID, and the newest that
// are in the index, by the hash of the ID. The rows have the IDs themselves.
type acceptedIDs struct {
	mu      sync.Mutex
	pending map[string]bool
	known   map[uint64]uint64 // hash to LSN
	oldest  []acceptedHash    // in the order of LSN, those of known
}

type (
	acceptedID struct {
		id  string
		lsn uint64
	}
	acceptedHash struct{ hash, lsn uint64 }
	idState      uint8
)

const (
	idFresh idState = iota
	idPending
	idKnown
)

func newAcceptedIDs() acceptedIDs {
	return acceptedIDs{pending: map[string]bool{}, known: map[uint64]uint64{}}
}

func hashID(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// begin takes a fresh ID, or says what is known of it.
func (a *acceptedIDs) begin(id string) (idState, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending[id] {
		return idPending, 0
	}
	if lsn, ok := a.known[hashID(id)]; ok {
		return idKnown, lsn
	}
	a.pending[id] = true
	return idFresh, 0
}

// replace takes an ID whose hash another ID has.
func (a *acceptedIDs) replace(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[id] = true
}

// fail gives an ID back: it was not accepted.
func (a *acceptedIDs) fail(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, id)
}

// commit remembers IDs that are in the index now.
func (a *acceptedIDs) commit(ids []acceptedID) {
	if len(ids) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range ids {
		delete(a.pending, x.id)
		a.add(hashID(x.id), x.lsn)
	}
}

func (a *acceptedIDs) add(hash, lsn uint64) {
	a.known[hash] = lsn
	a.oldest = append(a.oldest, acceptedHash{hash, lsn})
	for len(a.oldest) > maxIDs {
		if old := a.oldest[0]; a.known[old.hash] == old.lsn {
			delete(a.known, old.hash)
		}
		a.oldest = a.oldest[1:]
	}
}

// loadIDs reads the IDs that the index has.
func (s *Store) loadIDs() error {
	return s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketID)).ForEach(func(k, v []byte) error {
			d := decoder{b: v}
			s.ids.add(hashID(d.string()), parse64(k))
			return d.err
		})
	})
}

// outcome reads what an acceptance came to; same is false if it had another ID.
func (s *Store) outcome(lsn uint64, id string) (placed []mailbox.Appended, same bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketID)).Get(key64(lsn))
		if v == nil {
			return nil
		}
		var was string
		was, placed, err = parseOutcome(v)
		same = was == id
		return err
	})
	return placed, same, err
}

// trimIDs forgets the oldest outcomes, once they are too many by a few hundred.
func (w *writer) trimIDs() error {
	w.s.ids.mu.Lock()
	n := len(w.s.ids.oldest)
	var upTo uint64
	if n == maxIDs {
		upTo = w.s.ids.oldest[0].lsn
	}
	w.s.ids.mu.Unlock()
	if n < maxIDs || len(w.accepted) == 0 {
		return nil
	}
	c := w.ids.Cursor()
	var old [][]byte
	for k, _ := c.First(); k != nil && parse64(k) < upTo && len(old) < 4*maxRows; k, _ = c.Next() {
		old = append(old, k)
	}
	if len(old) < 512 {
		return nil
	}
	for _, k := range old {
		if err := w.ids.Delete(append([]byte(nil), k...)); err != nil {
			return err
		}
	}
	return nil
}
