package top

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"glassmail/trace"
)

// The least size at which anything can be shown.
const (
	leastWidth  = 30
	leastHeight = 8
)

// View is the whole screen: a line of pages, what is in front, a line of keys.
func (m *model) View() string {
	if m.width < leastWidth || m.height < leastHeight {
		return m.paint.screen(wrap(m.text("top.small", "width", leastWidth, "height", leastHeight), max(m.width, 2)))
	}
	lines := []string{m.head()}
	room := m.height - 2
	switch {
	case m.help:
		lines = append(lines, m.helpLines(room)...)
	case m.menu:
		lines = append(lines, m.menuLines()...)
	case m.opened != "":
		lines = append(lines, m.ladderLines(room)...)
	default:
		lines = append(lines, m.listLines(room)...)
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return m.paint.screen(append(lines[:m.height-1], m.foot()))
}

// head is the line of pages, with what holds the server at its end.
func (m *model) head() string {
	var left, plain strings.Builder
	for p, key := range []string{"top.page.journeys", "top.page.cache", "top.page.queue", "top.page.sessions"} {
		name := fmt.Sprintf("[%d]%s", p+1, m.text(key))
		plain.WriteString(" " + name)
		if page(p) == m.page {
			name = m.paint.reverse(name)
		}
		left.WriteString(" " + name)
	}
	room := m.width - width(plain.String())
	right := padLeft(cut(m.standing(), room-1), max(room, 0))
	if m.lost != nil {
		right = m.paint.bold(right)
	}
	if room <= 0 {
		return fit(plain.String(), m.width)
	}
	return left.String() + right
}

// standing says what is with the server.
func (m *model) standing() string {
	switch {
	case errors.As(m.lost, new(*refusal)):
		return "✕ " + m.text("top.refused")
	case m.lost != nil:
		return "✕ " + m.text("top.lost")
	case m.shown == nil:
		return m.text("top.connecting")
	case m.shown.hold.Paused:
		return "⏸ " + m.text("top.paused", "n", len(m.shown.hold.Held))
	case m.shown.hold.Speed > 0:
		return m.text("top.speed", "n", m.shown.hold.Speed)
	}
	var names []string
	for _, n := range m.shown.node.Nodes {
		names = append(names, clean(n.Name))
	}
	return "● " + strings.Join(names, " · ")
}

// foot is the line of keys, or what came of the last one.
func (m *model) foot() string {
	switch {
	case m.typing:
		return cut("/"+m.search+"▏", m.width)
	case m.notice != "":
		return m.paint.bold(cut(" "+m.notice, m.width))
	}
	keys := m.text("top.foot.list")
	if m.opened != "" {
		keys = m.text("top.foot.ladder")
	}
	if m.menu {
		keys = m.text("top.foot.menu")
	}
	if m.help {
		keys = m.text("top.foot.help")
	}
	if m.search != "" {
		keys = m.text("top.foot.search", "text", clean(m.search))
	}
	return cut(" "+keys, m.width)
}

// banner are lines that stand above everything: why there is nothing newer to
// show, or which line waits to be let go.
func (m *model) banner() []string {
	text := ""
	switch {
	case errors.As(m.lost, new(*refusal)):
		text = m.text("top.refused.why", "reason", clean(m.lost.Error()))
	case m.lost != nil && m.shown == nil:
		text = clean(m.lost.Error())
	case m.lost != nil:
		text = m.text("top.lost.why", "reason", clean(m.lost.Error()))
	case m.shown != nil && len(m.shown.hold.Held) > 0:
		h := m.shown.hold.Held[0]
		text = m.text("top.held", "node", clean(h.Node), "line", clean(string(rune(h.Dir))+": "+h.Text))
	}
	var out []string
	for _, line := range wrap(text, m.width-2) {
		out = append(out, m.paint.bold(" "+line))
	}
	return out
}

// listLines show a table and what is to say of its chosen row.
func (m *model) listLines(room int) []string {
	t, out := m.table(), m.banner()
	if len(t.rows) == 0 {
		if !m.fresh() || m.lost != nil {
			return out
		}
		empty := t.empty
		if m.search != "" {
			empty = "top.notfound"
		}
		for _, line := range wrap(m.text(empty, "text", clean(m.search)), m.width-2) {
			out = append(out, " "+line)
		}
		return out
	}
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = m.text(c.title)
	}
	out = append(out, m.paint.bold(" "+t.line(titles, m.width-2)))
	at := t.index(m.chosen[m.page])
	below := m.below(t.rows[at], room/3)
	for i := range scroll(len(t.rows), at, room-len(out)-len(below)) {
		line := t.line(t.rows[i].cells, m.width-2)
		if i == at {
			out = append(out, m.paint.reverse("▸"+line))
			continue
		}
		out = append(out, " "+line)
	}
	for len(out)+len(below) < room {
		out = append(out, "")
	}
	return append(out, below...)
}

