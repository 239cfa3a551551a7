package top

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
)

// binding is one or more keys with what they do. Its text is "top.key." and name.
type binding struct {
	keys  []string // as bubbletea names them
	shown string   // as they are written for the reader
	name  string
	do    func(*model) tea.Cmd
}

// bindings are all keys, in the order in which help lists them.
func bindings() []binding {
	step := func(by int) func(*model) tea.Cmd {
		return func(m *model) tea.Cmd { m.move(by); return nil }
	}
	turn := func(by int) func(*model) tea.Cmd {
		return func(m *model) tea.Cmd { return m.look((m.page + page(by) + pages) % pages) }
	}
	look := func(p page) func(*model) tea.Cmd {
		return func(m *model) tea.Cmd { return m.look(p) }
	}
	return []binding{
		{[]string{"1"}, "1", "journeys", look(journeysPage)},
		{[]string{"2"}, "2", "cache", look(cachePage)},
		{[]string{"3"}, "3", "queue", look(queuePage)},
		{[]string{"4"}, "4", "sessions", look(sessionsPage)},
		{[]string{"tab"}, "Tab", "next", turn(1)},
		{[]string{"shift+tab"}, "Shift-Tab", "previous", turn(-1)},
		{[]string{"up", "k"}, "↑ k", "up", step(-1)},
		{[]string{"down", "j"}, "↓ j", "down", step(1)},
		{[]string{"pgup"}, "PgUp", "pageup", step(-10)},
		{[]string{"pgdown"}, "PgDn", "pagedown", step(10)},
		{[]string{"home", "g"}, "Home g", "first", step(-1 << 20)},
		{[]string{"end", "G"}, "End G", "last", step(1 << 20)},
		{[]string{"enter"}, "Enter", "open", (*model).enter},
		{[]string{"esc", "backspace"}, "Esc", "back", (*model).back},
		{[]string{"/"}, "/", "search", func(m *model) tea.Cmd { m.typing, m.search = true, ""; return nil }},
		{[]string{"n"}, "n", "again", func(m *model) tea.Cmd { m.find(1); return nil }},
		{[]string{"N"}, "N", "before", func(m *model) tea.Cmd { m.find(-1); return nil }},
		{[]string{" "}, "Space", "pause", (*model).pause},
		{[]string{"right", "."}, "→ .", "step", func(m *model) tea.Cmd { return m.hold(http.MethodPost, "/hold/step", nil, "top.done.step") }},
		{[]string{"-"}, "-", "slower", func(m *model) tea.Cmd { return m.pace(slower) }},
		{[]string{"+", "="}, "+", "faster", func(m *model) tea.Cmd { return m.pace(faster) }},
		{[]string{"b"}, "b", "bytes", func(m *model) tea.Cmd { m.hex = !m.hex; return nil }},
		{[]string{"m"}, "m", "meaning", func(m *model) tea.Cmd { m.meaning = !m.meaning; return nil }},
		{[]string{"f"}, "f", "fold", (*model).fold},
		{[]string{"p"}, "p", "pcap", (*model).pcap},
		{[]string{"w"}, "w", "whatif", (*model).whatIf},
		{[]string{"r"}, "r", "retry", func(m *model) tea.Cmd { return m.amend("retry", "top.done.retry") }},
		{[]string{"h"}, "h", "hold", (*model).holdEntry},
		{[]string{"l"}, "l", "language", (*model).nextLanguage},
		{[]string{"?"}, "?", "help", func(m *model) tea.Cmd { m.help = true; return nil }},
		{[]string{"q", "ctrl+c"}, "q", "quit", func(*model) tea.Cmd { return tea.Quit }},
	}
}

// keys does what keys are for. Those that come fast come together.
func (m *model) keys(k tea.KeyMsg) tea.Cmd {
	if k.Type != tea.KeyRunes || len(k.Runes) == 1 {
		return m.key(k)
	}
	if k.Paste && !m.typing { // text is no command
		return nil
	}
	var all []tea.Cmd
	for _, r := range k.Runes {
		all = append(all, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}))
	}
	return tea.Sequence(all...)
}

// key does what one key is for.
func (m *model) key(k tea.KeyMsg) tea.Cmd {
	name := k.String()
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case m.typing:
		m.typed(k)
		return nil
	case m.help: // any key leaves it
		m.help = false
		return nil
	}
	m.notice = ""
	for _, b := range bindings() {
		for _, one := range b.keys {
			if one == name {
				return b.do(m)
			}
		}
	}
	return nil
}

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 200

// typed takes one key of a search.
func (m *model) typed(k tea.KeyMsg) {
	switch k.Type {
	case tea.KeyEsc:
		m.typing, m.search = false, ""
	case tea.KeyEnter:
		m.typing = false
		m.find(1)
	case tea.KeyBackspace:
		_, size := utf8.DecodeLastRuneInString(m.search)
		m.search = m.search[:len(m.search)-size]
	case tea.KeySpace, tea.KeyRunes:
		if text := string(k.Runes); len(m.search)+len(text) <= maxSearch {
			m.search += strings.Map(printable, text)
		}
	}
}

