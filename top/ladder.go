package top

import (
	"slices"
	"strings"

	"glassmail/trace"
)

// Widths of a ladder, in cells.
const (
	gutter    = 5  // the number of a rung, its mark
	laneWide  = 14 // of a lane in which most things can be read
	laneLeast = 8  // below it, hosts share a lane
)

// lanes are the hosts of a ladder from left to right.
type lanes struct {
	heads []string
	at    map[string]int // host → lane
	wide  int            // cells of a lane
}

// lanesOf shares width among hosts. Where there is too little, the name servers
// stand in one lane, then all that has to do with names; then there are no lanes
// at all and ok is false.
func lanesOf(hosts []trace.Host, width int, servers, names string) (l lanes, ok bool) {
	ways := []func(trace.Host) string{
		func(h trace.Host) string { return h.Name },
		func(h trace.Host) string {
			if h.Role == trace.NameServer {
				return servers
			}
			return h.Name
		},
		func(h trace.Host) string {
			if h.Role == trace.NameServer || h.Role == trace.LocalNameServer {
				return names
			}
			return h.Name
		},
	}
	for i, way := range ways {
		l = lanes{at: map[string]int{}}
		for _, h := range hosts {
			lane := slices.Index(l.heads, way(h))
			if lane < 0 {
				lane = len(l.heads)
				l.heads = append(l.heads, way(h))
			}
			l.at[h.Name] = lane
		}
		if len(l.heads) == 0 {
			return l, false
		}
		l.wide = min(width/len(l.heads), 2*laneWide)
		if l.wide >= laneWide || i > 0 && l.wide >= laneLeast {
			return l, true
		}
	}
	return l, false
}

// lane is that of a host; one that is not known stands at the left.
func (l lanes) lane(host string) int { return l.at[host] }

// middle is the cell of a lane's line.
func (l lanes) middle(lane int) int { return lane*l.wide + l.wide/2 }

// head is the line of the hosts' names.
func (l lanes) head() string {
	var out strings.Builder
	for _, name := range l.heads {
		if width(name) >= l.wide { // of an address, the name is enough
			name, _, _ = strings.Cut(name, "@")
		}
		name = cut(clean(name), l.wide-1)
		room := l.wide - width(name)
		out.WriteString(strings.Repeat(" ", room/2) + name + strings.Repeat(" ", room-room/2))
	}
	return out.String()
}

// shaft is how the line of an arrow is drawn: whole for a client, dashed for a
// server, double or heavy inside TLS.
func (r *rung) shaft() string {
	switch {
	case r.step.Dir == trace.Server && r.step.Secure:
		return "╍"
	case r.step.Dir == trace.Server:
		return "╌"
	case r.step.Secure:
		return "═"
	}
	return "─"
}

// row draws a rung over the lines of the hosts, in exactly as many cells as the
// lanes take. labels are what may be said, the longest first.
func (l lanes) row(r *rung, p painter, labels ...string) string {
	total := len(l.heads) * l.wide
	from, to := l.lane(r.from), l.lane(r.to)
	if from == to { // decided there, or said between hosts that share a lane
		label := "* " + labels[0]
		if !r.own() {
			label = r.letter() + ": " + labels[min(1, len(labels)-1)] + " @" + r.server()
		}
		left := l.middle(from) + 1
		if from == len(l.heads)-1 && len(l.heads) > 1 { // it has more room on its left
			label = cut(label, left-2)
			return l.lines(0, left-1-width(label)) + label + l.lines(left-1, total)
		}
		label = cut(label, total-left)
		return l.lines(0, left) + label + l.lines(left+width(label), total)
	}
	low, high := l.middle(min(from, to)), l.middle(max(from, to))
	room := high - low - 1
	label := ""
	for _, one := range labels {
		if label = one; width(one) <= room-2 || room >= 2*laneWide { // the beginning says more than a word
			break
		}
	}
	label = cut(label, room-2)
	line := strings.Repeat(r.shaft(), max(room-2-width(label), 0))
	var arrow string
	if from < to {
		arrow = r.shaft() + label + line + "▶"
	} else {
		arrow = "◀" + r.shaft() + label + line
	}
	return l.lines(0, low+1) + p.tint(colourOf(r), arrow) + l.lines(high, total)
}

// lines is the stretch of the hosts' lines from one cell to another.
func (l lanes) lines(from, to int) string {
	var out strings.Builder
	for i := from; i < to; i++ {
		if i%l.wide == l.wide/2 {
			out.WriteString("│")
		} else {
			out.WriteByte(' ')
		}
	}
	return out.String()
}

func colourOf(r *rung) string {
	switch {
	case r.step.Proto == trace.DNS:
		return green
	case r.step.Dir == trace.Server:
		return vermilion
	}
	return blue
}
