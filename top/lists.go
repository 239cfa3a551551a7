package top

import (
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// table is the list of the page in front, as far as it passes the search.
func (m *model) table() *table {
	var t *table
	switch m.page {
	case cachePage:
		t = m.cacheTable()
	case queuePage:
		t = m.queueTable()
	case sessionsPage:
		t = m.sessionTable()
	default:
		t = m.journeyTable()
	}
	t.filter(m.search)
	return t
}

func (m *model) journeyTable() *table {
	t := &table{empty: "top.journeys.none", columns: []column{
		{title: "top.col.n", cells: 4, right: true}, {title: "top.col.time", cells: 8}, {title: "top.col.state", cells: 12},
		{title: "top.col.from", cells: 10, flex: 3}, {title: "top.col.to", cells: 10, flex: 3}, {title: "top.col.subject", cells: 4, flex: 4},
	}}
	if m.shown == nil {
		return t
	}
	for i, j := range m.shown.journeys {
		number := ""
		if n := len(m.shown.journeys); n < maxJourneys { // else there are older ones, and it would not stay the same
			number = itoa(n - i)
		}
		t.rows = append(t.rows, row{j.ID, []string{
			number, m.clock(j.Started), m.text("journey.state." + string(j.State)),
			path(j.From), strings.Join(j.To, ", "), j.Subject,
		}, nil})
	}
	return t
}

// path is a reverse-path as it is shown; the null one is <>.
func path(address string) string {
	if address == "" {
		return "<>"
	}
	return address
}

// clock is the time of day, in the zone of this machine.
func (m *model) clock(t time.Time) string {
	return t.In(m.o.Now().Location()).Format(time.TimeOnly)
}

func (m *model) cacheTable() *table {
	t := &table{empty: "top.cache.none", columns: []column{
		{title: "top.col.left", cells: 5, right: true}, {title: "top.col.name", cells: 12, flex: 2}, {title: "top.col.type", cells: 8},
		{title: "top.col.value", cells: 12, flex: 3}, {title: "top.col.origin", cells: 15},
	}}
	if m.shown == nil {
		return t
	}
	age := m.o.Now().Sub(m.shown.read)
	for _, e := range m.shown.cache {
		left, value := e.Left-age, strings.Join(e.Data, ", ")
		if left <= 0 {
			continue
		}
		if value == "" {
			value = m.text("top.cache.no")
		}
		from := strings.TrimSuffix(e.From, ":53")
		detail := []string{value, m.text("top.cache.origin", "server", from, "zone", e.Zone)}
		if e.Verdict != "" {
			detail = append(detail, m.text("top.cache.verdict", "verdict", e.Verdict))
		}
		t.rows = append(t.rows, row{e.Name + " " + e.Type, []string{span(int64(left / time.Second)), e.Name, e.Type, value, from}, detail})
	}
	return t
}

func (m *model) queueTable() *table {
	t := &table{empty: "top.queue.none", columns: []column{
		{title: "top.col.next", cells: 8, right: true}, {title: "top.col.tries", cells: 5, right: true}, {title: "top.col.node", cells: 12},
		{title: "top.col.from", cells: 10, flex: 2}, {title: "top.col.to", cells: 10, flex: 2}, {title: "top.col.reply", cells: 4, flex: 3},
	}}
	if m.shown == nil {
		return t
	}
	for _, e := range m.shown.queue {
		next := m.text("top.queue.now")
		if wait := e.Due.Sub(m.now()); wait > 0 {
			next = span(int64(wait / time.Second))
		}
		if e.Held {
			next = m.text("top.queue.held")
		}
		detail := []string{m.text("top.queue.entry", "from", path(e.From), "to", e.To, "due", m.clock(e.Due))}
		if e.Reply != "" {
			host := e.Host
			if host == "" {
				host = e.Node
			}
			detail = append(detail, m.text("top.queue.said", "host", host, "reply", e.Reply))
		}
		t.rows = append(t.rows, row{e.ID, []string{next, itoa(e.Attempts), e.Node, path(e.From), e.To, e.Reply}, detail})
	}
	return t
}

// connKey is the key of a connection.
func connKey(conn uint64) string { return strconv.FormatUint(conn, 10) }

func (m *model) sessionTable() *table {
	t := &table{empty: "top.sessions.none", columns: []column{
		{title: "top.col.conn", cells: 5, right: true}, {title: "top.col.node", cells: 13}, {title: "top.col.proto", cells: 8},
		{title: "top.col.remote", cells: 21}, {title: "top.col.since", cells: 5, right: true}, {title: "top.col.last", cells: 4, flex: 1},
	}}
	if m.shown == nil {
		return t
	}
	for _, s := range m.shown.sessions {
		proto, side := strings.ToUpper(string(s.Proto)), m.text("top.side.server", "node", s.Node)
		if s.Secure {
			proto += "+TLS"
		}
		if s.Side == 'C' {
			side = m.text("top.side.client", "node", s.Node)
		}
		t.rows = append(t.rows, row{connKey(s.Conn), []string{
			connKey(s.Conn), s.Node, proto, s.Remote, span(int64(m.now().Sub(s.Since) / time.Second)), s.Text,
		}, []string{side, m.text("top.session", "local", s.Local, "remote", s.Remote, "n", s.Lines), s.Text}})
	}
	return t
}
