package api

import (
	"container/list"
	"context"
	"slices"
	"sync"

	"glassmail/mailbox"
)

// maxListed bounds the messages that all listings together remember; each takes
// about 150 bytes.
const maxListed = 300_000

// listings remembers the messages of folders that somebody looks at, so that a
// page of a long list takes no more work than its own length. What is remembered
// is brought up to the folder's mod-sequence before each use.
type listings struct {
	mu    sync.Mutex
	all   map[listingKey]*list.Element
	order *list.List // of *listing; the last used in front
	held  int        // messages in all
}

type listingKey struct {
	account string
	folder  mailbox.FolderID
}

// listing is the messages of one folder at one mod-sequence, by UID. Slices are
// replaced, never changed, so that readers may keep them.
type listing struct {
	key      listingKey
	validity uint32
	modSeq   mailbox.ModSeq
	messages []mailbox.Message
}

func newListings() *listings {
	return &listings{all: map[listingKey]*list.Element{}, order: list.New()}
}

// get returns the messages of a folder in UID order. They must not be changed.
func (l *listings) get(ctx context.Context, r reader, f mailbox.Folder) ([]mailbox.Message, error) {
	key := listingKey{r.account, f.ID}
	old, ok := l.find(key, f.UIDValidity)
	if ok && old.modSeq == f.ModSeq {
		return old.messages, nil
	}
	now := listing{key: key, validity: f.UIDValidity, modSeq: f.ModSeq}
	if ok {
		d, err := r.Since(ctx, f.ID, old.modSeq)
		if err != nil {
			return nil, err
		}
		if !d.Gap {
			now.modSeq, now.messages = d.ModSeq, applied(old.messages, d)
			l.keep(now)
			return now.messages, nil
		}
	}
	now.messages = make([]mailbox.Message, 0, f.Messages)
	for m, err := range r.Messages(ctx, f.ID, mailbox.Range{}) {
		if err != nil {
			return nil, err
		}
		now.messages = append(now.messages, m)
	}
	l.keep(now)
	return now.messages, nil
}

// applied is a list of messages after what happened since.
func applied(old []mailbox.Message, d mailbox.Delta) []mailbox.Message {
	out := make([]mailbox.Message, 0, len(old)+len(d.Changed))
	for _, m := range old {
		if _, gone := slices.BinarySearch(d.Expunged, m.UID); gone {
			continue
		}
		for len(d.Changed) > 0 && d.Changed[0].UID < m.UID {
			out = append(out, d.Changed[0])
			d.Changed = d.Changed[1:]
		}
		if len(d.Changed) > 0 && d.Changed[0].UID == m.UID {
			m = d.Changed[0]
			d.Changed = d.Changed[1:]
		}
		out = append(out, m)
	}
	return append(out, d.Changed...)
}

func (l *listings) find(key listingKey, validity uint32) (listing, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.all[key]
	if e == nil {
		return listing{}, false
	}
	l.order.MoveToFront(e)
	one := e.Value.(listing)
	return one, one.validity == validity
}

func (l *listings) keep(one listing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.all[one.key]; e != nil {
		l.held -= len(e.Value.(listing).messages)
		l.order.Remove(e)
		delete(l.all, one.key)
	}
	if len(one.messages) > maxListed {
		return
	}
	l.all[one.key] = l.order.PushFront(one)
	l.held += len(one.messages)
	for l.held > maxListed || l.order.Len() > maxListed/100 {
		last := l.order.Back()
		old := last.Value.(listing)
		l.held -= len(old.messages)
		l.order.Remove(last)
		delete(l.all, old.key)
	}
}
