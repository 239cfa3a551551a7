package bolt

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"glassmail/atomicfile"
)

// The buckets of the index; the package comment says what is in them.
const (
	bucketMeta    = "meta"
	bucketAccount = "account"
	bucketAlias   = "alias"
	bucketName    = "name"
	bucketBox     = "box"
	bucketBody    = "body"
	bucketBlob    = "blob"
	bucketSegment = "segment"
	bucketQueue   = "queue"
	bucketID      = "id"
	bucketDoomed  = "doomed"
)

// Keys of the bucket meta.
const (
	metaFormat     = "format"     // 4 bytes
	metaStore      = "store"      // the store's random name
	metaCheckpoint = "checkpoint" // segment, offset and LSN of the last frame that is in the index
	metaFolder     = "folder"     // folder number given out last
	metaValidity   = "validity"   // UIDVALIDITY given out last
	metaBlob       = "blob"       // file number used last
)

const indexFormat = 1

// checkpoint is how far the journal is in the index: the frame with this LSN ends
// at this place.
type checkpoint struct {
	seg uint32
	off int64
	lsn uint64
}

func (c checkpoint) bytes() []byte {
	b := make([]byte, 20)
	be := binary.BigEndian
	be.PutUint32(b, c.seg)
	be.PutUint64(b[4:], uint64(c.off))
	be.PutUint64(b[12:], c.lsn)
	return b
}

func parseCheckpoint(b []byte) (c checkpoint) {
	if len(b) != 20 {
		return c
	}
	be := binary.BigEndian
	return checkpoint{be.Uint32(b), int64(be.Uint64(b[4:])), be.Uint64(b[12:])}
}

// openIndex opens the index file, or makes it for a store called id, or by a name
// of chance if that is zero.
func openIndex(name string, id storeID, now time.Time) (*bbolt.DB, storeID, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if err := makeIndex(name, id, now); err != nil {
			return nil, storeID{}, fmt.Errorf("index: %w", err)
		}
	}
	err := wholeIndex(name)
	var db *bbolt.DB
	if err == nil {
		db, err = openBolt(name)
	}
	if !errors.Is(err, ErrDamaged) && (errors.Is(err, bbolterrors.ErrInvalid) || errors.Is(err, bbolterrors.ErrChecksum) || errors.Is(err, bbolterrors.ErrVersionMismatch)) {
		err = fmt.Errorf("%w: index.db cannot be read (%w)", ErrDamaged, err)
	}
	if err != nil {
		return nil, storeID{}, fmt.Errorf("index: %w", err)
	}
	id, err = prepareIndex(db, id, now)
	if err != nil {
		return nil, storeID{}, errors.Join(fmt.Errorf("index: %w", err), db.Close())
	}
	return db, id, nil
}

// makeIndex makes the index of a new store under another name first: a loss of
// power never leaves one that is half made.
func makeIndex(name string, id storeID, now time.Time) error {
	next := name + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(next, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	_, err = prepareIndex(db, id, now)
	if err := errors.Join(err, db.Close()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, name); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(name))
}

// wholeIndex keeps a file that was cut short from being mapped: who touches a page
// that is mapped and not there is killed by the system.
func wholeIndex(name string) error {
	st, err := os.Stat(name)
	if err != nil {
		return err
	}
	if st.Size() == 0 {
		return fmt.Errorf("%w: index.db is empty", ErrDamaged)
	}
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{ReadOnly: true, Timeout: 2 * time.Second})
	if err != nil {
		var system syscall.Errno
		if !errors.As(err, &system) && !errors.Is(err, bbolterrors.ErrTimeout) {
			err = fmt.Errorf("%w: index.db cannot be read (%w)", ErrDamaged, err) // some of its errors have no name
		}
		return err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > st.Size() {
			return fmt.Errorf("%w: index.db has %d bytes and should have %d", ErrDamaged, st.Size(), tx.Size())
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// openBolt maps far more than the file has, where that costs nothing: a file that
// outgrows its map makes every reader and writer wait for the oldest reader.
func openBolt(name string) (*bbolt.DB, error) {
	o := &bbolt.Options{FreelistType: bbolt.FreelistMapType, Timeout: 2 * time.Second}
	if gib := 30; runtime.GOOS != "windows" && bits.UintSize == 64 {
		o.InitialMmapSize = 64 << gib
	}
	db, err := bbolt.Open(name, 0o600, o)
	if err != nil && o.InitialMmapSize > 0 && !errors.Is(err, os.ErrPermission) {
		o.InitialMmapSize = 0 // address space may be limited
		return bbolt.Open(name, 0o600, o)
	}
	return db, err
}

func prepareIndex(db *bbolt.DB, id storeID, now time.Time) (_ storeID, err error) {
	fresh := false
	err = db.View(func(tx *bbolt.Tx) error {
		m := tx.Bucket([]byte(bucketMeta))
		if fresh = m == nil; fresh {
			return nil
		}
		if v := m.Get([]byte(metaFormat)); len(v) != 4 || binary.BigEndian.Uint32(v) != indexFormat {
			return fmt.Errorf("index.db has format %d, this version knows up to %d: %w", parse32(v), indexFormat, ErrFormat)
		}
		if copy(id[:], m.Get([]byte(metaStore))) != len(id) {
			return fmt.Errorf("%w: it has no name", ErrDamaged)
		}
		return nil
	})
	if err != nil || !fresh {
		return id, err
	}
	if id == (storeID{}) {
		if _, err := rand.Read(id[:]); err != nil {
			return id, err
		}
	}
	return id, db.Update(func(tx *bbolt.Tx) error {
		for _, b := range []string{
			bucketMeta, bucketAccount, bucketAlias, bucketName, bucketBox, bucketBody, bucketBlob,
			bucketSegment, bucketQueue, bucketID, bucketDoomed,
		} {
			if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
				return err
			}
		}
		m := tx.Bucket([]byte(bucketMeta))
		return errors.Join(
			m.Put([]byte(metaFormat), key32(indexFormat)),
			m.Put([]byte(metaStore), id[:]),
			m.Put([]byte(metaValidity), key32(uint32(now.Unix()))),
		)
	})
}

// view runs f in a read transaction: f copies and returns, it never calls back.
func (s *Store) view(f func(*bbolt.Tx) error) error {
	err := s.db.View(f)
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
