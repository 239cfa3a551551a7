package top

import (
	"net"
	"slices"
	"time"

	"glassmail/explain"
	"glassmail/trace"
)

// rung is one line of a ladder: what one host said to another, or decided.
type rung struct {
	from, to string // hosts; the same for a decision
	step     trace.Step
	more     int // lines that are folded into this one
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
	reader := w.Reader()
	for _, s := range d.Steps {
		note := reader.Explain(s.Event)
		if s.Mirror {
			continue
		}
		r := rung{step: s, note: note}
		r.from, r.to = ends(s)
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
	return a.Content && b.Content || b.Dir == trace.Server && len(a.Text) > 3 && a.Text[3] == '-'
}

// conversation is one connection as something to draw; nil if no event of it is
// kept.
func conversation(events []trace.Event, conn string) *trace.Detail {
	d := &trace.Detail{}
	for _, e := range events {
		if e.Conn != 0 && connKey(e.Conn) == conn {
			e.Mirror = false // it is this side that is shown
			d.Steps = append(d.Steps, trace.Step{Event: e})
		}
	}
	if len(d.Steps) == 0 {
		return nil
	}
	trace.Introduce(d.Steps)
	s := d.Steps[0]
	d.Started = s.Time
	d.Hosts = []trace.Host{{Name: peerOf(s), Role: trace.UserAgent}, {Name: s.Node, Role: trace.MailServer}}
	if s.Side == trace.Client {
		slices.Reverse(d.Hosts)
	}
	return d
}

// ends are who speaks and who listens.
func ends(s trace.Step) (from, to string) {
	if s.Dir == trace.Self || s.Dir == 0 || s.Side == 0 {
		return s.Node, s.Node
	}
	peer := peerOf(s)
	if s.Dir == s.Side {
		return s.Node, peer
	}
	return peer, s.Node
}

// peerOf names the other end: by its address, if it has not shown who it is.
func peerOf(s trace.Step) string {
	if s.Peer != nil {
		return s.Peer.Name
	}
	host, _, err := net.SplitHostPort(s.Remote)
	if err != nil {
		return s.Remote
	}
	return host
}
