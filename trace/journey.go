package trace

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is how far a message has come.
type State string

// The states of a journey, in the order in which a message may pass them.
const (
	StateSubmitting State = "submitting" // somebody hands it to a server
	StateAbandoned  State = "abandoned"  // the client left or began anew before the server had taken it
	StateRefused    State = "refused"    // the server did not take it
	StateQueued     State = "queued"     // a server has it and looks for the next
	StateLookup     State = "lookup"     // the next server is being looked up
	StateRelaying   State = "relaying"   // the next server is spoken to
	StateDeferred   State = "deferred"   // not now; it waits in the queue
	StateDelivered  State = "delivered"  // it is in the mailbox, or with a server that is not observed
	StateBounced    State = "bounced"    // it could not be delivered, and its sender was told if there is one
	StateRead       State = "read"       // a reader was given its text
)

// HopKind is what a hop of a journey is.
type HopKind string

// The kinds of hop.
const (
	HopSubmission HopKind = "submission" // a client outside hands the message over
	HopQueue      HopKind = "queue"      // it waits for the next server
	HopLookup     HopKind = "lookup"     // the next server is asked for, down the tree of names
	HopRelay      HopKind = "relay"      // one server hands it to the next
	HopDelivery   HopKind = "delivery"   // it comes to rest in a mailbox
	HopReading    HopKind = "reading"    // somebody fetches it
)

