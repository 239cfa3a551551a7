package top

import (
	"context"
	"net/url"
	"time"

	"glassmail/trace"
)

// snapshot is what was read of the server at one time: always the first part, of
// the others what the page in front needs.
type snapshot struct {
	page     page
	journey  string        // whose ladder was asked for, if it is the journeys' page
	read     time.Time     // by this machine's clock
	lead     time.Duration // by which the server's clock is ahead
	node     nodeInfo
	journeys []trace.Journey // the newest first
	hold     hold

	detail   *trace.Detail // nil: the journey is not known any more
	sessions []session
	queue    []waiting
	cache    []cached
}

// nodeInfo is what the server is.
type nodeInfo struct {
	Nodes []struct {
		Name string `json:"name"`
	} `json:"nodes"`
	Lab      bool            `json:"lab"`
	Features map[string]bool `json:"features"`
}

// hold is the state of the lines that are held.
type hold struct {
	Paused bool    `json:"paused"`
	Speed  float64 `json:"speed"` // lines a second; 0 is full speed
	Held   []struct {
		Node string    `json:"node"`
		Dir  trace.Dir `json:"dir"`
		Text string    `json:"text"`
	} `json:"held"`
}

// session is a connection that is open.
type session struct {
	Node   string         `json:"node"`
	Conn   uint64         `json:"conn"`
	Proto  trace.Protocol `json:"proto"`
	Side   trace.Dir      `json:"side"` // what the node is on it
	Local  string         `json:"local"`
	Remote string         `json:"remote"`
	Secure bool           `json:"secure"`
	Since  time.Time      `json:"since"`
	Lines  int            `json:"lines"`
	Text   string         `json:"text"` // the last line
}

// waiting is a recipient in a queue.
type waiting struct {
	ID       string    `json:"id"`
	Node     string    `json:"node"`
	Journey  string    `json:"journey"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Due      time.Time `json:"due"`
	Attempts int       `json:"attempts"`
	Reply    string    `json:"lastReply"`
	Host     string    `json:"lastHost"`
	Held     bool      `json:"held"`
}

// cached is what the local name server knows of a name.
type cached struct {
	Name    string        `json:"name"`
	Type    string        `json:"type"`
	Data    []string      `json:"data"`
	From    string        `json:"from"`
	Zone    string        `json:"zone"`
	Left    time.Duration `json:"left"` // when it was read
	Verdict string        `json:"verdict"`
}

// maxJourneys is how many journeys are listed.
const maxJourneys = 200

// snapshot reads what a page shows; of the journeys' page, journey with its ladder
// unless that is "".
func (c *Client) snapshot(ctx context.Context, p page, journey string, now func() time.Time) (*snapshot, error) {
	s := &snapshot{page: p, journey: journey, read: now()}
	var list struct {
		Items []trace.Journey `json:"items"`
	}
	if err := c.get(ctx, "/node", &s.node); err != nil {
		return nil, err
	}
	if s.node.Features["journeys"] {
		if err := c.get(ctx, "/journeys?limit="+itoa(maxJourneys), &list); err != nil {
			return nil, err
		}
	}
	s.journeys = list.Items
	if err := s.readLab(ctx, c, now); err != nil {
		return nil, err
	}
	err := s.readPage(ctx, c, p, journey)
	if absent(err) { // the page says so
		err = nil
	}
	return s, err
}

// readLab reads what a lab has beside a server.
func (s *snapshot) readLab(ctx context.Context, c *Client, now func() time.Time) error {
	if s.node.Features["clock"] {
		var clock struct {
			Now time.Time `json:"now"`
		}
		before := now()
		if err := c.get(ctx, "/clock", &clock); err != nil {
			return err
		}
		s.lead = clock.Now.Sub(before).Round(time.Second)
	}
	if s.node.Features["hold"] {
		return c.get(ctx, "/hold", &s.hold)
	}
	return nil
}

func (s *snapshot) readPage(ctx context.Context, c *Client, p page, journey string) error {
	switch {
	case p == journeysPage && journey != "":
		d := new(trace.Detail)
		if err := c.get(ctx, "/journeys/"+url.PathEscape(journey), d); err != nil {
			return err
		}
		s.detail = d
	case p == sessionsPage:
		list := struct {
			Items *[]session `json:"items"`
		}{&s.sessions}
		return c.get(ctx, "/sessions", &list)
	case p == queuePage:
		list := struct {
			Items *[]waiting `json:"items"`
		}{&s.queue}
		return c.get(ctx, "/queue", &list)
	case p == cachePage:
		list := struct {
			Result *[]cached `json:"result"`
		}{&s.cache}
		return c.get(ctx, "/dns/cache", &list)
	}
	return nil
}
