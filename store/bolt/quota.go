package bolt

import (
	"bytes"
	"context"
	"sync"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
)

// reservations are bytes that were accepted for accounts with a quota and are not
// in the index yet. A reservation ends after the commit: usage and reservations
// together may for a moment count a message twice, never not at all.
type reservations struct {
	mu    sync.Mutex
	bytes map[string]int64
}

func (q *reservations) release(by map[string]int64) {
	if len(by) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for user, n := range by {
		if q.bytes[user] -= n; q.bytes[user] <= 0 {
			delete(q.bytes, user)
		}
	}
}

func (q *reservations) of(user string) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes[user]
}

// Usage returns what the user's messages take up and what they may. It reads one
// row for each of the user's folders.
func (s *Store) Usage(ctx context.Context, user string) (u mailbox.Usage, err error) {
	if err := ctx.Err(); err != nil {
		return u, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketAccount)).Get([]byte(user))
		if v == nil {
			return notFound("account", user)
		}
		u.MaxBytes = accountLimit(v)
		box := tx.Bucket([]byte(bucketBox))
		return eachName(tx, user, func(_ string, n nameRow) error {
			r, err := parseFolder(box.Get(folderKey(n.id)))
			if err == nil {
				u.Bytes += r.size
				u.Messages += int64(r.count)
			}
			return err
		})
	})
	return u, err
}

// usage is the same inside a transaction, with what it has changed so far.
func (w *writer) usage(user string) (n int64, err error) {
	err = eachName(w.tx, user, func(_ string, name nameRow) error {
		r, err := w.folder(name.id)
		if r != nil {
			n += r.size
		}
		return err
	})
	return n, err
}

// eachName visits a user's folders in the order of their names.
func eachName(tx *bbolt.Tx, user string, f func(name string, r nameRow) error) error {
	prefix := nameKey(user, "")
	c := tx.Bucket([]byte(bucketName)).Cursor()
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		r, err := parseName(v)
		if err != nil {
			return err
		}
		if err := f(string(k[len(prefix):]), r); err != nil {
			return err
		}
	}
	return nil
}
