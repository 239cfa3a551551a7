package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"glassmail/queue"
)

// Queue is the messages that wait for other servers, of all nodes.
type Queue interface {
	QueueEntries(ctx context.Context) ([]QueueEntry, error)
	// QueueText returns the beginning of an entry's message. mailbox.ErrNotFound.
	QueueText(ctx context.Context, node, id string) (string, error)
	// AmendQueue returns how many entries there were.
	AmendQueue(ctx context.Context, node string, ids []string, a queue.Amendment) (int, error)
}

// QueueEntry is one waiting recipient of a node.
type QueueEntry struct {
	Node    string
	Expires time.Time // when it goes back to its sender
	queue.Entry
}

// queueItem is an entry as it is told.
type queueItem struct {
	ID       string `json:"id"`
	Node     string `json:"node"`
	Journey  string `json:"journey"`
	From     string `json:"from"`
	To       string `json:"to"`
	Dest     string `json:"dest"`
	Size     int64  `json:"size"`
	Accepted string `json:"accepted"`
	Due      string `json:"due"` // of the next attempt
	Attempts int    `json:"attempts"`
	Reply    string `json:"lastReply,omitempty"`
	Host     string `json:"lastHost,omitempty"`
	Held     bool   `json:"held"`
	Text     string `json:"text,omitempty"` // the beginning of the message, of a single entry
}

// maxQueueItems bounds the entries of one answer.
const maxQueueItems = 1000

func (a *API) queueRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/queue", Role: Viewer, Handle: a.queueList},
		{Method: "GET", Path: "/queue/{id}", Role: Operator, Handle: a.queueEntry},
		{Method: "POST", Path: "/queue/{id}/{action}", Role: Operator, MaxBody: smallBody, Handle: a.queueAmend},
	}
}

func (a *API) hasQueue() error {
	if a.o.Queue == nil {
		return absent("this server has no queue")
	}
	return nil
}

func itemOf(e QueueEntry) queueItem {
	return queueItem{
		ID: e.ID + "~" + e.Node, Node: e.Node, Journey: e.Message, From: e.From.String(), To: e.To.String(), Dest: e.Dest, Size: e.Size,
		Accepted: stamp(e.Accepted), Due: stamp(e.Due), Attempts: e.Attempts, Reply: e.LastReply, Host: e.LastHost, Held: e.Held,
	}
}

func (a *API) queueList(c *Call) error {
	if err := a.hasQueue(); err != nil {
		return err
	}
	all, err := a.o.Queue.QueueEntries(c.Context())
	if err != nil {
		return err
	}
	total := len(all)
	out := items([]queueItem{})
	out.Total = &total
	for _, e := range all[:min(total, maxQueueItems)] {
		out.Items = append(out.Items, itemOf(e))
	}
	return c.JSON(out)
}

// entry finds the entry of a path.
func (a *API) entry(c *Call) (QueueEntry, error) {
	if err := a.hasQueue(); err != nil {
		return QueueEntry{}, err
	}
	id, node, _ := strings.Cut(c.PathValue("id"), "~")
	all, err := a.o.Queue.QueueEntries(c.Context())
	if err != nil {
		return QueueEntry{}, err
	}
	for _, e := range all {
		if e.ID == id && e.Node == node {
			return e, nil
		}
	}
	return QueueEntry{}, fault(http.StatusNotFound, "there is no such entry in the queue: it was delivered, or removed")
}

func (a *API) queueEntry(c *Call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	out := itemOf(e)
	if out.Text, err = a.o.Queue.QueueText(c.Context(), e.Node, e.ID); err != nil {
		return err
	}
	out.Text = strings.ToValidUTF8(out.Text, "\uFFFD")
	return c.JSON(out)
}

func (a *API) queueAmend(c *Call) error {
	how, ok := map[string]queue.Amendment{
		"hold": queue.Hold, "release": queue.Release, "retry": queue.RetryNow, "remove": queue.Remove,
	}[c.PathValue("action")]
	if !ok {
		return fault(http.StatusNotFound, "%q cannot be done to an entry: it may be hold, release, retry or remove", c.PathValue("action"))
	}
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	n, err := a.o.Queue.AmendQueue(c.Context(), e.Node, []string{e.ID}, how)
	if err != nil {
		return err
	}
	return c.JSON(map[string]int{"changed": n})
}
