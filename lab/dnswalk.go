package lab

import (
	"context"
	"fmt"
	"strings"

	"glassmail/dns"
	"glassmail/lab/lesson"
)

// asker is the host of the lecture's example that asks its local name server.
const asker = "engineering.nyu.edu"

// Walk searches for a name on behalf of the lecture's host and draws each search
// as numbered messages. It has a cache of its own, empty at first, and leaves that
// of the local name server alone.
func (n *Names) Walk(ctx context.Context, w WalkRequest) ([]WalkPicture, error) {
	name, err := dns.Name(w.Name)
	if err != nil {
		return nil, err
	}
	n.lesson.Lock()
	defer n.lesson.Unlock()
	r, undo, err := n.lent(Manner{w.Recursive, w.ViaUmass})
	if err != nil {
		return nil, err
	}
	defer undo()
	s := r.Switches()
	s.Minimise, s.Validate = w.Minimise, w.Validate
	if err := r.Switch(s); err != nil {
		return nil, err
	}
	out := []WalkPicture{n.picture(ctx, r, name, w.Type)}
	if w.Again && out[0].Error == "" {
		out = append(out, n.picture(ctx, r, name, w.Type))
	}
	return out, nil
}

// Manner is how the servers of the lab behave during one lesson.
type Manner struct {
	Recursive bool `json:"recursive"` // they search on for each other
	ViaUmass  bool `json:"viaUmass"`  // the server of edu does not serve umass.edu
}

// lent makes the servers behave in a manner until undo, and returns a resolver for
// it with an empty cache. It needs n.lesson.
func (n *Names) lent(m Manner) (r *dns.Resolver, undo func(), err error) {
	r = n.Resolver.Fresh()
	s := r.Switches()
	if s.Mode = dns.Iterate; m.Recursive {
		s.Mode = dns.Recurse
	}
	if err := r.Switch(s); err != nil {
		return nil, nil, err
	}
	if m.ViaUmass {
		n.Hierarchy.ViaUmass(true)
	}
	return r, func() {
		if m.ViaUmass {
			n.Hierarchy.ViaUmass(false)
		}
		// The resolvers share the switch by which servers search on.
		n.Resolver.Switch(n.Resolver.Switches())
	}, nil
}

// picture is one search by r.
func (n *Names) picture(ctx context.Context, r *dns.Resolver, name string, t dns.Type) WalkPicture {
	clock := n.host.Clock()
	start := clock.Now()
	m, steps, err := r.Walk(ctx, name, t)
	p := WalkPicture{Took: clock.Now().Sub(start), Answer: []string{}}
	p.Arrows = lesson.Picture(asker, n.host.name, name, t, steps)
	for _, a := range p.Arrows {
		p.Messages = max(p.Messages, a.Number)
	}
	for i := range p.Arrows {
		p.Arrows[i] = plain(p.Arrows[i])
	}
	last := &p.Arrows[len(p.Arrows)-1]
	if err != nil {
		p.Error = err.Error()
		last.Text = "SERVFAIL: " + p.Error
		return p
	}
	last.Text = m.Line()
	if ttl, ok := m.TTL(); ok {
		last.Text = fmt.Sprintf("%s, TTL %d", last.Text, ttl)
	}
	*last = plain(*last)
	p.Answer = lines(m.Answer())
	return p
}

// plain is an arrow with hosts as people write them, and with a reply that does
// not repeat the question: "referral: edu. NS a.edu., TTL 86400".
func plain(a lesson.Arrow) lesson.Arrow {
	a.From, a.To = bare(a.From), bare(a.To)
	words := strings.SplitN(a.Text, " ", 4)
	if !a.Reply || len(words) < 4 || words[0] != "A" {
		return a
	}
	said := words[3]
	first, _, _ := strings.Cut(strings.ReplaceAll(said, ",", " "), " ")
	switch to, isReferral := strings.CutPrefix(said, "→ "); {
	case isReferral:
		a.Text = "referral: " + to
	case first == "no" || first == "truncated" || isCode(first):
		a.Text = said
	default:
		a.Text = "answer: " + said
	}
	return a
}

// isCode tells whether a word is the outcome of a query that went wrong.
func isCode(word string) bool {
	for _, c := range []dns.Code{dns.FormatError, dns.ServerFailure, dns.NameError, dns.NotImplemented, dns.Refused} {
		if word == c.String() {
			return true
		}
	}
	return false
}

// bare is a host without its final dot.
func bare(host string) string { return strings.TrimSuffix(host, ".") }
