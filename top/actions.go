package top

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/atomicfile"
)

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

// hold does something at the interceptor of a lab.
func (m *model) hold(method, path string, body any, say string, args ...any) tea.Cmd {
	if m.shown == nil || !m.shown.node.Features["hold"] {
		m.notice = m.text("top.nohold")
		return nil
	}
	return m.ask(method, path, body, say, args...)
}

func (m *model) pause() tea.Cmd {
	if m.shown != nil && m.shown.hold.Paused {
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
		speed = next(m.shown.hold.Speed)
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

// cut ends the chosen connection.
func (m *model) cut() tea.Cmd {
	conn := m.opened
	if r := m.current(); conn == "" && r != nil {
		conn = r.key
	}
	if m.page != sessionsPage || m.shown == nil || conn == "" {
		m.notice = m.text("top.onsession")
		return nil
	}
	return m.ask(http.MethodDelete, "/sessions/"+url.PathEscape(conn), nil, "top.done.cut")
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
		file, err := atomicfile.Create(name, atomicfile.Private)
		if err == nil {
			defer file.Discard()
			err = m.o.Client.save(m.ctx, "/journeys/"+url.PathEscape(id)+".pcapng?lang="+lang, file)
		}
		if err == nil {
			err = file.Commit()
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
