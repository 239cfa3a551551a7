package trace_test

import (
	"strings"
	"testing"

	"glassmail/trace"
)

// told is a journey with the lines of one connection; a line that begins with * is a
// decision.
func told(id string, lines ...string) trace.Detail {
	d := trace.Detail{Journey: trace.Journey{ID: id}}
	for _, l := range lines {
		e := trace.Event{Kind: trace.Line, Proto: trace.SMTP, Node: "hamburger.edu", Dir: trace.Dir(l[0]), Text: l[3:]}
		if l[0] == '*' {
			e.Kind, e.Dir, e.Text = trace.Accepted, trace.Self, l[2:]
		}
		d.Steps = append(d.Steps, trace.Step{Event: e})
	}
	return d
}

// Steps of one kind stand side by side, and what differs is marked; what differs in
// any two runs is not.
func TestCompare(t *testing.T) {
	a := told("01m8hc84skjh0pdz05", "S: 220 hamburger.edu", "C: MAIL FROM:<alice@crepes.fr> SIZE=10", "S: 250 Ok", "C: RCPT TO:<bob@hamburger.edu>",
		"S: 250 Ok", "C: DATA", "* accepted 01m8hc84skjh0pdz05 from <alice@crepes.fr>, by 01m8hc8ttq1h2m3k4n at 12:30:05")
	b := told("01m8hcf517x7g81xmy", "S: 220 hamburger.edu", "C: MAIL FROM:<alice@crepes.fr> SIZE=11", "S: 250 Ok", "C: RCPT TO:<bob@hamburger.edu>",
		"S: 550 5.1.1 Who?", "* accepted 01m8hcf517x7g81xmy from <alice@crepes.fr>, by 01m8hcf9z3yd3a6dm7 at 12:31:07")
	c := trace.Compare(a, b)
	var got []string
	for _, r := range c.Rungs {
		one := string(r.Difference)
		if r.A != nil {
			one += " " + r.A.Text[:3]
		}
		if r.B != nil {
			one += " " + r.B.Text[:3]
		}
		got = append(got, one)
	}
	want := "same 220 220,different MAI MAI,same 250 250,same RCP RCP,only-a 250,only-a DAT,only-b 550,same acc acc"
	if s := strings.Join(got, ","); s != want || c.Differing != 4 || c.Truncated {
		t.Errorf("%s, %d differ, truncated %v\nwant %s", s, c.Differing, c.Truncated, want)
	}
}

// Long journeys are compared as far as that goes, and say so; mirrors are left out.
func TestCompareBounds(t *testing.T) {
	var lines []string
	for range 1300 {
		lines = append(lines, "C: NOOP")
	}
	long := told("a", lines...)
	c := trace.Compare(long, told("b", "C: NOOP"))
	if len(c.Rungs) != 1200 || !c.Truncated {
		t.Errorf("%d rungs, truncated %v", len(c.Rungs), c.Truncated)
	}
	one := told("a", "C: NOOP", "C: NOOP")
	one.Steps[1].Mirror = true
	if c := trace.Compare(one, told("b", "C: NOOP")); len(c.Rungs) != 1 || c.Differing != 0 {
		t.Errorf("a mirror counts: %+v", c.Rungs)
	}
}
