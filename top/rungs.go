package top

import (
	"net"
	"slices"
	"strings"
	"time"

	"glassmail/explain"
	"glassmail/trace"
)

// rung is one line of a ladder: what one host said to another, or decided.
type rung struct {
	from, to string // hosts; the same for a decision
	step     trace.Step
	more     int    // lines that are folded into this one
	text     bool   // these are lines of a message
	state    string // of the protocol, as far as it is known by then
	phase    int    // of the lecture's three in a dialogue of SMTP, from 1; 0 elsewhere
	note     explain.Note
}

// own reports a decision, or an event of the connection.
func (r *rung) own() bool { return r.from == r.to }

// ladder is a journey as a picture.
type ladder struct {
	start time.Time
	hosts []trace.Host
	rungs []rung
}

// newLadder makes the rungs of a journey, each line once, although it was seen at
// both ends. fold makes one rung of a long reply, and one of the message text.
func newLadder(d *trace.Detail, w *explain.Words, fold bool) *ladder {
	l := &ladder{start: d.Started, hosts: d.Hosts}
	names, reader := newNames(d), w.Reader()
	talks := map[uint64]*talk{}
	for _, s := range d.Steps {
		note := reader.Explain(s.Event)
		if s.After != "" { // known at the server's end only
			talkOf(talks, names.dialled(s)).state = s.After
		}
		if s.Mirror {
			continue
		}
		t := talkOf(talks, names.dialled(s))
		r := rung{step: s, note: note, state: t.state, text: t.isText(s)}
		r.phase = t.phaseOf(&r)
		r.from, r.to = names.ends(s)
		if last := len(l.rungs) - 1; fold && last >= 0 && l.rungs[last].joins(r) {
			l.rungs[last].more++
			l.rungs[last].note = r.note
			continue
		}
		l.rungs = append(l.rungs, r)
	}
	return l
}

// joins reports whether next is shown with r as one rung.
func (r *rung) joins(next rung) bool {
	a, b := r.step, next.step
	if a.Kind != trace.Line || b.Kind != trace.Line || a.Conn != b.Conn || a.Dir != b.Dir || a.Proto != trace.SMTP {
		return false
	}
	return r.text && next.text || b.Dir == trace.Server && len(a.Text) > 3 && a.Text[3] == '-'
}

// conversation is one connection as something to draw; nil if no event of it is
// kept.
func conversation(events []trace.Event, conn string) *trace.Detail {
	d := &trace.Detail{}
	for _, e := range events {
		if e.Conn != 0 && connKey(e.Conn) == conn {
			d.Steps = append(d.Steps, trace.Step{Event: e})
		}
	}
	if len(d.Steps) == 0 {
		return nil
	}
	s := d.Steps[0]
	d.Started = s.Time
	far, _, err := net.SplitHostPort(s.Remote)
	if err != nil {
		far = s.Remote
	}
	d.Hosts = []trace.Host{{Name: far, Role: trace.UserAgent}, {Name: s.Node, Role: trace.MailServer}}
	if s.Side == trace.Client {
		slices.Reverse(d.Hosts)
	}
	return d
}

// talk is what must be known of a connection to draw its next line.
type talk struct {
	state string
	data  bool // lines of the client are message text
	phase int
}

// The phases of a dialogue of SMTP.
const (
	greeting = 1 + iota
	transfer // of a message
	closure
)

// phaseOf is the phase to which a rung belongs.
func (t *talk) phaseOf(r *rung) int {
	if r.step.Conn == 0 || r.step.Proto != trace.SMTP {
		return 0
	}
	verb, _, _ := strings.Cut(strings.ToUpper(r.step.Text), " ")
	switch {
	case t.phase == 0:
		t.phase = greeting
	case r.step.Kind != trace.Line || r.step.Dir != trace.Client || r.text:
	case verb == "MAIL":
		t.phase = transfer
	case verb == "QUIT":
		t.phase = closure
	}
	return t.phase
}

func talkOf(all map[uint64]*talk, conn uint64) *talk {
	t := all[conn]
	if t == nil {
		t = &talk{}
		all[conn] = t
	}
	return t
}

// isText reports lines of a message (RFC 5321 §3.3): from the reply 354 to the
// dot.
func (t *talk) isText(s trace.Step) bool {
	switch {
	case s.Kind != trace.Line || s.Proto != trace.SMTP:
	case s.Dir == trace.Server:
		t.data = strings.HasPrefix(s.Text, "354")
	case t.data && s.Text == ".":
		t.data = false
	default:
		return t.data
	}
	return false
}

// names tells who is at the ends of connections.
type names struct {
	d     *trace.Detail
	owner map[string]string // address and port → node
	addr  map[string]string // address → host, where one host alone has it
	conns map[string]uint64 // addresses of a connection → its number at the side that is shown
}

func newNames(d *trace.Detail) *names {
	n := &names{d: d, owner: map[string]string{}, addr: map[string]string{}, conns: map[string]uint64{}}
	for _, h := range d.Hosts {
		for _, a := range h.Addrs {
			if other, taken := n.addr[a]; taken && other != h.Name {
				n.addr[a] = ""
				continue
			}
			n.addr[a] = h.Name
		}
	}
	for _, s := range d.Steps {
		if s.Side != 0 {
			n.owner[s.Local] = s.Node
		}
		if s.Conn != 0 && !s.Mirror {
			n.conns[s.ClientAddr()+" "+s.ServerAddr()] = s.Conn
		}
	}
	return n
}

// dialled is the number of s's connection at the side that is shown.
func (n *names) dialled(s trace.Step) uint64 {
	if c, ok := n.conns[s.ClientAddr()+" "+s.ServerAddr()]; ok && s.Remote != "" {
		return c
	}
	return s.Conn
}

// ends are who speaks and who listens.
func (n *names) ends(s trace.Step) (from, to string) {
	if s.Dir == trace.Self || s.Dir == 0 || s.Side == 0 {
		return s.Node, s.Node
	}
	peer := n.peer(s)
	if s.Dir == s.Side {
		return s.Node, peer
	}
	return peer, s.Node
}

func (n *names) peer(s trace.Step) string {
	if name := n.owner[s.Remote]; name != "" {
		return name
	}
	if s.Side == trace.Server && s.Proto != trace.DNS && s.Hop >= 1 && s.Hop <= len(n.d.Route) {
		if name := agent(n.d, n.d.Route[s.Hop-1].Kind); name != "" {
			return name
		}
	}
	host, _, err := net.SplitHostPort(s.Remote)
	if err != nil {
		return s.Remote
	}
	if name := n.addr[host]; name != "" {
		return name
	}
	return host
}

// agent is the user agent at the far end of a hop.
func agent(d *trace.Detail, kind trace.HopKind) string {
	i := slices.IndexFunc(d.Hosts, func(h trace.Host) bool { return h.Role == trace.UserAgent })
	switch {
	case kind == trace.HopSubmission && i >= 0:
		return d.Hosts[i].Name
	case kind == trace.HopReading && len(d.To) > 0:
		return d.To[0]
	}
	return ""
}
