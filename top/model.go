package top

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/explain"
	"glassmail/trace"
)

// page is one of the lists; a journey's ladder stands on that of the journeys.
type page int

const (
	journeysPage page = iota
	cachePage
	queuePage
	sessionsPage
	pages // how many there are
)

// Times of the display.
const (
	tickEvery = time.Second            // what grows old is read anew
	calm      = 150 * time.Millisecond // between two readings, however much happens
)

// What the model is told.
type (
	found    struct{} // the event stream is open, and begins with the past
	happened struct{ events []trace.Event }
	lost     struct{ err error } // the server does not answer
	tick     struct{}
	rested   struct{} // it may be read again
	read     struct{ s *snapshot }
	done     struct { // what a key asked for
		key  string // of the catalogue: what to say
		args []any
		err  error
	}
)

// model is what is shown and how.
type model struct {
	ctx   context.Context // of the program
	o     Options
	lang  string
	words *explain.Words
	paint painter

	width, height int
	page          page
	opened        string // row whose ladder is shown: a journey, a connection; "" is the list
	help          bool
	menu          bool // asks for a fact to be different

	shown   *snapshot // nil: nothing was read yet
	events  []trace.Event
	ladder  *ladder // of opened
	lost    error
	reading bool // a reading is under way, or has just been
	stale   bool // one more is due after it

	chosen    [pages]string // key of the chosen row of each page
	rung      int           // chosen rung
	following bool          // it is the newest
	folded    bool
	hex       bool
	meaning   bool // a narrow ladder shows what lines mean

	typing bool // of a search
	search string
	notice string // what came of the last key
}

func newModel(ctx context.Context, o Options) *model {
	m := &model{ctx: ctx, o: o, paint: painter{o.Colour, o.ASCII}, width: 80, height: 24, following: true, folded: true, meaning: true}
	m.speak(o.Lang)
	return m
}

// speak changes the language.
func (m *model) speak(lang string) {
	m.lang, m.words = lang, explain.New(lang)
	if m.shown != nil {
		m.draw()
	}
}

// text is a text of the catalogue.
func (m *model) text(key string, args ...any) string { return m.o.Texts.Text(m.lang, key, args...) }

// Init begins to read.
func (m *model) Init() tea.Cmd { return tea.Batch(m.refresh(), m.after(tickEvery, tick{})) }

// after tells msg when some time is over, unless the program has ended by then.
func (m *model) after(d time.Duration, msg tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !pause(m.ctx, d) {
			return nil
		}
		return msg
	}
}

// Update takes what happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyMsg:
		return m, m.keys(msg)
	case found:
		m.events = nil
		return m, m.refresh()
	case happened:
		m.keep(msg.events)
		return m, m.refresh()
	case tick:
		return m, tea.Batch(m.refresh(), m.after(tickEvery, tick{}))
	case rested:
		m.reading = false
		if m.stale {
			return m, m.refresh()
		}
	case read:
		m.lost = nil
		if m.shown == nil || msg.s.page == m.page && msg.s.journey == m.opened { // else it is of another page
			m.shown = msg.s
			m.draw()
		}
		return m, m.after(calm, rested{})
	case lost:
		m.lost = msg.err
		return m, m.after(calm, rested{})
	case repeated:
		return m, m.repetition(msg)
	case done:
		m.notice = m.text(msg.key, msg.args...)
		if msg.err != nil {
			m.notice = m.text("top.failed", "reason", clean(msg.err.Error()))
		}
		return m, m.refresh()
	}
	return m, nil
}

// refresh reads what is shown, unless that was done just now.
func (m *model) refresh() tea.Cmd {
	if m.reading {
		m.stale = true
		return nil
	}
	m.reading, m.stale = true, false
	page, opened := m.page, m.opened
	return func() tea.Msg {
		s, err := m.o.Client.snapshot(m.ctx, page, opened, m.o.Now)
		if err != nil {
			return lost{err}
		}
		return read{s}
	}
}

// maxEvents is how many events are kept for the ladders of connections.
const maxEvents = 4000

// keep keeps events, and draws those of the connection that is open.
func (m *model) keep(events []trace.Event) {
	m.events = append(m.events, events...)
	if over := len(m.events) - maxEvents; over > 0 {
		m.events = slices.Delete(m.events, 0, min(over+maxEvents/4, len(m.events)))
	}
	if m.page == sessionsPage && m.opened != "" {
		m.draw()
	}
}

// draw makes the ladder of what is open.
func (m *model) draw() {
	d := m.detail()
	if d == nil {
		m.ladder = nil
		return
	}
	before := m.ladder
	m.ladder = newLadder(d, m.words, m.folded)
	last := len(m.ladder.rungs) - 1
	if before == nil || m.following {
		m.rung = last
	}
	m.rung = min(max(m.rung, 0), max(last, 0))
}

// detail is what is open; nil if nothing is, or it is not known.
func (m *model) detail() *trace.Detail {
	switch {
	case m.opened == "":
		return nil
	case m.page == sessionsPage:
		return conversation(m.events, m.opened)
	case m.shown == nil || m.shown.journey != m.opened:
		return nil
	}
	return m.shown.detail
}

// look turns to a page.
func (m *model) look(p page) tea.Cmd {
	if p != m.page {
		m.search = ""
	}
	m.page, m.opened, m.ladder = p, "", nil
	m.stale = true
	return m.refresh()
}

// open shows the ladder of a journey or a connection.
func (m *model) open(p page, key string) tea.Cmd {
	if key == "" {
		return nil
	}
	m.page, m.opened, m.ladder, m.following, m.search = p, key, nil, true, ""
	m.chosen[p] = key
	m.draw()
	return m.refresh()
}

// move chooses another row or rung, by places.
func (m *model) move(by int) {
	if m.opened != "" {
		if m.ladder == nil {
			return
		}
		last := len(m.ladder.rungs) - 1
		m.rung = min(max(m.rung+by, 0), max(last, 0))
		m.following = m.rung == last
		return
	}
	t := m.table()
	if len(t.rows) == 0 {
		return
	}
	i := min(max(t.index(m.chosen[m.page])+by, 0), len(t.rows)-1)
	m.chosen[m.page] = t.rows[i].key
	if i == 0 { // the first row stays chosen, whichever it is
		m.chosen[m.page] = ""
	}
}

// current is the chosen row of the list in front; nil if there is none.
func (m *model) current() *row {
	t := m.table()
	if len(t.rows) == 0 {
		return nil
	}
	return &t.rows[t.index(m.chosen[m.page])]
}

// find chooses the next rung, from the chosen one in the direction by, in which
// the text that was typed stands.
func (m *model) find(by int) {
	if m.ladder == nil || m.search == "" {
		return
	}
	n := len(m.ladder.rungs)
	for i := 1; i <= n; i++ {
		at := ((m.rung+i*by)%n + n) % n
		r := &m.ladder.rungs[at]
		if strings.Contains(strings.ToLower(r.step.Text+" "+r.from+" "+r.to), strings.ToLower(m.search)) {
			m.rung, m.following = at, at == n-1
			return
		}
	}
	m.notice = m.text("top.notfound", "text", clean(m.search))
}

// fresh reports whether what was read is of what is in front.
func (m *model) fresh() bool {
	return m.shown != nil && m.shown.page == m.page && m.shown.journey == m.opened
}

// now is the time of the server.
func (m *model) now() time.Time { return m.o.Now().Add(m.shown.lead) }
