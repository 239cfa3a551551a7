package api

import (
	"context"
	"net/http"
	"time"

	"glassmail/mailbox"
)

// Bounds of waiting for a message.
const (
	maxWait     = 5 * time.Minute
	defaultWait = 10 * time.Second
)

// awaited is what a call waits for.
type awaited struct {
	Account string    `json:"account"`
	Q       string    `json:"q"`
	After   time.Time `json:"after"`   // only messages of this second or later
	Timeout string    `json:"timeout"` // as "10s"

	wait  time.Duration
	match *mailbox.Matcher
}

// readAwaited reads and checks the body.
func (c *Call) readAwaited() (in awaited, err error) {
	if err := c.Read(&in); err != nil {
		return in, err
	}
	in.wait = defaultWait
	if in.Timeout != "" {
		if in.wait, err = time.ParseDuration(in.Timeout); err != nil || in.wait <= 0 || in.wait > maxWait {
			return in, fault(http.StatusBadRequest, "timeout: write a time of at most %v, as in 10s", maxWait)
		}
	}
	in.After = in.After.Truncate(time.Second) // as exact as a mailbox knows it
	in.match, err = parseQuery(in.Q)
	return in, err
}

// suiteWait answers with the first message that matches, as soon as it is there.
func (a *API) suiteWait(c *Call) error {
	in, err := c.readAwaited()
	if err != nil {
		return err
	}
	boxes, err := a.boxes(c, in.Account)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), in.wait)
	defer cancel()
	w := &watcher{news: make(chan struct{}, 1)}
	defer w.wait.Wait()
	defer cancel()
	for _, r := range boxes {
		f, err := r.Folder(ctx, r.account, mailbox.Inbox)
		if err != nil {
			return err
		}
		w.r = r
		w.watch(ctx, f.ID)
	}
	for {
		h, ok, err := a.arrived(ctx, boxes, in)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if ok {
			one, err := a.found(c.Context(), h)
			if err != nil {
				return err
			}
			return c.JSON(one)
		}
		if err := waitFor(ctx, w.news, c); err != nil {
			return err
		}
	}
}

// arrived finds the newest message that is waited for.
func (a *API) arrived(ctx context.Context, boxes []reader, in awaited) (hit, bool, error) {
	hits, err := a.look(ctx, boxes, in.match, maxPage)
	for _, h := range hits {
		if !h.Date.Before(in.After) {
			return h, true, nil
		}
	}
	return hit{}, false, err
}
