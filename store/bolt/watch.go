package bolt

import (
	"context"
	"sync"

	"glassmail/mailbox"
)

// watchers are told which folders changed. Each has room for one notice, so that
// one who does not listen costs nothing.
type watchers struct {
	mu sync.Mutex
	of map[mailbox.FolderID]map[chan struct{}]struct{}
}

func newWatchers() watchers {
	return watchers{of: map[mailbox.FolderID]map[chan struct{}]struct{}{}}
}

func (w *watchers) notify(folders map[mailbox.FolderID]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.of) == 0 {
		return
	}
	for f := range folders {
		for c := range w.of[f] {
			poke(c)
		}
	}
}

func (w *watchers) add(f mailbox.FolderID, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[f] == nil {
		w.of[f] = map[chan struct{}]struct{}{}
	}
	w.of[f][c] = struct{}{}
}

func (w *watchers) remove(f mailbox.FolderID, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of[f], c)
	if len(w.of[f]) == 0 {
		delete(w.of, f)
	}
}

// Watch receives after changes to the folder became visible, and once at the
// beginning if the folder is not there.
func (s *Store) Watch(ctx context.Context, f mailbox.FolderID) <-chan struct{} {
	c := make(chan struct{}, 1)
	s.watchers.add(f, c)
	context.AfterFunc(ctx, func() { s.watchers.remove(f, c) })
	if _, err := s.folderRow(f); err != nil {
		poke(c)
	}
	return c
}