// Hop is one leg of a journey. A relay that was seen at both ends is one hop.
type Hop struct {
	N      int       `json:"n"` // from 1
	Kind   HopKind   `json:"kind"`
	Node   string    `json:"node"`             // where it was seen first
	Peer   string    `json:"peer,omitempty"`   // the node at the other end, if it was seen there too
	Client string    `json:"client,omitempty"` // addresses of the connection
	Server string    `json:"server,omitempty"` //
	Conn   uint64    `json:"conn,omitempty"`   // number of the connection as Node counts it
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

// Step is one event of a journey. Mirror says that the same line or datagram is
// there as the other end saw it too: of a connection, that of the side that
// dialled; of a datagram, the end that saw it first. A picture shows it once.
type Step struct {
	Event
	Hop    int  `json:"hop"`
	Mirror bool `json:"mirror,omitempty"`
}

// Journey is the summary of one message's way from submission to its readers.
type Journey struct {
	ID        string    `json:"id"` // the message's id at the first server that was observed
	Started   time.Time `json:"started"`
	Last      time.Time `json:"last"`
	From      string    `json:"from"` // reverse-path; "" is the null one
	To        []string  `json:"to"`
	Subject   string    `json:"subject"`
	MessageID string    `json:"messageId,omitempty"`
	State     State     `json:"state"`
	Nodes     []string  `json:"nodes"` // in the order in which they took part
	Hops      int       `json:"hops"`
	Events    int       `json:"events"`    // kept
	Truncated bool      `json:"truncated"` // some events were lost or not kept
}

// Role is the part that a host plays.
type Role string

// The roles of hosts.
const (
	UserAgent       Role = "user-agent"
	MailServer      Role = "mail-server"
	LocalNameServer Role = "local-name-server" // searches for others
	NameServer      Role = "name-server"       // answers for zones of its own
)

// Host is a machine that took part in a journey.
type Host struct {
	Name  string   `json:"name"` // the node's; of a user agent, the user's address
	Role  Role     `json:"role"`
	Addrs []string `json:"addrs"` // without ports
}

// Detail is all that is kept of a journey.
type Detail struct {
	Journey
	Route []Hop  `json:"route"`
	Hosts []Host `json:"hosts"`
	Steps []Step `json:"steps"` // in the order in which they happened
}

// journey is a Detail while it grows.
type journey struct {
	Journey
	route []Hop
	steps []Step   // in the order in which it became known that they belong here
	raws  []string // ids by which servers know the message
	size  int      // bytes of memory, estimated

	accepted bool // a server has taken responsibility
	waiting  int  // recipients in queues
	failed   bool // a recipient was given up
	read     bool
	gone     bool // forgotten, though somebody may still point to it
}

// Bounds of one journey.
const (
	maxSteps   = 4096
	maxHops    = 256
	maxSeen    = 100 // recipients and nodes that a summary names
	fewSteps   = 24  // for which there is room from the start
	stepSize   = 320 // bytes of a step without its text
	ownSize    = 1024
	maxRawIDs  = 256
	maxAddress = 400 // bytes of an address taken from a command
)

// hop returns the number of the hop with the kind and the key, the last of its
// kind or a new one.
func (j *journey) hop(kind HopKind, conn uint64, e *Event) int {
	for i := len(j.route) - 1; i >= 0; i-- {
		h := &j.route[i]
		if h.Kind == kind && h.Conn == conn && (conn != 0 || h.Node == e.Node) {
			return h.N
		}
	}
	return j.newHop(kind, conn, e)
}

func (j *journey) newHop(kind HopKind, conn uint64, e *Event) int {
	if len(j.route) >= maxHops {
		j.Truncated = true
		return maxHops
	}
	h := Hop{N: len(j.route) + 1, Kind: kind, Node: e.Node, Conn: conn, Start: e.Time, End: e.Time}
	if conn != 0 {
		h.Client, h.Server = e.ClientAddr(), e.ServerAddr()
	}
	j.route = append(j.route, h)
	j.Hops = len(j.route)
	return h.N
}

// add keeps one event and returns the memory that it takes.
func (j *journey) add(s Step) int {
	if s.Time.After(j.Last) {
		j.Last = s.Time
	}
	if h := s.Hop - 1; h >= 0 && h < len(j.route) {
		j.route[h].Start = earlier(j.route[h].Start, s.Time)
		if s.Time.After(j.route[h].End) {
			j.route[h].End = s.Time
		}
	}
	if !s.Mirror && s.Kind != Gap && s.Node != "" && len(j.Nodes) < maxSeen && !slices.Contains(j.Nodes, s.Node) {
		j.Nodes = append(j.Nodes, s.Node)
	}
	if len(j.steps) >= maxSteps {
		j.Truncated = true
		return 0
	}
	j.steps = append(j.steps, s)
	j.Events = len(j.steps)
	n := stepSize + len(s.Text) + len(s.Bytes)
	j.size += n
	return n
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// detail copies j.
func (j *journey) detail() Detail {
	d := Detail{Journey: j.summary(), Route: slices.Clone(j.route), Steps: slices.Clone(j.steps)}
	slices.SortStableFunc(d.Steps, func(a, b Step) int { return cmp.Compare(a.Seq, b.Seq) })
	d.Hosts = hosts(d)
	return d
}

func (j *journey) summary() Journey {
	s := j.Journey
	s.To, s.Nodes = slices.Clone(s.To), slices.Clone(s.Nodes)
	return s
}

// hosts is who took part in a journey, in the order of their first event.
func hosts(d Detail) []Host {
	var out []Host
	at := map[string]int{} // by name
	owner := map[string]string{}
	put := func(name string, role Role, addr string) {
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, Host{Name: name, Role: role, Addrs: []string{}})
		}
		if role == MailServer || role == LocalNameServer && out[i].Role == NameServer {
			out[i].Role = role
		}
		if host := hostOf(addr); host != "" && !slices.Contains(out[i].Addrs, host) {
			out[i].Addrs = append(out[i].Addrs, host)
		}
	}
	for _, s := range d.Steps {
		if s.Side != 0 {
			owner[s.Local] = s.Node
		}
	}
	for _, s := range d.Steps {
		if s.Node == "" {
			continue
		}
		if a := agent(d, s); a != "" && owner[s.Remote] == "" {
			put(a, UserAgent, s.Remote)
		}
		put(s.Node, roleIn(s), s.Local)
	}
	return out
}

// roleIn is the role of the node that saw s, as far as s tells.
func roleIn(s Step) Role {
	switch {
	case s.Proto != DNS:
		return MailServer
	case s.Side == Server:
		return NameServer
	}
	return LocalNameServer
}

// agent names the user agent at the far end of s, "" if there is none.
func agent(d Detail, s Step) string {
	if s.Side != Server || s.Hop < 1 || s.Hop > len(d.Route) {
		return ""
	}
	switch d.Route[s.Hop-1].Kind {
	case HopSubmission:
		return cmp.Or(d.From, "<>")
	case HopReading:
		if len(d.To) > 0 {
			return d.To[0]
		}
	}
	return ""
}

// hostOf is an address without its port.
func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		return strings.Trim(addr[:i], "[]")
	}
	return addr
}
