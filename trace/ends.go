package trace

import (
	"net/netip"
	"strconv"
	"strings"
)

// Role is the part that a host plays.
type Role string

// The roles of hosts.
const (
	UserAgent       Role = "user-agent"
	MailServer      Role = "mail-server"
	LocalNameServer Role = "local-name-server" // searches for others
	NameServer      Role = "name-server"       // answers for zones of its own
)

// Peer is who is at the other end, as far as the node knew when it wrote: the node
// there, if it writes into the same Log; else who the client has shown to be, or the
// host that was dialled.
type Peer struct {
	Name string `json:"name"` // of a node; of a user agent, the user's address
	Role Role   `json:"role"`
}

// name and role are "" of nobody.
func (p *Peer) name() string {
	if p == nil {
		return ""
	}
	return p.Name
}

func (p *Peer) role() Role {
	if p == nil {
		return ""
	}
	return p.Role
}

// pair is the addresses of a connection, as the node that dialled sees them.
type pair struct{ client, server string }

// maxAsks bounds the queries that are remembered until they, and their replies, are
// seen at the other end.
const maxAsks = 4096

// ask is what a query and its reply have in common at both ends: the client's
// port and the id.
type ask uint32

// asked is a query under way.
type asked struct {
	seen           [2]Dir // the side that has told of the query, and of the reply
	client, server *Peer  // nil until that side has told of one
}

// ends knows who is at both ends of what the nodes of one Log tell, so that every
// event can name its ends, and what is told twice is told to be so.
type ends struct {
	nodes map[string]*Peer  // by name
	at    map[string]*Peer  // by address: the nodes that listen there
	open  map[pair][2]*Conn // connections under way, by side: accepted, dialled
	asks  map[ask]*asked    // queries
	order [maxAsks]ask      // of asks, the oldest at next
	next  int
}

func newEnds() ends {
	return ends{nodes: map[string]*Peer{}, at: map[string]*Peer{}, open: map[pair][2]*Conn{}, asks: map[ask]*asked{}}
}

// Listens tells that node, which plays role, answers at addr, so that events can name
// it before it has told of anything. Of addresses that are every machine's own, such
// as loopback's, the port counts too. A mail server that listens tells of what it
// dials as well.
func (l *Log) Listens(node string, role Role, addr string) {
	a, err := netip.ParseAddrPort(addr)
	if l == nil || err != nil || a.Addr().IsUnspecified() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &Peer{node, role}
	l.ends.nodes[node] = p
	l.ends.at[homeOf(a)] = p
}

// Observes tells whether a node of that name listens and writes into l.
func (l *Log) Observes(node string) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends.nodes[node] != nil
}

// homeOf is under which an address is known.
func homeOf(a netip.AddrPort) string {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	if a.Addr().IsLoopback() {
		return a.String()
	}
	return a.Addr().String()
}

// who is the node at an address; nil if that is not known.
func (s *ends) who(addr string) *Peer {
	if len(s.at) == 0 {
		return nil
	}
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil
	}
	return s.at[homeOf(a)]
}

// node is a node that has told of something, in a role unless another is known.
func (s *ends) node(name string, role Role) *Peer {
	if p := s.nodes[name]; p != nil {
		return p
	}
	return &Peer{name, role}
}

// enter takes a connection that begins. Where both ends tell of one, that of the server
// is the mirror; unless it told first, and could not know who dials.
func (s *ends) enter(c *Conn) {
	both := s.open[c.pair()]
	both[c.side()] = c
	s.open[c.pair()] = both
	other := both[1-c.side()]
	if other == nil {
		if p := s.who(c.base.Remote); p != nil && p.Name != c.base.Node {
			c.found(p)
			c.base.Mirror = c.base.Side == Server && c.base.Proto == SMTP && p.Role == MailServer
		}
		return
	}
	c.base.Mirror = !other.base.Mirror
	c.found(s.node(other.base.Node, MailServer))
	other.mu.Lock()
	other.found(s.node(c.base.Node, MailServer))
	other.mu.Unlock()
}

// leave forgets a connection that has ended.
func (s *ends) leave(c *Conn) {
	both := s.open[c.pair()]
	if both[c.side()] != c {
		return
	}
	both[c.side()] = nil
	if both == [2]*Conn{} {
		delete(s.open, c.pair())
		return
	}
	s.open[c.pair()] = both
}

// datagram names the other end of a DNS message, and tells whether that end has told
// of it.
func (s *ends) datagram(e *Event) {
	if e.Peer == nil {
		e.Peer = s.who(e.Remote)
	}
	key, ok := askOf(e)
	if !ok {
		return
	}
	a := s.asked(key)
	way := 0
	if e.Dir == Server {
		way = 1
	}
	if was := a.seen[way]; was != 0 && was != e.Side {
		e.Mirror, a.seen[way] = true, 0 // a copy that is sent again is seen again
	} else {
		a.seen[way] = e.Side
	}
	own, far := &a.server, &a.client
	if e.Side == Client {
		own, far = &a.client, &a.server
	}
	if *own == nil || (*own).Name != e.Node {
		*own = s.node(e.Node, roleIn(e))
	}
	if *far != nil {
		e.Peer = *far
	}
}

// asked is a query with its key, new if it is not known.
func (s *ends) asked(key ask) *asked {
	a := s.asks[key]
	if a == nil {
		delete(s.asks, s.order[s.next])
		s.order[s.next] = key
		s.next = (s.next + 1) % maxAsks
		a = &asked{}
		s.asks[key] = a
	}
	return a
}

// askOf reads the client's port and the id of a datagram.
func askOf(e *Event) (ask, bool) {
	addr := e.ClientAddr()
	port, err := strconv.ParseUint(addr[strings.LastIndexByte(addr, ':')+1:], 10, 16)
	if err != nil || len(e.Bytes) < 2 {
		return 0, false
	}
	return ask(port<<16 | uint64(e.Bytes[0])<<8 | uint64(e.Bytes[1])), true
}

// roleIn is the role of the node that wrote e, as far as e tells.
func roleIn(e *Event) Role {
	switch {
	case e.Proto != DNS:
		return MailServer
	case e.Side == Server:
		return NameServer
	}
	return LocalNameServer
}
