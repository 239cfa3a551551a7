package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"glassmail/mailbox"
)

// maxWatched bounds the folders that one stream watches; others are looked at
// with each pulse.
const maxWatched = 200

func (a *API) changeRoutes() []Route {
	return []Route{{Method: "GET", Path: "/mail/changes", Role: User, Stream: true, Handle: a.changes}}
}

// changes streams the state of folders: all of them at first, then each one that
// changed. A folder that is gone comes with "gone".
func (a *API) changes(c *Call) error {
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	f, end, err := a.open(c)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithCancel(c.Context())
	w := &watcher{r: r, seen: map[mailbox.FolderID]mailbox.Folder{}, news: make(chan struct{}, 1)}
	defer w.wait.Wait()
	defer cancel()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		if err := w.tell(ctx, f); err != nil {
			return nil
		}
		select {
		case <-c.Ended:
			return nil
		case <-ctx.Done():
			return nil
		case <-w.news:
		case <-tick.C:
			if f.pulse() != nil {
				return nil
			}
			continue
		}
		if f.rest() != nil { // what comes with it is told with it
			return nil
		}
	}
}

// watcher knows the folders of one reader as they were told last.
type watcher struct {
	r    reader
	seen map[mailbox.FolderID]mailbox.Folder
	ends map[mailbox.FolderID]func() // of what watches them
	news chan struct{}               // capacity 1
	wait sync.WaitGroup
}

// folderNews is a folder that changed.
type folderNews struct {
	mailbox.Folder
	Gone bool `json:"gone,omitempty"`
}

// tell sends what is different from the last time.
func (w *watcher) tell(ctx context.Context, f *feed) error {
	all, err := w.r.Folders(ctx, w.r.account)
	if err != nil {
		return err
	}
	here := map[mailbox.FolderID]bool{}
	for _, one := range all {
		here[one.ID] = true
		old, known := w.seen[one.ID]
		if !known && len(w.seen) < maxWatched {
			w.watch(ctx, one.ID)
		}
		if known && old.ModSeq == one.ModSeq && old.Name == one.Name && old.Messages == one.Messages && old.Unseen == one.Unseen && old.Subscribed == one.Subscribed {
			continue
		}
		w.seen[one.ID] = one
		if err := f.send(0, folderNews{Folder: one}); err != nil {
			return err
		}
	}
	for id, old := range w.seen {
		if !here[id] {
			delete(w.seen, id)
			if end := w.ends[id]; end != nil {
				end()
				delete(w.ends, id)
			}
			if err := f.send(0, folderNews{Folder: old, Gone: true}); err != nil {
				return err
			}
		}
	}
	return f.out.Flush()
}

// watch passes a folder's signals on until ctx ends, or the folder has gone.
func (w *watcher) watch(ctx context.Context, id mailbox.FolderID) {
	if w.ends == nil {
		w.ends = map[mailbox.FolderID]func(){}
	}
	ctx, w.ends[id] = context.WithCancel(ctx)
	signal := w.r.Watch(ctx, id)
	w.wait.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-signal:
				select {
				case w.news <- struct{}{}:
				default:
				}
			}
		}
	})
}

// waitFor is the pause between looks at a mailbox that said nothing.
func waitFor(ctx context.Context, signal <-chan struct{}, c *Call) error {
	select {
	case <-ctx.Done():
		return fault(http.StatusRequestTimeout, "no such message came in time")
	case <-c.Ended:
		return fault(http.StatusServiceUnavailable, "the server is stopping")
	case <-signal:
		return nil
	}
}
