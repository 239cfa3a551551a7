// Package memory is a store.Store that forgets everything when it is closed: for
// tests, and to see the semantics of mailboxes and queue without a file format.
//
// Everything stands behind one mutex. A folder holds its messages sorted by UID,
// a body counts the folders and waiting recipients that refer to it and goes
// with the last of them, and store.Leases picks what is tried next. A change is
// made only after everything that can refuse it was checked, so that a call that
// fails has changed nothing.
package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// ErrClosed is what every method returns after Close.
var ErrClosed = errors.New("the store is closed")

// maxIDs bounds how many acceptances are remembered by their ID.
const maxIDs = 1 << 16

// Store is the whole state of a node, in memory.
type Store struct {
	now  func() time.Time
	wake chan struct{}

	mu       sync.Mutex
	closed   bool
	accounts map[string]*account
	aliases  map[string]mailbox.Alias
	folders  map[mailbox.FolderID]*folder
	bodies   map[uint64]*body
	parcels  map[uint64]*parcel
	seen     map[string][]mailbox.Appended
	seenIDs  []string // in the order of acceptance
	last     uint64   // number given out last, to a body or a folder
	validity uint32   // UIDVALIDITY given out last
	schedule *store.Leases
}

type (
	account struct {
		mailbox.Account
		folders map[string]*folder
	}
	folder struct {
		mailbox.Folder
		user  string
		msgs  []mailbox.Message
		gone  []tombstone
		floor mailbox.ModSeq // tombstones up to here are forgotten
		watch map[chan struct{}]struct{}
	}
	tombstone struct {
		uid mailbox.UID
		mod mailbox.ModSeq
	}
	body struct {
		text, record []byte
		refs         int
	}
	// transaction is what a queued message's recipients have in common.
	parcel struct {
		message  string
		from     mail.Address
		options  mail.Options
		accepted time.Time
		rows     []*waiting // in the order of their indexes
	}
	waiting struct {
		store.WaitingRow
		lastReply, lastHost string
	}
)

var _ store.Store = (*Store)(nil)

// New returns an empty store that tells the time by now; nil means time.Now.
func New(now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{
		now:      now,
		wake:     make(chan struct{}, 1),
		accounts: map[string]*account{},
		aliases:  map[string]mailbox.Alias{},
		folders:  map[mailbox.FolderID]*folder{},
		bodies:   map[uint64]*body{},
		parcels:  map[uint64]*parcel{},
		seen:     map[string][]mailbox.Appended{},
		validity: uint32(now().Unix()),
		schedule: store.NewLeases(),
	}
}

// Close makes every later call fail.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// enter takes the lock if the store and ctx are still alive; the caller unlocks.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	return nil
}

// Body opens a stored message text.
func (s *Store) Body(ctx context.Context, id mail.ContentID) (mail.Message, error) {
	b, err := s.body(ctx, id)
	if err != nil {
		return nil, err
	}
	return text{bytes.NewReader(b.text)}, nil
}

// Record returns what the scanner wrote about a message.
func (s *Store) Record(ctx context.Context, id mail.ContentID) ([]byte, error) {
	b, err := s.body(ctx, id)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b.record), nil
}

func (s *Store) body(ctx context.Context, id mail.ContentID) (*body, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	n, err := strconv.ParseUint(string(id), 16, 64)
	if b := s.bodies[n]; err == nil && b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("message text %q: %w", id, mailbox.ErrNotFound)
}

func bodyID(n uint64) mail.ContentID { return mail.ContentID(fmt.Sprintf("%08x", n)) }

func (s *Store) unref(n uint64) {
	b := s.bodies[n]
	if b.refs--; b.refs == 0 {
		delete(s.bodies, n)
	}
}

// text is a message text that nobody changes any more.
type text struct{ *bytes.Reader }

func (text) Close() error  { return nil }
func (t text) Size() int64 { return t.Reader.Size() }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (s *Store) lease(ctx context.Context) store.Load {
	return func(dest string, message uint64) (store.Waiting, error) {
		if err := s.enter(ctx); err != nil {
			return store.Waiting{}, err
		}
		defer s.mu.Unlock()
		p := s.parcels[message]
		if p == nil {
			return store.Waiting{}, nil
		}
		w := store.Waiting{Job: queue.Job{
			Message: p.message, From: p.from, Options: p.options, Body: bodyID(message), Accepted: p.accepted,
		}}
		for _, r := range p.rows {
			if r.Recipient.Dest == dest {
				w.Rows = append(w.Rows, r.WaitingRow)
			}
		}
		return w, nil
	}
}
