package trace

import (
	"bytes"
	"sync"
)

// Conn writes the events of one connection. A nil *Conn swallows everything.
type Conn struct {
	log *Log

	mu   sync.Mutex
	base Event // what all events of the connection share
	sure bool  // the peer is a node that was found, and no claim of a client
	said dialogue
	kept int // bytes of text kept since the last line
}

// Open records that node accepted a connection between the two addresses, over
// which proto is spoken, and returns the writer of its events.
func (l *Log) Open(node string, proto Protocol, local, remote string) *Conn {
	return l.open(Event{Node: node, Proto: proto, Local: local, Remote: remote, Side: Server})
}

// Dialled is Open for a connection that node made, to a mail server with the name host.
func (l *Log) Dialled(node string, proto Protocol, local, remote, host string) *Conn {
	return l.open(Event{Node: node, Proto: proto, Local: local, Remote: remote, Side: Client, Peer: &Peer{host, MailServer}})
}

func (l *Log) open(base Event) *Conn {
	if l == nil {
		return nil
	}
	c := &Conn{log: l, base: base, said: newDialogue(base.Proto)}
	l.mu.Lock()
	l.conns++
	c.base.Conn = l.conns
	l.ends.enter(c)
	l.mu.Unlock()
	c.Event(Event{Kind: Open, Text: base.ClientAddr() + " → " + base.ServerAddr()})
	return c
}

// ID is the connection's number within its Log, 0 for a nil Conn.
func (c *Conn) ID() uint64 {
	if c == nil {
		return 0
	}
	return c.base.Conn
}

// pair is the connection's addresses.
func (c *Conn) pair() pair { return pair{c.base.ClientAddr(), c.base.ServerAddr()} }

// side is 0 of a connection that was accepted, 1 of one that was dialled.
func (c *Conn) side() int {
	if c.base.Side == Client {
		return 1
	}
	return 0
}

// found notes which node is at the other end; c.mu is held, or nobody has c yet.
func (c *Conn) found(p *Peer) { c.base.Peer, c.sure = p, true }

// Peer tells who the client has shown to be. Where the other end is known to be a
// node, that stays.
func (c *Conn) Peer(name string, role Role) {
	if c == nil || name == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.base.Peer; !c.sure && (p == nil || *p != Peer{name, role}) {
		c.base.Peer = &Peer{name, role}
	}
}

// Base is what all events of the connection share: node, number, addresses, who is
// at the other end, protocol, side, security and journey. It is empty for a nil Conn.
func (c *Conn) Base() Event {
	if c == nil {
		return Event{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base
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

// Text records a stretch of message text or literal of size bytes, of which text
// is the beginning or all. As much of it is kept as Log.KeepText allows from one
// line to the next; the rest is counted.
func (c *Conn) Text(d Dir, text []byte, size int) uint64 {
	if c == nil {
		return 0
	}
	e := Event{Kind: Data, Dir: d, Size: size}
	if c.log.keep > 0 {
		c.mu.Lock()
		n := min(len(text), max(c.log.keep-c.kept, 0))
		c.kept += n
		c.mu.Unlock()
		e.Bytes = bytes.Clone(text[:n])
	}
	return c.Event(e)
}

// Keeps is how many bytes of a text Text would keep: 0 says that nobody need
// gather any.
func (c *Conn) Keeps() int {
	if c == nil {
		return 0
	}
	return c.log.keep
}

// Note records a remark.
func (c *Conn) Note(text string) uint64 {
	return c.Event(Event{Kind: Note, Dir: Self, Text: text})
}

// Close records the end of the connection and why it ended.
func (c *Conn) Close(why string) uint64 {
	if c == nil {
		return 0
	}
	seq := c.Event(Event{Kind: Close, Dir: Self, Text: why})
	c.log.mu.Lock()
	c.log.ends.leave(c)
	c.log.mu.Unlock()
	return seq
}

// Event adds e with the connection's node, number, addresses, peer, protocol,
// security, journey, and where the dialogue stands filled in. e's own Journey wins
// over the connection's.
func (c *Conn) Event(e Event) uint64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	b := &c.base
	e.Node, e.Conn, e.Local, e.Remote, e.Secure, e.Side = b.Node, b.Conn, b.Local, b.Remote, b.Secure, b.Side
	e.Peer, e.Mirror = b.Peer, b.Mirror
	if e.Proto == "" {
		e.Proto = b.Proto
	}
	if e.Journey == "" {
		e.Journey = b.Journey
	}
	if e.Kind == Line {
		c.kept = 0
	}
	c.said.follow(&e)
	c.mu.Unlock()
	return c.log.Add(e)
}
