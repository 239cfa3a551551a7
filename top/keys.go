package top

import (
	"net/http"
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
		{[]string{"x"}, "x", "cut", (*model).cut},
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
	case m.menu:
		return m.pick(name)
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
