package intercept

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// Where says which lines a rule is about. An empty field is about all.
type Where struct {
	Node    string         `json:"node,omitempty"`  // name of a node, in any case
	Proto   trace.Protocol `json:"proto,omitempty"` // "smtp" or "imap"
	Dir     string         `json:"dir,omitempty"`   // "C" for what clients say, "S" for servers
	Command string         `json:"command,omitempty"`
	Text    string         `json:"text,omitempty"` // part of the line, in any case
}

// matches reports whether the rule is about the line. A command is that of the
// client, for its line and for the replies to it; a reply code, or the word that an
// IMAP reply begins with after its tag, is about replies.
func (w *Where) matches(p wire.Line) bool {
	return (w.Node == "" || strings.EqualFold(w.Node, p.Node)) &&
		(w.Proto == "" || w.Proto == p.Proto) &&
		(w.Dir == "" || w.Dir == string(rune(p.Dir))) &&
		(w.Command == "" || strings.EqualFold(w.Command, p.Command) || p.Dir == trace.Server && hasCode(p, w.Command)) &&
		(w.Text == "" || strings.Contains(strings.ToLower(p.Text), strings.ToLower(w.Text)))
}

// hasCode reports a reply that begins with the code: "550", or "NO".
func hasCode(p wire.Line, code string) bool {
	text := p.Text
	if p.Proto == trace.IMAP {
		_, text, _ = strings.Cut(text, " ")
	}
	return len(text) >= len(code) && strings.EqualFold(text[:len(code)], code) &&
		(len(text) == len(code) || text[len(code)] == ' ' || text[len(code)] == '-')
}

// check tells what is wrong with a rule.
func (w *Where) check() error {
	if w.Proto != "" && w.Proto != trace.SMTP && w.Proto != trace.IMAP {
		return fmt.Errorf("the protocol %q %w: lines that wait are of %s or %s", w.Proto, ErrInvalid, trace.SMTP, trace.IMAP)
	}
	if w.Dir != "" && w.Dir != "C" && w.Dir != "S" {
		return fmt.Errorf("the direction %q %w: C is for clients, S for servers", w.Dir, ErrInvalid)
	}
	return nil
}

// Breakpoint holds each line that matches.
type Breakpoint struct {
	ID string `json:"id"`
	Where
	Journey string `json:"journey,omitempty"` // of one message
}

// AddBreakpoint adds a breakpoint and returns it with its id. ErrInvalid.
func (d *Interceptor) AddBreakpoint(b Breakpoint) (Breakpoint, error) {
	if err := b.check(); err != nil {
		return b, err
	}
	if b.Where == (Where{}) && b.Journey == "" {
		return b, fmt.Errorf("a breakpoint for everything %w: say where, or pause", ErrInvalid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.breaks) >= MaxRules {
		return b, fmt.Errorf("more than %d breakpoints %w: remove some", MaxRules, ErrInvalid)
	}
	d.last++
	b.ID = idOf("b", d.last)
	d.breaks = append(d.breaks, b)
	d.tell()
	return b, nil
}

// RemoveBreakpoint removes one. Lines that it holds go on waiting. ErrNotFound.
func (d *Interceptor) RemoveBreakpoint(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.breaks)
	d.breaks = slices.DeleteFunc(slices.Clone(d.breaks), func(b Breakpoint) bool { return b.ID == id })
	if len(d.breaks) == n {
		return fmt.Errorf("the breakpoint %s was %w", id, ErrNotFound)
	}
	d.tell()
	return nil
}

// What a Fault can do.
const (
	FaultReply = "reply" // a command is answered with Text and not heard by the server; of a reply, Text is sent in its place
	FaultDelay = "delay" // the line comes late by Delay
	FaultDrop  = "drop"  // the connection ends before the line gets through
)

// Rule is a rule by which something goes wrong in the lab.
//
// A command between two nodes is seen by both. A rule that names no node is for
// the server's end: what it says and hears.
type Rule struct {
	ID      string         `json:"id"`
	Node    string         `json:"node,omitempty"`    // as in Where, as are the next three
	Proto   trace.Protocol `json:"proto,omitempty"`   //
	Dir     string         `json:"dir,omitempty"`     //
	Command string         `json:"command,omitempty"` //
	Match   string         `json:"match,omitempty"`   // part of the line, in any case
	Journey string         `json:"journey,omitempty"` // of one message
	Nth     int            `json:"nth,omitempty"`     // the first that is touched of those that match; 0 is 1
	Times   int            `json:"times,omitempty"`   // how many are touched; 0 is all from Nth on
	Action  string         `json:"action"`            //
	Text    string         `json:"text,omitempty"`    // of FaultReply, without its line end: "451 4.3.0 Not now"; in IMAP without the tag
	Delay   Span           `json:"delay,omitempty"`   // of FaultDelay
	Seen    int            `json:"seen"`              // lines that matched
	Touched int            `json:"touched"`           // of them, lines that something was done to
}

