package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"glassmail/mailbox"
	"glassmail/trace"
)

// Services is what the nodes do at this time.
type Services interface {
	// Depths tells how much each node holds.
	Depths(ctx context.Context) ([]Depth, error)
	// Clients lists the connections that clients have with the nodes.
	Clients(ctx context.Context) []Client
	// Cut ends the connection of a client, by the number that the trace gave it:
	// politely where that can be, else a moment later. mailbox.ErrNotFound.
	Cut(ctx context.Context, conn uint64) error
}

// Client is an open connection of a client.
type Client struct {
	Base  trace.Event // what all events of the connection share
	Since time.Time
}

// Depth is how much one node holds.
type Depth struct {
	Node            string
	Waiting, Held   int       // recipients in the queue, and those of them that are held
	Oldest          time.Time // when the eldest of them was accepted; zero if none waits
	Accounts        int
	Messages, Bytes int64 // in all mailboxes
}

// maxConns bounds the connections that are known to be open.
const maxConns = 10_000

func (a *API) sessionRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/sessions", Role: Viewer, Handle: a.sessions},
		{Method: "DELETE", Path: "/sessions/{conn}", Role: Operator, Handle: a.cutSession},
		{Method: "GET", Path: "/metrics-series", Role: Viewer, Handle: a.series},
	}
}

// openConn is a connection that is open, as the trace tells.
type openConn struct {
	Node   string         `json:"node"`
	Conn   uint64         `json:"conn"`
	Proto  trace.Protocol `json:"proto"`
	Side   trace.Dir      `json:"side"` // what the node is on it
	Local  string         `json:"local"`
	Remote string         `json:"remote"`
	Secure bool           `json:"secure"`
	Since  time.Time      `json:"since"`
	Last   time.Time      `json:"last"`
	Lines  int            `json:"lines"`
	Text   string         `json:"text"` // the last line
}

// second is what happened in one second.
type second struct {
	At        time.Time `json:"at"`
	Opened    int       `json:"opened"` // connections
	Lines     int       `json:"lines"`
	Accepted  int       `json:"accepted"` // messages, as are the following
	Delivered int       `json:"delivered"`
	Deferred  int       `json:"deferred"`
	Bounced   int       `json:"bounced"`
	Refused   int       `json:"refused"`
}

// seriesLength is for how many seconds figures are kept.
const seriesLength = 900

// tally follows the trace. It looks when somebody asks: what the trace forgot
// meanwhile is missing, and connections of which no end was seen are forgotten.
type tally struct {
	mu      sync.Mutex
	seq     uint64
	open    map[uint64]*openConn
	seconds []second // the eldest first, without those in which nothing happened
}

func newTally() *tally { return &tally{open: map[uint64]*openConn{}} }

// sync takes what is new, under t.mu.
func (t *tally) sync(log *trace.Log) {
	for _, e := range log.Since(t.seq) {
		t.seq = e.Seq
		if e.Kind == trace.Gap {
			clear(t.open)
			continue
		}
		t.connection(e)
		t.count(e)
	}
}

func (t *tally) connection(e trace.Event) {
	if e.Conn == 0 {
		return
	}
	switch c := t.open[e.Conn]; {
	case e.Kind == trace.Open:
		t.add(e, e.Time)
	case c == nil:
	case e.Kind == trace.Close:
		delete(t.open, e.Conn)
	default:
		c.Last, c.Secure = e.Time, e.Secure
		if e.Kind == trace.Line {
			c.Lines++
			c.Text = e.Text[:min(len(e.Text), 200)]
		}
	}
}

// add begins with a connection that is not known, under t.mu.
func (t *tally) add(e trace.Event, since time.Time) {
	if t.open[e.Conn] != nil || len(t.open) >= maxConns {
		return
	}
	t.open[e.Conn] = &openConn{
		Node: e.Node, Conn: e.Conn, Proto: e.Proto, Side: e.Side, Local: e.Local, Remote: e.Remote, Secure: e.Secure, Since: since, Last: since,
	}
}

// settling is how long the trace and a server may say different things of a
// connection that comes or goes.
const settling = time.Minute

// correct adds the clients that the servers know of, and forgets those that they do
// not know, under t.mu.
func (t *tally) correct(clients []Client, now time.Time) {
	known := map[uint64]bool{}
	for _, one := range clients {
		known[one.Base.Conn] = true
		t.add(one.Base, one.Since)
	}
	for id, one := range t.open {
		served := one.Side == trace.Server && (one.Proto == trace.SMTP || one.Proto == trace.IMAP)
		if served && !known[id] && now.Sub(one.Last) > settling {
			delete(t.open, id)
		}
	}
}

func (t *tally) count(e trace.Event) {
	at := e.Time.Truncate(time.Second)
	if n := len(t.seconds); n == 0 || t.seconds[n-1].At.Before(at) {
		t.seconds = append(t.seconds, second{At: at})
		if len(t.seconds) > seriesLength {
			t.seconds = slices.Clone(t.seconds[len(t.seconds)-seriesLength:])
		}
	}
	s := &t.seconds[len(t.seconds)-1]
	switch e.Kind {
	case trace.Open:
		s.Opened++
	case trace.Line:
		s.Lines++
	case trace.Accepted:
		s.Accepted++
	case trace.Delivered:
		s.Delivered++
	case trace.Deferred:
		s.Deferred++
	case trace.Bounced:
		s.Bounced++
	case trace.Refused:
		s.Refused++
	}
}

func (a *API) sessions(c *Call) error {
	out := a.openConns(c)
	slices.SortFunc(out, func(x, y openConn) int { return cmp.Compare(x.Conn, y.Conn) })
	return c.JSON(items(out))
}

// cutSession ends the connection of a client.
func (a *API) cutSession(c *Call) error {
	if a.o.Services == nil {
		return absent("connections cannot be cut here")
	}
	n, err := strconv.ParseUint(c.PathValue("conn"), 10, 64)
	if err != nil {
		return fault(http.StatusNotFound, "%q is no number of a session", c.PathValue("conn"))
	}
	for _, one := range a.openConns(c) {
		if one.Conn == n && one.Side == trace.Client {
			return fault(http.StatusUnprocessableEntity, "the node made this connection itself; hold or remove the message in its queue")
		}
	}
	err = a.o.Services.Cut(c.Context(), n)
	if errors.Is(err, mailbox.ErrNotFound) {
		return fault(http.StatusNotFound, "there is no such session, or it has ended")
	}
	if err != nil {
		return err
	}
	return c.done()
}

// openConns lists what is open: what the trace tells, corrected by what the servers
// know, for the trace may have forgotten how a connection came, or that it ended.
func (a *API) openConns(c *Call) []openConn {
	t := a.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sync(a.o.Trace)
	if a.o.Services != nil {
		t.correct(a.o.Services.Clients(c.Context()), a.o.now())
	}
	out := make([]openConn, 0, len(t.open))
	for _, one := range t.open {
		out = append(out, *one)
	}
	return out
}

func (a *API) series(c *Call) error {
	t := a.tally
	t.mu.Lock()
	t.sync(a.o.Trace)
	out := slices.Clone(t.seconds)
	t.mu.Unlock()
	return c.JSON(items(out))
}
