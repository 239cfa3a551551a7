package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"glassmail/mailbox"
)

// Rebuilt tells what Rebuild did.
type Rebuilt struct {
	Messages int      `json:"messages"`           // brought in from the journal
	Accounts []string `json:"accounts,omitempty"` // that had to be made again; they are locked
	Lost     []string `json:"lost,omitempty"`     // what could not be read
	Mended   []string `json:"mended,omitempty"`   // what Repair found in the index
	Aside    string   `json:"aside,omitempty"`    // the file that the former index has become
}

// RebuildOptions say from which index Rebuild starts. The zero value means the one
// that is there, or none if it is lost.
type RebuildOptions struct {
	// From is the folder of a backup whose index is taken, by copy.
	From string
	// Fresh means that no index is taken: everything comes from the journal.
	Fresh bool
	// Progress, which may be nil, hears how much of the journal was read, in bytes.
	Progress func(done, total int64)
}

// Rebuild mends a store that Open refuses, or makes a new index from the journal
// if the file index.db was lost or put back from a backup. No process may have the
// store open.
//
// It brings in whatever can be read of the journal beyond the index and passes over
// the rest. Accounts that the index does not have are made again, locked; their
// messages are all in INBOX, expunged ones may be back, flags are those of the
// delivery. Recipients that waited for other servers are held: some of them may
// have got the message long ago. Every folder gets a new UIDVALIDITY, so that
// clients forget what they know (RFC 9051 §2.3.1.1).
//
// r says from which index it starts, and hears of progress.
func Rebuild(dir string, o Options, r RebuildOptions) (Rebuilt, error) {
	s := newStore(dir, o.withDefaults())
	s.rebuilt, s.progress = &Rebuilt{}, r.Progress
	err := s.rebuild(r)
	if err != nil {
		err = fmt.Errorf("rebuild store %s: %w", dir, err)
	}
	return *s.rebuilt, err
}

func (s *Store) rebuild(r RebuildOptions) error {
	if r.From != "" || r.Fresh {
		if err := s.exchangeIndex(r.From); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "index.db")); errors.Is(err, fs.ErrNotExist) {
		if err := s.nameOfJournal(); err != nil {
			return err
		}
	}
	if err := s.open(); err != nil {
		return err
	}
	s.rebuilt.Messages = s.opened.Replayed
	err := s.commit([]*op{{apply: (*writer).renumber}, {apply: func(w *writer) error {
		found, err := w.repair()
		s.rebuilt.Mended = found.Problems
		return err
	}}})
	return errors.Join(err, s.closeFiles())
}

// nameOfJournal finds out what the store is called from a segment.
func (s *Store) nameOfJournal() error {
	ids, err := numbered(s.o.FS, s.segments.dir, ".seg")
	if err != nil {
		return err
	}
	for _, id := range ids {
		f, err := os.Open(segmentName(s.segments.dir, uint32(id)))
		if err != nil {
			return err
		}
		b := make([]byte, segmentHead)
		_, err = f.ReadAt(b, 0)
		f.Close()
		name := storeID(b[16:32])
		if _, bad := checkSegment(headerOnly(b), uint32(id), name); err == nil && bad == nil {
			s.id = name
			return nil
		}
	}
	if len(ids) == 0 && s.lost("all mail, if there was any: the journal has no segment") {
		return nil // a store that never took a message; it gets a new name
	}
	return fmt.Errorf("%w: there is neither an index nor a readable segment", ErrDamaged)
}

// headerOnly reads a header that is in memory.
type headerOnly []byte

func (h headerOnly) ReadAt(p []byte, _ int64) (int, error) { return copy(p, h), nil }

// lost notes what a rebuild passes over, and reports whether this is one.
func (s *Store) lost(format string, args ...any) bool {
	if s.rebuilt == nil {
		return false
	}
	if len(s.rebuilt.Lost) < maxProblems {
		s.rebuilt.Lost = append(s.rebuilt.Lost, fmt.Sprintf(format, args...))
	}
	return true
}

// rebuild makes a frame that says where a text moved, or that is a report, an
// acceptance again, if the index does not know the message.
func (r *replayer) rebuild(fr *frame, o *op) error {
	if fr.kind == typeAccept || len(fr.acceptance()) == 0 {
		return nil
	}
	a, err := decodeAcceptance(fr.acceptance())
	if err == nil {
		err = r.blobThere(fr)
	}
	if err != nil {
		return err
	}
	id, move := fr.message(), fr.kind == typeMove
	o.kind = typeText
	o.apply = func(w *writer) error {
		if _, known := parseBody(w.body.Get(key64(id))); known {
			if move {
				return w.moved(id, o.at.seg, o.at.off)
			}
			return nil
		}
		_, err := w.accept(a, o, id)
		return err
	}
	r.accepted++
	return nil
}

// recreate makes an account again for which the journal has mail.
func (w *writer) recreate(user string) (mailbox.FolderID, *folderRow, error) {
	a := mailbox.Account{Address: user, Created: w.s.o.Now()}
	w.after.accounts = true
	if err := w.bucket(bucketAccount).Put([]byte(user), accountRow(&a)); err != nil {
		return 0, nil, err
	}
	id, err := w.makeFolder(user, mailbox.Inbox, nameRow{subscribed: true})
	if err != nil {
		return 0, nil, err
	}
	w.s.rebuilt.Accounts = append(w.s.rebuilt.Accounts, user)
	w.cache.inboxes[user] = id
	r, err := w.folder(id)
	return id, r, err
}

// renumber gives every folder a new UIDVALIDITY.
func (w *writer) renumber() error {
	var ids []mailbox.FolderID
	err := w.bucket(bucketName).ForEach(func(_, v []byte) error {
		n, err := parseName(v)
		ids = append(ids, n.id)
		return err
	})
	for _, id := range ids {
		r, e := w.folder(id)
		if err = errors.Join(err, e); err != nil {
			return err
		}
		if r == nil {
			continue
		}
		if r.validity, err = w.validityNow(); err != nil {
			return err
		}
		w.touch(id)
	}
	return err
}
