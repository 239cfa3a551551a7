package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/store"
)

// Keys of the bucket of waiting recipients: the message's number, then a kind; a
// transaction is what the recipients of a message have in common and goes with the last.
const (
	kindParcel  = 0x00
	kindWaiting = 0x01 // index of the recipient
)

func parcelKey(id uint64) []byte { return append(key64(id), kindParcel) }

func waitingKey(id uint64, index uint32) []byte {
	return binary.BigEndian.AppendUint32(append(key64(id), kindWaiting), index)
}

type envelopeRow struct {
	message  string
	from     mail.Address
	options  mail.Options
	accepted time.Time
	size     uint32
}

func (p *envelopeRow) bytes() []byte {
	b := appendString(nil, p.message)
	b = appendAddress(b, p.from)
	b = appendOptions(b, p.options)
	b = appendTime(b, p.accepted)
	return binary.AppendUvarint(b, uint64(p.size))
}

func parseParcel(b []byte) (envelopeRow, error) {
	d := decoder{b: b}
	p := envelopeRow{message: d.string(), from: d.address(), options: d.options(), accepted: d.time(), size: uint32(d.uint())}
	return p, d.err
}

type waitingRow struct {
	held     bool
	attempts int
	to       queue.Recipient
	reply    string
	host     string
}

func (r *waitingRow) bytes() []byte {
	b := make([]byte, 1, 96)
	if r.held {
		b[0] = 1
	}
	b = binary.AppendUvarint(b, uint64(r.attempts))
	b = appendRecipient(b, &r.to)
	b = appendString(b, r.reply)
	return appendString(b, r.host)
}

func parseWaiting(b []byte) (waitingRow, error) {
	d := decoder{b: b}
	r := waitingRow{held: d.byte() == 1, attempts: int(d.uint()), to: d.recipient(), reply: d.string(), host: d.string()}
	return r, d.err
}

// loadSchedule tells the schedule what waits.
func (s *Store) loadSchedule() error {
	return s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketQueue)).ForEach(func(k, v []byte) error {
			if k[8] != kindWaiting {
				return nil
			}
			r, err := parseWaiting(v)
			if err != nil {
				return fmt.Errorf("queue entry %x: %w", k, err)
			}
			s.schedule.Add(r.to.Dest, parse64(k[:8]), r.to.Due)
			return nil
		})
	})
}

// Wake receives when something was added or amended.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Lease returns jobs that are due at now.
func (s *Store) Lease(ctx context.Context, now time.Time, n int, d time.Duration, skip func(string) bool) ([]queue.Job, time.Time, error) {
	if err := errors.Join(ctx.Err(), s.alive()); err != nil {
		return nil, time.Time{}, err
	}
	return s.schedule.Lease(now, n, d, skip, s.waiting)
}

// waiting reads what waits of a message for a destination.
func (s *Store) waiting(dest string, id uint64) (w store.Waiting, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketQueue)).Cursor()
		prefix := key64(id)
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			if k[8] == kindParcel {
				p, err := parseParcel(v)
				if err != nil {
					return err
				}
				w.Job = queue.Job{Message: p.message, From: p.from, Options: p.options, Accepted: p.accepted, Body: bodyID(id)}
				continue
			}
			r, err := parseWaiting(v)
			if err != nil {
				return err
			}
			if r.to.Dest == dest {
				w.Rows = append(w.Rows, store.WaitingRow{
					Index: binary.BigEndian.Uint32(k[9:]), Recipient: r.to, Attempts: r.attempts, Held: r.held,
				})
			}
		}
		return nil
	})
	return w, err
}

// Settle records results and accepts the report in the same index commit; the
// report's text is in the journal before that, where it means nothing by itself.
// A report is accepted even if it is over a quota: it must not be lost.
func (s *Store) Settle(ctx context.Context, j queue.Job, results []queue.Result, report *store.Report) error {
	if report != nil {
		defer report.Text.Discard()
	}
	if err := errors.Join(ctx.Err(), s.alive()); err != nil {
		return err
	}
	id, indexes, err := s.schedule.Claim(j.ID)
	if err != nil {
		return err
	}
	o := &op{wait: true, done: make(chan error, 1)}
	if report != nil {
		if err = s.attach(o, report); err != nil {
			s.schedule.Unclaim(j.ID)
			return err
		}
	}
	var dues []time.Time
	o.apply = func(w *writer) (err error) {
		if o.acc != nil {
			if _, err := w.accept(o.acc, o, o.at.lsn); err != nil {
				return err
			}
		}
		dues, err = w.settle(id, indexes, results)
		w.wake = true
		return err
	}
	if err := s.submit(o); err != nil {
		s.schedule.Unclaim(j.ID)
		if o.acc != nil {
			s.ids.fail(o.acc.ID)
		}
		return err
	}
	s.schedule.Settled(j.ID, dues)
	poke(s.wake)
	return nil
}

// attach makes a report part of an operation. A report that was accepted before is
// left out.
func (s *Store) attach(o *op, report *store.Report) error {
	t, err := s.take(report.Text)
	if err != nil {
		return err
	}
	a := report.Acceptance
	if again, _, err := s.repeated(a); again || err != nil {
		return err
	}
	err = s.complete(&a)
	if err == nil {
		_, err = s.checkAccounts(a.Deposits, t.size)
	}
	if err == nil {
		err = t.seal()
	}
	if err != nil {
		s.ids.fail(a.ID)
		return err
	}
	o.kind, o.acc, o.record = typeText, &a, a.Record
	t.load(o)
	return nil
}

// settle applies results to leased recipients and returns when what is left of
// them is due.
func (w *writer) settle(id uint64, indexes []uint32, results []queue.Result) (dues []time.Time, err error) {
	for _, i := range indexes {
		k := waitingKey(id, i)
		v := w.queue.Get(k)
		if v == nil {
			continue // the operator removed it meanwhile
		}
		row, err := parseWaiting(v)
		if err != nil {
			return nil, err
		}
		if r, ok := resultFor(results, &row); ok {
			if r.Status != queue.Deferred {
				if err := w.queue.Delete(k); err != nil {
					return nil, err
				}
				continue
			}
			row.attempts++
			row.reply, row.host = r.Reply.Error(), r.Host
			if row.to.Due = r.Retry; r.Retry.IsZero() {
				row.to.Due = w.s.o.Now()
			}
			if err := w.queue.Put(k, row.bytes()); err != nil {
				return nil, err
			}
		}
		dues = append(dues, row.to.Due)
	}
	return dues, w.dropParcel(id)
}

// dropParcel removes a transaction that has no recipients any more, and its reference.
func (w *writer) dropParcel(id uint64) error {
	k := parcelKey(id)
	if w.queue.Get(k) == nil {
		return nil
	}
	next, _ := w.queue.Cursor().Seek(append(key64(id), kindWaiting))
	if next != nil && parse64(next[:8]) == id {
		return nil
	}
	if err := w.queue.Delete(k); err != nil {
		return err
	}
	return w.refs(id, -1)
}
