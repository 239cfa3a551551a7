package top

import (
	"net/http"
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// repeatTime bounds the repetition of a message, which ends when the message has
// come to rest.
const repeatTime = 2 * time.Minute

// fact is one thing that can be different when a message is sent again. Its text
// is "top.whatif." and name.
type fact struct {
	name   string
	change map[string]any // as the API takes it
}

// facts are those that need no words of the reader; the page knows more.
func facts() []fact {
	return []fact{
		{"mxdown", map[string]any{"kind": "mx-down"}},
		{"starttls", map[string]any{"kind": "starttls-off"}},
		{"unknown", map[string]any{"kind": "reply", "command": "RCPT", "text": "550 5.1.1 User unknown"}},
		{"later", map[string]any{"kind": "reply", "command": "DATA", "text": "451 4.3.0 Not now"}},
		{"thai", map[string]any{"kind": "subject", "text": "สวัสดีครับ"}},
		{"ttl", map[string]any{"kind": "ttl", "seconds": 5}},
	}
}

// repeated is what became of a message that was sent again.
type repeated struct {
	Journey string `json:"journey"`
	State   string `json:"state"`
	Note    string `json:"note"`
	err     error
}

// whatIf asks which fact shall be different.
func (m *model) whatIf() tea.Cmd {
	switch {
	case m.shown == nil || !m.shown.node.Features["whatif"]:
		m.notice = m.text("top.nowhatif")
	case m.subject() == "":
		m.notice = m.text("top.onjourney")
	default:
		m.menu = true
	}
	return nil
}

// pick takes the key that answers.
func (m *model) pick(key string) tea.Cmd {
	m.menu = false
	n, err := strconv.Atoi(key)
	all := facts()
	if err != nil || n < 1 || n > len(all) {
		return nil
	}
	body := map[string]any{"journey": m.subject(), "change": all[n-1].change}
	m.notice = m.text("top.whatif.waits")
	return func() tea.Msg {
		var r repeated
		r.err = m.o.Client.call(m.ctx, repeatTime, http.MethodPost, "/whatif", body, &r)
		return r
	}
}

// repetition shows the message that was sent again.
func (m *model) repetition(r repeated) tea.Cmd {
	if r.err != nil {
		m.notice = m.text("top.failed", "reason", clean(r.err.Error()))
		return nil
	}
	cmd := m.open(journeysPage, r.Journey)
	m.notice = m.text("top.whatif.done", "state", m.text("journey.state."+r.State))
	if r.Note != "" {
		m.notice = clean(r.Note)
	}
	return cmd
}

// menuLines ask for the fact.
func (m *model) menuLines() []string {
	out := []string{m.paint.bold(" " + cut(m.text("top.whatif.ask"), m.width-1)), ""}
	for i, f := range facts() {
		out = append(out, " "+cut(itoa(i+1)+"  "+m.text("top.whatif."+f.name), m.width-1))
	}
	return append(out, "", " "+cut(m.text("top.whatif.more"), m.width-1))
}