func (f *Rule) where() Where {
	return Where{Node: f.Node, Proto: f.Proto, Dir: f.Dir, Command: f.Command, Text: f.Match}
}

// rule is a Fault at work.
type rule struct {
	Rule
	at Where
}

// maxDelay bounds FaultDelay.
const maxDelay = 10 * time.Minute

// AddFault adds a rule and returns it with its id and without counts. ErrInvalid.
func (d *Interceptor) AddFault(f Rule) (Rule, error) {
	if err := f.check(); err != nil {
		return f, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.faults) >= MaxRules {
		return f, fmt.Errorf("more than %d fault rules %w: remove some", MaxRules, ErrInvalid)
	}
	d.last++
	f.ID, f.Seen, f.Touched = idOf("f", d.last), 0, 0
	f.Nth = max(f.Nth, 1)
	d.faults = append(d.faults, &rule{f, f.where()})
	d.tell()
	return f, nil
}

func (f *Rule) check() error {
	w := f.where()
	if err := w.check(); err != nil {
		return err
	}
	if w == (Where{}) && f.Journey == "" {
		return fmt.Errorf("a fault of everything %w: say where", ErrInvalid)
	}
	if f.Nth < 0 || f.Times < 0 {
		return fmt.Errorf("nth %d and times %d %w less than 0", f.Nth, f.Times, ErrInvalid)
	}
	switch f.Action {
	case FaultReply:
		if f.Proto == "" || f.Dir == "" {
			return fmt.Errorf("a fault with a reply %w without proto and dir: smtp or imap, C or S", ErrInvalid)
		}
		if f.Text == "" || f.Proto == trace.SMTP && !smtpReply(f.Text) {
			return fmt.Errorf("the reply %q %w: a reply of SMTP is three digits, a blank, and a text, as in: 451 4.3.0 Not now", f.Text, ErrInvalid)
		}
		return line(f.Text)
	case FaultDelay:
		if f.Delay <= 0 || time.Duration(f.Delay) > maxDelay {
			return fmt.Errorf("a delay of %s %w: at most %s", time.Duration(f.Delay), ErrInvalid, maxDelay)
		}
		return nil
	case FaultDrop:
		return nil
	}
	return fmt.Errorf("the action %q %w: there are %s, %s and %s", f.Action, ErrInvalid, FaultReply, FaultDelay, FaultDrop)
}

// smtpReply reports a line of a reply (RFC 5321 §4.2).
func smtpReply(s string) bool {
	if len(s) < 4 || s[0] < '2' || s[0] > '5' || s[3] != ' ' {
		return false
	}
	return s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9'
}

// Faults lists the rules with their counts, oldest first.
func (d *Interceptor) Faults() []Rule {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Rule, 0, len(d.faults))
	for _, f := range d.faults {
		out = append(out, f.Rule)
	}
	return out
}

// RemoveFault removes a rule. ErrNotFound.
func (d *Interceptor) RemoveFault(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.faults)
	d.faults = slices.DeleteFunc(d.faults, func(f *rule) bool { return f.ID == id })
	if len(d.faults) == n {
		return fmt.Errorf("the fault rule %s was %w", id, ErrNotFound)
	}
	d.tell()
	return nil
}

// judge asks the fault rules. Every rule that matches counts; delays add up, and
// the first of the others decides.
func (d *Interceptor) judge(p wire.Line) (v wire.Verdict, delay time.Duration) {
	for _, f := range d.faults {
		if !d.touches(f, p) {
			continue
		}
		switch {
		case f.Action == FaultDelay:
			delay += time.Duration(f.Delay)
			v.Note = "a fault rule made it late by " + time.Duration(f.Delay).String()
		case v.Action != wire.Pass:
		case f.Action == FaultDrop:
			v.Action = wire.Cut
		case p.Dir == trace.Client:
			v.Action, v.Text = wire.Answer, f.Text
		default:
			v.Action, v.Text = wire.Edit, f.Text
		}
	}
	return v, delay
}

// touches counts a line that matches, and tells whether something is done to it.
func (d *Interceptor) touches(f *rule, p wire.Line) bool {
	if !f.at.matches(p) || f.Node == "" && p.Side == trace.Client || p.Data && f.Action == FaultReply {
		return false
	}
	if f.Journey != "" && f.Journey != d.journey(p.Journey) {
		return false
	}
	f.Seen++
	if f.Seen < f.Nth || f.Times > 0 && f.Touched >= f.Times {
		return false
	}
	f.Touched++
	d.tell()
	return true
}

// Span is a duration that is written as in "90s" or "1m30s".
type Span time.Duration

// MarshalText writes the span.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no duration such as 5s or 1m30s", b)
	}
	*s = Span(d)
	return nil
}
