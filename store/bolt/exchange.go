package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// exchangeIndex puts a copy of a backup's index, or none if from is "", in the
// place of index.db, which stays beside it under another name. A crash at any
// instant leaves the former index, a whole new one, or none, which the next Rebuild
// can start from.
func (s *Store) exchangeIndex(from string) error {
	if err := s.takeLock(); err != nil {
		return err
	}
	return errors.Join(s.exchangeLocked(from), s.lock.Close())
}

func (s *Store) exchangeLocked(from string) error {
	index := filepath.Join(s.dir, "index.db")
	next := index + ".new"
	if from != "" {
		if err := s.fetchIndex(filepath.Join(from, "index.db"), next); err != nil {
			return err
		}
	}
	aside, err := freeName(index + ".before-rebuild")
	if err != nil {
		return err
	}
	switch err := os.Rename(index, aside); {
	case err == nil:
		s.rebuilt.Aside = aside
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if from != "" {
		if err := os.Rename(next, index); err != nil {
			return err
		}
	}
	return s.o.FS.SyncDir(s.dir)
}

// fetchIndex copies an index that must be of the same store as the journal.
func (s *Store) fetchIndex(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(from, to, -1); err != nil {
		return fmt.Errorf("the index of the backup: %w", err)
	}
	name, err := nameOfIndex(to)
	if err != nil {
		return errors.Join(fmt.Errorf("the index %s: %w", from, err), os.Remove(to))
	}
	if err := s.nameOfJournal(); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	if name != s.id {
		return errors.Join(fmt.Errorf("the index %s is that of another store", from), os.Remove(to))
	}
	return nil
}

// nameOfIndex reads what an index says its store is called.
func nameOfIndex(file string) (id storeID, err error) {
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return id, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		m := tx.Bucket([]byte(bucketMeta))
		if m == nil || copy(id[:], m.Get([]byte(metaStore))) != len(id) {
			return fmt.Errorf("%w: it has no name", ErrDamaged)
		}
		return nil
	})
	return id, errors.Join(err, db.Close())
}

// freeName is name, or name with the first number that is not taken.
func freeName(name string) (string, error) {
	for i, try := 1, name; i < 1000; i++ {
		if _, err := os.Lstat(try); errors.Is(err, fs.ErrNotExist) {
			return try, nil
		}
		try = fmt.Sprintf("%s-%d", name, i)
	}
	return "", fmt.Errorf("there are too many files %s-…", name)
}
