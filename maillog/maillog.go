// Package maillog writes the mail log of a node: one line for each message that was
// accepted, refused, delivered, deferred or bounced, and for each login, good or
// bad. It observes a trace.Log, in which the node writes each of these decisions
// once. docs/log.md lists the fields.
package maillog

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"glassmail/trace"
)

// Bounds of a line.
const (
	maxValue = 1 << 10 // bytes of one value, before it is quoted
	maxNamed = 10      // recipients of a message that are named
	maxAttrs = 24      // fields of a line
)

// Log writes decisions to a slog.Handler.
type Log struct {
	to  slog.Handler
	run string // begins the names of sessions
}

// New writes to a handler. began is when the node did: it keeps the names of its
// sessions apart from those of runs before.
func New(to slog.Handler, began time.Time) *Log {
	return &Log{to: to, run: strconv.FormatInt(began.Unix(), 36) + "-"}
}

// Observe writes a line for an event, if it is of a kind that has one. It is for
// trace.Log.Observe.
func (l *Log) Observe(e trace.Event) {
	msg := message(e.Kind)
	if msg == "" || e.Decision == nil {
		return
	}
	level := slog.LevelInfo
	if e.Decision.Trouble != "" {
		level = slog.LevelError
	}
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(e.Time, level, msg, 0)
	f := fields{}
	l.fill(&f, &e)
	r.AddAttrs(f.all[:f.n]...)
	_ = l.to.Handle(context.Background(), r) // a log that cannot be written stops no mail
}

// message is the word for a kind of decision, "" for those that have no line: a
// message that is queued is deferred or delivered later, and that a report goes back
// stands in the line of what bounced.
func message(k trace.Kind) string {
	switch k {
	case trace.Accepted:
		return "accepted"
	case trace.Refused:
		return "refused"
	case trace.Delivered:
		return "delivered"
	case trace.Deferred:
		return "deferred"
	case trace.Failed:
		return "bounced"
	case trace.LoggedIn:
		return "login"
	case trace.LoginFailed:
		return "login failed"
	}
	return ""
}

// fill has the fields in the one order in which all lines have them. What a stranger
// chooses comes after what the node knows.
func (l *Log) fill(f *fields, e *trace.Event) {
	d := e.Decision
	if e.Conn != 0 {
		f.text("session", l.run+strconv.FormatUint(e.Conn, 10))
	}
	f.text("id", e.Journey)
	f.text("service", d.Service)
	if d.Client.Addr().IsValid() {
		f.text("client", d.Client.Addr().WithZone("").String())
	}
	f.number("port", int64(d.Client.Port()))
	f.text("proto", d.Proto)
	f.text("tls", d.TLS)
	f.text("stage", d.Stage)
	f.text("status", d.Status)
	f.text("dsn", d.DSN)
	f.number("size", int64(e.Size))
	f.delay(e.Kind, d.Delay)
	f.number("attempt", int64(d.Attempt))
	if !d.Retry.IsZero() {
		f.add(slog.Time("retry", d.Retry))
	}
	f.text("helo", d.Helo)
	f.text("user", d.User)
	f.text("from", d.From)
	f.recipients(e.Kind, d.To)
	if e.Message != nil {
		f.text("message_id", e.Message.ID)
	}
	f.text("relay", d.Relay)
	f.text("report_to", d.ReportTo)
	f.text("reply", d.Reply)
	f.text("trouble", d.Trouble)
}

// fields are those of one line.
type fields struct {
	all [maxAttrs]slog.Attr
	n   int
}

func (f *fields) add(a slog.Attr) {
	f.all[f.n] = a
	f.n++
}

// text adds a field that is not empty.
func (f *fields) text(key, value string) {
	if value != "" {
		f.add(slog.String(key, cut(value)))
	}
}

func (f *fields) number(key string, n int64) {
	if n != 0 {
		f.add(slog.Int64(key, n))
	}
}

// delay is in seconds, to the millisecond; a day and more is in whole ones. Messages
// have one from their acceptance on.
func (f *fields) delay(k trace.Kind, seconds float64) {
	switch {
	case k == trace.Refused || k == trace.LoggedIn || k == trace.LoginFailed:
	case seconds >= 86400:
		f.add(slog.Int64("delay", int64(seconds)))
	default:
		f.add(slog.Float64("delay", math.Round(max(seconds, 0)*1000)/1000))
	}
}

// recipients names those of a message, or the one that a line is about.
func (f *fields) recipients(k trace.Kind, to []string) {
	if k == trace.Accepted {
		f.number("nrcpt", int64(len(to)))
	}
	if len(to) > maxNamed {
		to = append(to[:maxNamed:maxNamed], "...")
	}
	if len(to) == 1 {
		f.text("to", to[0])
		return
	}
	f.text("to", strings.Join(to, ", "))
}

func cut(s string) string {
	if len(s) > maxValue {
		return strings.ToValidUTF8(s[:maxValue], "") + "..."
	}
	return s
}
