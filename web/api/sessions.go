package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"glassmail/trace"
)

// Services is what the nodes do at this time.
type Services interface {
	// Depths tells how much each node holds.
	Depths(ctx context.Context) ([]Depth, error)
	// Cut ends the connection of a client, whose address is remote, with a node:
	// politely where that can be, else a moment later. mailbox.ErrNotFound.
	Cut(ctx context.Context, node, remote string) error
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
		{Method: "GET", Path: "/sessions", Role: Looker, Handle: a.sessions},
		{Method: "DELETE", Path: "/sessions/{conn}", Role: Keeper, Handle: a.cutSession},
		{Method: "GET", Path: "/metrics-series", Role: Looker, Handle: a.series},
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
	case e.Kind == trace.Open && len(t.open) < maxConns:
		t.open[e.Conn] = &openConn{
			Node: e.Node, Conn: e.Conn, Proto: e.Proto, Side: e.Side, Local: e.Local, Remote: e.Remote, Since: e.Time, Last: e.Time,
		}
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
	t := a.tally
	t.mu.Lock()
	t.sync(a.o.Trace)
	out := []openConn{}
	for _, one := range t.open {
		out = append(out, *one)
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(x, y openConn) int { return cmp.Compare(x.Conn, y.Conn) })
	return c.JSON(items(out))
}

// cutSession ends the connection of a client.
func (a *API) cutSession(c *Call) error {
	if a.o.Services == nil {
		return absent("connections cannot be cut here")
	}
	one, ok := a.session(c.PathValue("conn"))
	if !ok {
		return fault(http.StatusNotFound, "there is no such session, or it has ended")
	}
	if one.Side != trace.Server {
		return fault(http.StatusUnprocessableEntity, "the node made this connection itself; hold or remove the message in its queue")
	}
	if err := a.o.Services.Cut(c.Context(), one.Node, one.Remote); err != nil {
		return err
	}
	return c.done()
}

// session finds an open connection by its number.
func (a *API) session(number string) (openConn, bool) {
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return openConn{}, false
	}
	t := a.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sync(a.o.Trace)
	if one := t.open[n]; one != nil {
		return *one, true
	}
	return openConn{}, false
}

func (a *API) series(c *Call) error {
	t := a.tally
	t.mu.Lock()
	t.sync(a.o.Trace)
	out := slices.Clone(t.seconds)
	t.mu.Unlock()
	return c.JSON(items(out))
}
