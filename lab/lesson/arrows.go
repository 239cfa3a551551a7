package lesson

import (
	"fmt"
	"strings"

	"glassmail/dns"
)

// Arrow is one message of a walk, or what the cache knew.
type Arrow struct {
	Number int    `json:"number"` // from 1; 0 for the cache, which sends no message
	Depth  int    `json:"depth"`  // how far from the host that asked first
	From   string `json:"from"`
	To     string `json:"to"` // "" for the cache
	Text   string `json:"text"`
	Reply  bool   `json:"reply"`
}

// String is the arrow as a line: its number, indented by its depth.
func (a Arrow) String() string {
	indent := strings.Repeat("   ", a.Depth)
	if a.Number == 0 {
		return fmt.Sprintf("    %s%s knows: %s", indent, a.From, a.Text)
	}
	return fmt.Sprintf("%2d  %s%s → %s   %s", a.Number, indent, a.From, a.To, a.Text)
}

// picture collects arrows.
type picture struct {
	list []Arrow
	n    int
}

func (p *picture) add(depth int, from, to, text string, reply bool) {
	p.n++
	p.list = append(p.list, Arrow{Number: p.n, Depth: depth, From: from, To: to, Text: text, Reply: reply})
}

// step adds the exchange of one step: the query, what the server asked in turn
// (each deeper than the one before), and the replies on their way back.
func (p *picture) step(local string, s dns.Step) {
	depth := s.Nested + 1
	question := fmt.Sprintf("%s %s ?", s.Name, s.Type)
	p.add(depth, local, s.Server, question, false)
	for i, h := range s.Hops {
		p.add(depth+1+i, h.From, h.Server, question, false)
	}
	for i := len(s.Hops) - 1; i >= 0; i-- {
		p.add(depth+1+i, s.Hops[i].Server, s.Hops[i].From, s.Hops[i].Result, true)
	}
	p.add(depth, s.Server, local, s.Result, true)
}

// Picture is a walk as numbered messages, beginning and ending with the host
// asker, which asked its local server.
func Picture(asker, local, name string, t dns.Type, steps []dns.Step) []Arrow {
	p := &picture{}
	p.add(0, asker, local, fmt.Sprintf("%s %s ?", name, t), false)
	final := "no answer"
	for _, s := range steps {
		if s.Server == "cache" {
			p.list = append(p.list, Arrow{Depth: s.Nested + 1, From: local, Text: s.Result})
		} else {
			p.step(local, s)
		}
		final = s.Result
	}
	p.add(0, local, asker, final, true)
	return p.list
}

// Arrows prints Picture, a line for each message.
func Arrows(asker, local, name string, t dns.Type, steps []dns.Step) string {
	var b strings.Builder
	for _, a := range Picture(asker, local, name, t, steps) {
		b.WriteString(a.String())
		b.WriteByte('\n')
	}
	return b.String()
}
