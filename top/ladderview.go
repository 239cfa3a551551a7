package top

import (
	"fmt"
	"slices"
	"strings"

	"glassmail/trace"
)

// Widths of the ladder's page.
const (
	sideLeast = 76 // of a screen that shows the ladder and, beside it, what a line means
	sideWide  = 44 // of that side at most
)

// ladderLines show the journey or the connection that is open.
func (m *model) ladderLines(room int) []string {
	out := m.banner()
	if m.ladder == nil {
		if m.fresh() && m.lost == nil {
			out = append(out, " "+m.text("top.gone"))
		}
		return out
	}
	out = append(out, m.paint.bold(cut(m.title(m.detail()), m.width)))
	if len(m.ladder.rungs) == 0 {
		return out
	}
	room -= len(out)
	if m.width >= sideLeast {
		side := min(m.width*3/8, sideWide)
		ladder := m.rungLines(m.width-side-2, room)
		detail := m.detailLines(side, room)
		for i := range room {
			out = append(out, at(ladder, i)+"│ "+at(detail, i))
		}
		return out
	}
	var detail []string
	if m.meaning {
		detail = m.detailLines(m.width-2, room/2)
	}
	out = append(out, m.rungLines(m.width, room-len(detail)-1)...)
	out = append(out, strings.Repeat("─", m.width))
	for _, line := range detail {
		out = append(out, " "+line)
	}
	return out
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// rungLines draw the ladder, in exactly wide cells and tall lines.
func (m *model) rungLines(wide, tall int) []string {
	l, ok := lanesOf(m.ladder.hosts, wide-gutter, m.text("top.lane.servers"), m.text("top.lane.dns"))
	var out []string
	if ok {
		out = append(out, strings.Repeat(" ", gutter)+pad(l.head(), wide-gutter))
	}
	for i := range scroll(len(m.ladder.rungs), m.rung, tall-len(out)) {
		r := &m.ladder.rungs[i]
		mark, number := " ", fmt.Sprintf("%3d", (i+1)%1000)
		body := pad(m.plainRung(r), wide-gutter)
		if ok {
			short := r.short(m.count)
			word, _, _ := strings.Cut(short, " ")
			body = l.row(r, m.paint, r.full(m.count), short, word)
			body += strings.Repeat(" ", wide-gutter-len(l.heads)*l.wide)
		}
		if i == m.rung {
			mark, number = "▸", m.paint.reverse(number)
		}
		out = append(out, mark+number+" "+body)
	}
	for len(out) < tall {
		out = append(out, strings.Repeat(" ", wide))
	}
	return out
}

// plainRung is a rung where there is no room for a picture.
func (m *model) plainRung(r *rung) string {
	if r.own() {
		return "* " + r.full(m.count)
	}
	return r.letter() + ": " + r.full(m.count)
}

// count is a text of the catalogue about a number.
func (m *model) count(key string, n int) string { return m.text(key, "n", n) }

// detailLines tell of the chosen rung: who, what, and what it means.
func (m *model) detailLines(wide, most int) []string {
	r := &m.ladder.rungs[m.rung]
	var out []string
	add := func(text string) {
		out = append(out, wrap(text, wide)...)
	}
	if r.own() {
		add(clean(r.from))
	} else {
		add(m.text("top.fromto", "from", clean(r.from), "to", clean(r.to)))
	}
	if r.step.After != "" {
		add(m.text("top.state", "state", r.step.After))
	}
	if n := slices.Index([]trace.Phase{trace.Greeting, trace.Transfer, trace.Closure}, r.step.Phase); n >= 0 && r.step.Proto == trace.SMTP {
		add(m.text("top.phase", "n", n+1, "phase", m.text("journey.phase."+string(r.step.Phase))))
	}
	for _, line := range wrap(m.plainRung(r), wide) {
		out = append(out, m.paint.bold(line))
	}
	if r.more > 0 && !r.step.Content {
		add(m.text("top.more", "n", r.more))
	}
	if m.hex {
		out = append(out, "")
		if b := r.bytes(); b != nil {
			out = append(out, hexLines(b, max((wide-1)/4, 1))...)
		} else {
			add(m.text("top.nobytes"))
		}
	}
	if m.meaning && r.note.Text != "" {
		out = append(out, "")
		add(cleanLines(r.note.Text))
		add(r.note.RFC)
	}
	return out[:min(len(out), most)]
}

// cleanLines is clean for each line of a text.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
