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

// Step is one event of a journey.
type Step struct {
	Event
	Hop int `json:"hop"`
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
	Introduce(d.Steps)
	d.Hosts = hosts(d.Steps)
	return d
}

// Introduce gives all steps of a connection the peer that was known at its end: a
// server greets before it knows whom.
func Introduce(steps []Step) {
	peers := map[uint64]*Peer{}
	for i := len(steps) - 1; i >= 0; i-- {
		s := &steps[i]
		if s.Conn == 0 {
			continue
		}
		if p := peers[s.Conn]; p != nil {
			s.Peer = p
		} else if s.Peer != nil {
			peers[s.Conn] = s.Peer
		}
	}
}

func (j *journey) summary() Journey {
	s := j.Journey
	s.To, s.Nodes = slices.Clone(s.To), slices.Clone(s.Nodes)
	return s
}

// hosts is who took part in a journey, in the order of their first event.
func hosts(steps []Step) []Host {
	var out []Host
	at := map[string]int{} // by name
	put := func(p Peer, addr string) {
		i, ok := at[p.Name]
		if !ok {
			i = len(out)
			at[p.Name] = i
			out = append(out, Host{Name: p.Name, Role: p.Role, Addrs: []string{}})
		}
		if p.Role == MailServer || p.Role == LocalNameServer && out[i].Role == NameServer {
			out[i].Role = p.Role
		}
		if host := hostOf(addr); host != "" && !slices.Contains(out[i].Addrs, host) {
			out[i].Addrs = append(out[i].Addrs, host)
		}
	}
	for i := range steps {
		s := &steps[i].Event
		if s.Peer != nil && s.Side == Server { // the client comes first
			put(*s.Peer, s.Remote)
		}
		if s.Node != "" {
			put(Peer{s.Node, roleIn(s)}, s.Local)
		}
		if s.Peer != nil && s.Side == Client {
			put(*s.Peer, s.Remote)
		}
	}
	return out
}

// hostOf is an address without its port.
func hostOf(addr string) string {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		return strings.Trim(addr[:i], "[]")
	}
	return addr
}