func printable(r rune) rune {
	if unsafe(r) {
		return -1
	}
	return r
}

// enter opens what is chosen: a journey, a connection, or the journey of an entry
// of the queue.
func (m *model) enter() tea.Cmd {
	if m.opened != "" || m.shown == nil {
		return nil
	}
	r := m.current()
	switch {
	case r == nil:
		return nil
	case m.page == journeysPage || m.page == sessionsPage:
		return m.open(m.page, r.key)
	case m.page == queuePage:
		for _, e := range m.shown.queue {
			if e.ID == r.key {
				return m.open(journeysPage, e.Journey)
			}
		}
	}
	return nil
}

// back leaves a search, a ladder, and otherwise nothing.
func (m *model) back() tea.Cmd {
	if m.opened == "" || m.search != "" {
		m.search = ""
		return nil
	}
	return m.look(m.page)
}

func (m *model) fold() tea.Cmd {
	m.folded = !m.folded
	if m.ladder != nil {
		m.draw()
	}
	return nil
}

func (m *model) nextLanguage() tea.Cmd {
	all := m.o.Texts.Languages()
	for i, lang := range all {
		if lang == m.lang {
			m.speak(all[(i+1)%len(all)])
			break
		}
	}
	return nil
}

// ask makes a call beside the display and says what came of it.
func (m *model) ask(method, path string, body any, say string, args ...any) tea.Cmd {
	return func() tea.Msg {
		return done{say, args, m.o.Client.change(m.ctx, method, path, body)}
	}
}

// hold does something at the desk of a lab.
func (m *model) hold(method, path string, body any, say string, args ...any) tea.Cmd {
	if m.shown == nil || !m.shown.node.Features["hold"] {
		m.notice = m.text("top.nohold")
		return nil
	}
	return m.ask(method, path, body, say, args...)
}

func (m *model) pause() tea.Cmd {
	if m.shown != nil && m.shown.desk.Paused {
		return m.hold(http.MethodPost, "/hold/resume", nil, "top.done.resume")
	}
	return m.hold(http.MethodPost, "/hold/pause", nil, "top.done.pause")
}

// slower and faster are the next of the speeds, in lines a second; 0 is full speed.
func slower(v float64) float64 {
	switch {
	case v == 0 || v > 5:
		return 5
	case v > 2:
		return 2
	case v > 1:
		return 1
	}
	return 0.5
}

func faster(v float64) float64 {
	switch {
	case v == 0 || v >= 5:
		return 0
	case v >= 2:
		return 5
	case v >= 1:
		return 2
	}
	return 1
}

func (m *model) pace(next func(float64) float64) tea.Cmd {
	speed := 0.0
	if m.shown != nil {
		speed = next(m.shown.desk.Speed)
	}
	body := map[string]float64{"speed": speed}
	if speed == 0 {
		return m.hold(http.MethodPut, "/hold/speed", body, "top.done.fullspeed")
	}
	return m.hold(http.MethodPut, "/hold/speed", body, "top.done.speed", "n", speed)
}

// amend changes the chosen entry of the queue.
func (m *model) amend(action, say string) tea.Cmd {
	r := m.current()
	if m.page != queuePage || m.shown == nil || r == nil {
		m.notice = m.text("top.onqueue")
		return nil
	}
	return m.ask(http.MethodPost, "/queue/"+url.PathEscape(r.key)+"/"+action, nil, say)
}

func (m *model) holdEntry() tea.Cmd {
	if m.page == queuePage && m.shown != nil {
		r := m.current()
		for _, e := range m.shown.queue {
			if r != nil && e.ID == r.key && e.Held {
				return m.amend("release", "top.done.release")
			}
		}
	}
	return m.amend("hold", "top.done.hold")
}

// subject is the journey that is open or chosen; "" if there is none.
func (m *model) subject() string {
	if m.page == journeysPage && m.opened != "" {
		return m.opened
	}
	if m.page == journeysPage && m.shown != nil {
		if r := m.current(); r != nil {
			return r.key
		}
	}
	return ""
}

// pcap saves the journey for Wireshark.
func (m *model) pcap() tea.Cmd {
	id := m.subject()
	if id == "" {
		m.notice = m.text("top.onjourney")
		return nil
	}
	name := filepath.Join(m.o.Dir, "journey-"+fileName(id)+".pcapng")
	lang := m.lang
	return func() tea.Msg {
		file, err := os.Create(name)
		if err == nil {
			err = m.o.Client.save(m.ctx, "/journeys/"+url.PathEscape(id)+".pcapng?lang="+lang, file)
			if e := file.Close(); err == nil {
				err = e
			}
		}
		return done{"top.done.pcap", []any{"file", name}, err}
	}
}

// fileName keeps of an id what every file system takes.
func fileName(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' {
			return r
		}
		return '_'
	}, id)
}

// whatIf tells where a message can be sent again with one fact changed: that
// needs more room than a terminal has.
func (m *model) whatIf() tea.Cmd {
	base, err := m.o.Client.Find()
	if err != nil {
		m.notice = m.text("top.failed", "reason", clean(err.Error()))
		return nil
	}
	m.notice = m.text("top.whatif", "url", base)
	return nil
}
