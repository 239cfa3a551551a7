package bolt

import (
	"context"
	"io"

	"go.etcd.io/bbolt"

	"glassmail/mail"
)

// Find tells which text an operator means: by its own number, or by the ID under
// which it was accepted. The newest acceptances and what waits are looked up; older
// ones are searched for in the journal. mailbox.ErrNotFound.
func (s *Store) Find(ctx context.Context, what string) (mail.ContentID, error) {
	var found uint64
	err := s.view(func(tx *bbolt.Tx) error {
		if n, err := bodyNumber(mail.ContentID(what)); err == nil && tx.Bucket([]byte(bucketBody)).Get(key64(n)) != nil {
			found = n
			return nil
		}
		return eachAcceptance(tx, func(n uint64, id string) {
			if id == what {
				found = n
			}
		})
	})
	if err == nil && found == 0 {
		found, err = s.searchJournal(ctx, what)
	}
	if err != nil {
		return "", err
	}
	if found == 0 {
		return "", notFound("message", what)
	}
	return bodyID(found), nil
}

// eachAcceptance tells the IDs that the index has.
func eachAcceptance(tx *bbolt.Tx, f func(n uint64, id string)) error {
	err := tx.Bucket([]byte(bucketID)).ForEach(func(k, v []byte) error {
		d := decoder{b: v}
		f(parse64(k), d.string())
		return d.err
	})
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketQueue)).ForEach(func(k, v []byte) error {
		if k[8] != kindParcel {
			return nil
		}
		p, err := parseParcel(v)
		f(parse64(k[:8]), p.message)
		return err
	})
}

// searchJournal reads every frame; 0 if none is meant.
func (s *Store) searchJournal(ctx context.Context, what string) (uint64, error) {
	s.care.Lock() // no segment goes meanwhile
	defer s.care.Unlock()
	ids, err := numbered(s.o.FS, s.segments.dir, ".seg")
	for _, id := range ids {
		if err != nil {
			return 0, err
		}
		var found uint64
		if found, err = s.searchSegment(ctx, uint32(id), what); found != 0 {
			return found, nil
		}
	}
	return 0, err
}

func (s *Store) searchSegment(ctx context.Context, seg uint32, what string) (uint64, error) {
	h, err := s.segments.get(seg)
	if err != nil {
		return 0, err
	}
	defer s.segments.put(h)
	in, err := newFrameReader(h, seg, segmentHead)
	if err != nil {
		return 0, err
	}
	for {
		fr, err := in.next()
		if err == io.EOF {
			return 0, ctx.Err()
		}
		if err != nil || ctx.Err() != nil { // what is unreadable is for Verify to tell
			return 0, ctx.Err()
		}
		if d := (decoder{b: fr.acceptance()}); d.string() == what && d.err == nil {
			return fr.message(), nil
		}
	}
}
