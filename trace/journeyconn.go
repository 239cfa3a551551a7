package trace

import "slices"

// Bounds of what is remembered of connections.
const (
	maxConns = 4096 // connections that are followed at once
	maxHead  = 24   // events kept of a connection's beginning until a message comes
	maxTail  = 24   // and of what was last
	maxSpare = 64   // heads kept for connections to come
)

// connection is one node's side of a connection under way.
type connection struct {
	id      uint64
	pair    pair
	proto   Protocol
	dialled bool
	peer    *connection // the other node's side of it
	raw     string      // the message under way, by this node's id
	journey *journey    // that of the last message
	hop     int
	head    []Event // events before the first message
	tail    []Event // events since the last command, or the last before a message
}

// conns is the connections under way.
type conns struct {
	byID  map[uint64]*connection
	open  map[pair][2]*connection // by side: accepted, dialled
	order []uint64                // as they were opened
	spare [][]Event               // heads to be used again
}

func newConns() conns {
	return conns{byID: map[uint64]*connection{}, open: map[pair][2]*connection{}}
}

// side is the index in conns.open.
func (c *connection) side() int {
	if c.dialled {
		return 1
	}
	return 0
}

// get is the connection of e, new if it is not known.
func (cs *conns) get(e *Event) *connection {
	if c := cs.byID[e.Conn]; c != nil {
		return c
	}
	c := &connection{head: cs.room(), id: e.Conn, proto: e.Proto, dialled: e.Side == Client, pair: pair{e.ClientAddr(), e.ServerAddr()}}
	cs.byID[c.id] = c
	cs.order = append(cs.order, c.id)
	both := cs.open[c.pair]
	both[c.side()] = c
	cs.open[c.pair] = both
	if other := both[1-c.side()]; other != nil && other.peer == nil {
		c.peer, other.peer = other, c
	}
	for len(cs.byID) > maxConns {
		cs.forget(cs.byID[cs.order[0]])
	}
	return c
}

// room is a head to fill.
func (cs *conns) room() []Event {
	if n := len(cs.spare); n > 0 {
		head := cs.spare[n-1]
		cs.spare = cs.spare[:n-1]
		return head
	}
	return nil
}

// giveBack takes the head of a connection that needs none any more.
func (cs *conns) giveBack(c *connection) {
	if cap(c.head) > 0 && len(cs.spare) < maxSpare {
		clear(c.head)
		cs.spare = append(cs.spare, c.head[:0])
	}
	c.head = nil
}

// forget drops a connection.
func (cs *conns) forget(c *connection) {
	cs.giveBack(c)
	delete(cs.byID, c.id)
	both := cs.open[c.pair]
	if both[c.side()] == c {
		both[c.side()] = nil
		cs.open[c.pair] = both
	}
	if both == [2]*connection{} {
		delete(cs.open, c.pair)
	}
	if i := slices.Index(cs.order, c.id); i >= 0 {
		cs.order = slices.Delete(cs.order, i, i+1)
	}
}

// live is the connections under way.
func (cs *conns) live() []*connection {
	out := make([]*connection, 0, len(cs.order))
	for _, id := range cs.order {
		out = append(out, cs.byID[id])
	}
	return out
}

// connection takes an event of a dialogue.
func (j *Journeys) connection(e *Event) {
	c := j.conns.get(e)
	switch {
	case e.Journey != "" && (e.Journey != c.raw || c.journey == nil):
		j.join(c, e)
		j.keep(c.journey, e, c.hop)
	case c.proto == IMAP && e.Kind == Line && e.Dir == Client: // the next command, of another message or none
		c.raw, c.journey, c.tail = "", nil, nil
		c.remember(e)
	case c.journey != nil: // the message, or what the two say after it
		j.keep(c.journey, e, c.hop)
	default:
		c.remember(e)
	}
	if e.Journey == "" {
		c.raw = ""
	}
	if e.Kind == Close {
		j.conns.forget(c)
	}
}

// remember keeps an event that may turn out to belong to a message.
func (c *connection) remember(e *Event) {
	if len(c.head) < maxHead && c.tail == nil {
		c.head = append(c.head, *e)
		return
	}
	if len(c.tail) >= maxTail {
		c.tail = append(c.tail[:0], c.tail[1:]...)
	}
	c.tail = append(c.tail, *e)
}

// join finds the journey of the message that begins on c with e, and gives it what
// was said before.
func (j *Journeys) join(c *connection, e *Event) {
	n := j.known(e.Journey)
	if n == nil && !c.dialled && c.peer != nil && c.peer.raw != "" && c.peer.journey != nil {
		n = c.peer.journey
		j.alias(e.Journey, n)
	}
	if n == nil {
		n = j.begin(e.Journey, e)
	}
	c.raw, c.journey = e.Journey, n
	c.hop = j.hopOf(c, e)
	for _, before := range [2][]Event{c.head, c.tail} {
		for i := range before {
			j.keep(n, &before[i], c.hop)
		}
	}
	j.conns.giveBack(c)
	c.tail = []Event{} // what comes between two messages is no beginning
}

// hopOf is the hop that c is for the message that begins on it.
func (j *Journeys) hopOf(c *connection, e *Event) int {
	n := c.journey
	kind := HopSubmission
	switch {
	case c.peer != nil && c.peer.journey == n && c.peer.hop > 0:
		h := c.peer.hop
		if h <= len(n.route) && n.route[h-1].Peer == "" {
			n.route[h-1].Peer = e.Node
		}
		return h
	case c.proto == IMAP:
		kind = HopReading
	case c.dialled:
		kind = HopRelay
	}
	return n.hop(kind, c.id, e)
}