// below is what is said of a chosen row, at the bottom, in at most most lines.
func (m *model) below(r row, most int) []string {
	var out []string
	for _, text := range r.detail {
		for _, line := range wrap(clean(text), m.width-2) {
			out = append(out, " "+line)
		}
	}
	if len(out) == 0 || most < 2 {
		return nil
	}
	return append([]string{strings.Repeat("─", m.width)}, out[:min(len(out), most-1)]...)
}

// scroll yields the indices that are shown of n lines in a window of size lines,
// so that at is among them.
func scroll(n, at, size int) func(func(int) bool) {
	first := min(max(at-size/2, 0), max(n-size, 0))
	return func(yield func(int) bool) {
		for i := first; i < min(first+max(size, 1), n); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// title is the line of a journey: who writes to whom, and how far it has come. Of a
// connection, it is what stands in the list.
func (m *model) title(d *trace.Detail) string {
	j := &d.Journey
	if m.page == sessionsPage {
		s := d.Steps[0]
		proto := strings.ToUpper(string(s.Proto))
		return " " + m.text("top.conversation", "proto", proto, "client", s.ClientAddr(), "server", s.ServerAddr())
	}
	way, who := m.way(j), m.text("top.journey", "from", clean(path(j.From)), "to", clean(strings.Join(j.To, ", ")))
	if m.ladder != nil && len(m.ladder.rungs) > 0 {
		t := m.ladder.rungs[m.rung].step.Time.Sub(m.ladder.start).Round(time.Millisecond)
		if at := fmt.Sprintf("  t=%.3fs", max(t.Seconds(), 0)); width(who)+width(way)+width(at)+3 <= m.width {
			way += at
		}
	}
	room := m.width - width(way) - 3
	if room < 20 {
		return " " + cut(who, m.width-1)
	}
	return " " + pad(who, room) + "  " + way
}

// way is the stations of a journey; that at which it is stands in brackets.
func (m *model) way(j *trace.Journey) string {
	stations := [...]struct {
		key    string
		states []trace.State
	}{
		{"top.way.queue", []trace.State{trace.StateSubmitting, trace.StateQueued, trace.StateDeferred}},
		{"top.way.dns", []trace.State{trace.StateLookup}},
		{"top.way.relay", []trace.State{trace.StateRelaying}},
	}
	var parts []string
	here := false
	for _, s := range stations {
		name := m.text(s.key)
		for _, state := range s.states {
			if state == j.State {
				name, here = "["+m.text("journey.state."+string(j.State))+"]", true
			}
		}
		parts = append(parts, name)
	}
	end := m.text("top.way.end")
	if !here {
		end = "[" + m.text("journey.state."+string(j.State)) + "]"
	}
	return strings.Join(append(parts, end), "▸")
}

// helpLines list the keys, in two columns if there is room.
func (m *model) helpLines(room int) []string {
	all := bindings()
	columns := 1
	if len(all)+2 > room || m.width >= 70 {
		columns = 2
	}
	wide := (m.width - 1) / columns
	tall := (len(all) + columns - 1) / columns
	out := []string{m.paint.bold(" " + cut(m.text("top.help"), m.width-1)), ""}
	for i := range tall {
		line := " "
		for c := range columns {
			if n := i + c*tall; n < len(all) {
				line += pad(pad(all[n].shown, 10)+m.text("top.key."+all[n].name), wide)
			}
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return out
}
