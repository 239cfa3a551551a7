package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"glassmail/mail"
	"glassmail/mailbox"
)

func noFolder(id mailbox.FolderID) error {
	return fmt.Errorf("folder %d: %w", id, mailbox.ErrNotFound)
}

func readFolder(tx *bbolt.Tx, id mailbox.FolderID) (*folderRow, error) {
	v := tx.Bucket([]byte(bucketBox)).Get(folderKey(id))
	if v == nil {
		return nil, noFolder(id)
	}
	return parseFolder(v)
}

// Messages yields copies in UID order. It reads some rows at a time; no
// transaction is open while the caller has one.
func (s *Store) Messages(ctx context.Context, id mailbox.FolderID, r mailbox.Range) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		from := max(r.From, 1)
		batch := make([]mailbox.Message, 0, 64)
		var names contentNames
		for more := true; more; {
			var err error
			if err = ctx.Err(); err == nil {
				batch, from, more, err = s.batch(id, from, r.Since, batch[:0], &names)
			}
			if err != nil {
				yield(mailbox.Message{}, err)
				return
			}
			for _, m := range batch {
				if !yield(m, nil) {
					return
				}
			}
			if cap(batch) < maxRows {
				batch = make([]mailbox.Message, 0, min(8*cap(batch), maxRows))
			}
		}
	}
}

// batch copies the next messages into to, up to its capacity, looking at no more
// than maxRows rows, and says where to go on.
func (s *Store) batch(id mailbox.FolderID, from mailbox.UID, since mailbox.ModSeq, to []mailbox.Message, names *contentNames) (_ []mailbox.Message, next mailbox.UID, more bool, err error) {
	names.reset()
	err = s.view(func(tx *bbolt.Tx) error {
		f, err := readFolder(tx, id)
		if err != nil {
			return err
		}
		first := messageKey(id, from)
		c := tx.Bucket([]byte(bucketBox)).Cursor()
		rows := 0
		for k, v := c.Seek(first); k != nil && bytes.Equal(k[:9], first[:9]); k, v = c.Next() {
			if len(to) == cap(to) || rows == maxRows {
				next, more = uidOf(k), true
				return nil
			}
			rows++
			if r := parseMessage(v); r.mod > since {
				to = append(to, r.message(uidOf(k), f.words))
				names.add(r.body)
			}
		}
		return nil
	})
	names.give(to)
	return to, next, more, err
}

// Body opens a stored message text.
func (s *Store) Body(ctx context.Context, id mail.ContentID) (mail.Message, error) {
	r, h, err := s.locate(ctx, id, func(r contentRow) bool { return r.blob == 0 })
	if err != nil {
		return nil, err
	}
	if h != nil {
		at := int64(r.off) + frameHead + int64(r.rec)
		return &text{SectionReader: io.NewSectionReader(h, at, int64(r.len)), close: func() error { return s.segments.put(h) }}, nil
	}
	f, err := s.o.FS.OpenFile(s.blobName(r.blob), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if _, _, again := s.locate(ctx, id, func(contentRow) bool { return false }); again != nil {
			return nil, again // it was expunged meanwhile
		}
	}
	if err != nil {
		return nil, fmt.Errorf("message text %s: %w", id, err)
	}
	return &text{SectionReader: io.NewSectionReader(f, 0, int64(r.len)), close: f.Close}, nil
}

// Record returns what the scanner wrote about a message.
func (s *Store) Record(ctx context.Context, id mail.ContentID) ([]byte, error) {
	r, h, err := s.locate(ctx, id, func(contentRow) bool { return true })
	if err != nil {
		return nil, err
	}
	b := make([]byte, r.rec)
	_, err = h.ReadAt(b, int64(r.off)+frameHead)
	if err = errors.Join(err, s.segments.put(h)); err != nil {
		return nil, fmt.Errorf("record of message %s: %w", id, err)
	}
	return b, nil
}

// locate finds a text and, if need says so, opens its segment. Compaction may move
// a text between the look and the opening: then it looks again.
func (s *Store) locate(ctx context.Context, id mail.ContentID, need func(contentRow) bool) (r contentRow, h *segment, err error) {
	n, err := bodyNumber(id)
	if err != nil {
		return r, nil, err
	}
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return r, nil, err
		}
		err = s.view(func(tx *bbolt.Tx) error {
			var ok bool
			if r, ok = parseBody(tx.Bucket([]byte(bucketBody)).Get(key64(n))); !ok {
				return notFound("message text", string(id))
			}
			return nil
		})
		if err != nil || !need(r) {
			return r, nil, err
		}
		h, err = s.segments.get(r.seg)
		if err == nil || try == 3 || !errors.Is(err, fs.ErrNotExist) {
			return r, h, err
		}
	}
}

// text is an open message text.
type text struct {
	*io.SectionReader
	close  func() error
	closed atomic.Bool
}

func (t *text) Close() error {
	if t.closed.Swap(true) {
		return fs.ErrClosed
	}
	return t.close()
}
