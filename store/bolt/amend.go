package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/queue"
)

// Entries lists waiting recipients in the order in which they were accepted.
func (s *Store) Entries(ctx context.Context, dest string) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		var from []byte
		for more := true; more; {
			var batch []queue.Entry
			err := ctx.Err()
			if err == nil {
				batch, from, more, err = s.entries(from, dest)
			}
			if err != nil {
				yield(queue.Entry{}, err)
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// entries copies some entries, from the message with the key from on.
func (s *Store) entries(from []byte, dest string) (batch []queue.Entry, next []byte, more bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		var p envelopeRow
		c := tx.Bucket([]byte(bucketQueue)).Cursor()
		rows := 0
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if k[8] == kindParcel {
				if rows >= maxRows {
					next, more = bytes.Clone(k), true
					return nil
				}
				if p, err = parseParcel(v); err != nil {
					return err
				}
				continue
			}
			rows++
			r, err := parseWaiting(v)
			if err != nil {
				return err
			}
			if dest == "" || r.to.Dest == dest {
				batch = append(batch, r.entry(k, &p))
			}
		}
		return nil
	})
	return batch, next, more, err
}

func (r *waitingRow) entry(key []byte, p *envelopeRow) queue.Entry {
	id := parse64(key[:8])
	return queue.Entry{
		ID: entryID(id, binary.BigEndian.Uint32(key[9:])), Message: p.message, From: p.from, To: r.to.Address,
		Dest: r.to.Dest, Size: int64(p.size), Accepted: p.accepted, Due: r.to.Due, Attempts: r.attempts,
		LastReply: r.reply, LastHost: r.host, Held: r.held, Body: bodyID(id),
	}
}

func entryID(id uint64, index uint32) string { return fmt.Sprintf("%s-%04x", bodyID(id), index) }

func parseEntryID(s string) (key []byte, ok bool) {
	a, b, ok := strings.Cut(s, "-")
	id, err := strconv.ParseUint(a, 16, 64)
	index, err2 := strconv.ParseUint(b, 16, 32)
	if !ok || err != nil || err2 != nil || entryID(id, uint32(index)) != s {
		return nil, false
	}
	return waitingKey(id, uint32(index)), true
}

// Amend holds, releases, retries or removes entries. All entries, or very many,
// are amended in several steps.
func (s *Store) Amend(ctx context.Context, ids []string, a queue.Amendment, now time.Time) (n int, err error) {
	var keys [][]byte
	if ids == nil {
		if keys, err = s.waitingKeys(); err != nil {
			return 0, err
		}
	}
	for _, id := range ids {
		if k, ok := parseEntryID(id); ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	for part := range slices.Chunk(keys, purgeChunk) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		done := 0
		err := s.update(func(w *writer) (err error) {
			done, err = w.amend(part, a, now)
			w.wake = true
			return err
		})
		if err != nil {
			return n, err
		}
		n += done
	}
	return n, nil
}

func (s *Store) waitingKeys() (keys [][]byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketQueue)).ForEach(func(k, _ []byte) error {
			if k[8] == kindWaiting {
				keys = append(keys, bytes.Clone(k))
			}
			return nil
		})
	})
	return keys, err
}

func (w *writer) amend(keys [][]byte, a queue.Amendment, now time.Time) (n int, err error) {
	for _, k := range keys {
		v := w.queue.Get(k)
		if v == nil {
			continue
		}
		n++
		id := parse64(k[:8])
		if a == queue.Remove {
			if err := errors.Join(w.queue.Delete(k), w.dropParcel(id)); err != nil {
				return n, err
			}
			continue
		}
		r, err := parseWaiting(v)
		if err != nil {
			return n, err
		}
		released := a == queue.Release && r.held
		switch a {
		case queue.Hold:
			r.held = true
		case queue.Release:
			r.held = false
		}
		if a != queue.Hold && (released || r.to.Due.After(now)) {
			r.to.Due = now
			w.hints = append(w.hints, queueHint{r.to.Dest, id, now})
		}
		if err := w.queue.Put(k, r.bytes()); err != nil {
			return n, err
		}
	}
	return n, nil
}
