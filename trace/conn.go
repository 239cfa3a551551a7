package trace

import "sync"

// Conn writes the events of one connection. A nil *Conn swallows everything.
type Conn struct {
	log *Log

	mu   sync.Mutex
	base Event // what all events of the connection share
}

// Open records that node began to speak proto over a connection between the two
// addresses and returns the writer of its events.
func (l *Log) Open(node string, proto Protocol, local, remote string) *Conn {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.conns++
	n := l.conns
	l.mu.Unlock()
	c := &Conn{log: l, base: Event{Node: node, Conn: n, Proto: proto, Local: local, Remote: remote}}
	c.Event(Event{Kind: Open, Text: remote + " → " + local})
	return c
}

// ID is the connection's number within its Log, 0 for a nil Conn.
func (c *Conn) ID() uint64 {
	if c == nil {
		return 0
	}
	return c.base.Conn
}

// Secure marks all later events as having passed inside TLS.
func (c *Conn) Secure(on bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.base.Secure = on
	c.mu.Unlock()
}

// Journey marks all later events as part of one message's journey; "" ends it.
func (c *Conn) Journey(id string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.base.Journey = id
	c.mu.Unlock()
}

// Line records one line of dialogue, without its line end and with secrets masked.
func (c *Conn) Line(d Dir, text string) uint64 {
	return c.Event(Event{Kind: Line, Dir: d, Text: text})
}

// Data records a stretch of n bytes of message text or literal.
func (c *Conn) Data(d Dir, n int) uint64 {
	return c.Event(Event{Kind: Data, Dir: d, Size: n})
}

// Note records a remark.
func (c *Conn) Note(text string) uint64 {
	return c.Event(Event{Kind: Note, Dir: Self, Text: text})
}

// Close records the end of the connection and why it ended.
func (c *Conn) Close(why string) uint64 {
	return c.Event(Event{Kind: Close, Dir: Self, Text: why})
}

// Event adds e with the connection's node, number, addresses, protocol,
// security and journey filled in. e's own Journey wins over the connection's.
func (c *Conn) Event(e Event) uint64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	b := c.base
	c.mu.Unlock()
	e.Node, e.Conn, e.Local, e.Remote, e.Secure = b.Node, b.Conn, b.Local, b.Remote, b.Secure
	if e.Proto == "" {
		e.Proto = b.Proto
	}
	if e.Journey == "" {
		e.Journey = b.Journey
	}
	return c.log.Add(e)
}
