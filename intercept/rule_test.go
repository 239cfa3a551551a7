package intercept_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

// A breakpoint holds the lines that it names, and no others.
func TestBreakpoints(t *testing.T) {
	imap := func(dir trace.Dir, command, text string) wire.Line {
		p := client(command, text)
		p.Proto, p.Dir = trace.IMAP, dir
		return p
	}
	journey := func(p wire.Line, id string) wire.Line { p.Journey = id; return p }
	rcpt, refusal := client("RCPT", "RCPT TO:<Bob@hamburger.edu>"), server("RCPT", "550 5.1.1 No such user")
	for _, c := range []struct {
		name string
		b    intercept.Breakpoint
		p    wire.Line
		held bool
	}{
		{"command", intercept.Breakpoint{Where: intercept.Where{Command: "rcpt"}}, rcpt, true},
		{"another command", intercept.Breakpoint{Where: intercept.Where{Command: "MAIL"}}, rcpt, false},
		{"the reply to a command", intercept.Breakpoint{Where: intercept.Where{Command: "RCPT"}}, refusal, true},
		{"a command, and not its reply", intercept.Breakpoint{Where: intercept.Where{Command: "RCPT", Dir: "C"}}, refusal, false},
		{"reply code", intercept.Breakpoint{Where: intercept.Where{Command: "550"}}, refusal, true},
		{"code of a reply of several lines", intercept.Breakpoint{Where: intercept.Where{Command: "250"}}, server("EHLO", "250-hamburger.edu"), true},
		{"a code alone", intercept.Breakpoint{Where: intercept.Where{Command: "250"}}, server("NOOP", "250"), true},
		{"another code", intercept.Breakpoint{Where: intercept.Where{Command: "250"}}, refusal, false},
		{"the beginning of a code", intercept.Breakpoint{Where: intercept.Where{Command: "55"}}, refusal, false},
		{"a code that a client says", intercept.Breakpoint{Where: intercept.Where{Command: "550"}}, client("", "550 what"), false},
		{"word of an IMAP reply", intercept.Breakpoint{Where: intercept.Where{Command: "no"}}, imap(trace.Server, "SELECT", "a1 NO [NONEXISTENT] no such folder"), true},
		{"untagged IMAP reply", intercept.Breakpoint{Where: intercept.Where{Command: "BYE"}}, imap(trace.Server, "LOGOUT", "* BYE see you"), true},
		{"a word within an IMAP reply", intercept.Breakpoint{Where: intercept.Where{Command: "NO"}}, imap(trace.Server, "NOOP", "a1 OK NO news"), false},
		{"host", intercept.Breakpoint{Where: intercept.Where{Node: "Hamburger.EDU"}}, rcpt, true},
		{"another host", intercept.Breakpoint{Where: intercept.Where{Node: "crepes.fr"}}, rcpt, false},
		{"protocol", intercept.Breakpoint{Where: intercept.Where{Proto: trace.IMAP}}, imap(trace.Client, "LOGIN", "a1 LOGIN"), true},
		{"another protocol", intercept.Breakpoint{Where: intercept.Where{Proto: trace.IMAP}}, rcpt, false},
		{"who says it", intercept.Breakpoint{Where: intercept.Where{Dir: "S"}}, refusal, true},
		{"part of the line", intercept.Breakpoint{Where: intercept.Where{Text: "<bob@"}}, rcpt, true},
		{"no part of the line", intercept.Breakpoint{Where: intercept.Where{Text: "alice"}}, rcpt, false},
		{"all at once", intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Proto: trace.SMTP, Dir: "C", Command: "RCPT", Text: "bob"}}, rcpt, true},
		{"all but one", intercept.Breakpoint{Where: intercept.Where{Node: "hamburger.edu", Proto: trace.SMTP, Dir: "C", Command: "RCPT", Text: "eve"}}, rcpt, false},
		{"message", intercept.Breakpoint{Journey: "first"}, journey(rcpt, "first"), true},
		{"message, by another server's id", intercept.Breakpoint{Journey: "first"}, journey(rcpt, "second"), true},
		{"another message", intercept.Breakpoint{Journey: "first"}, journey(rcpt, "third"), false},
		{"no message", intercept.Breakpoint{Journey: "first"}, rcpt, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := intercept.New(intercept.Options{Clock: wire.NewManual(start), Journey: known})
			t.Cleanup(d.Close)
			b := breakAt(t, d, c.b)
			if !c.held {
				passes(t, d, c.p)
				return
			}
			line := pass(t, d, c.p)
			if h := held(t, d, 1)[0]; h.Why != b.ID {
				t.Errorf("held by %q, want %q", h.Why, b.ID)
			}
			d.Resume()
			went(t, line)
		})
	}
}

// A breakpoint that is removed holds nothing more, but keeps what it holds; the
// others stay.
func TestRemoveBreakpoint(t *testing.T) {
	d, _ := newDesk(t)
	mail := breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "MAIL"}})
	rcpt := breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "RCPT"}})
	line := pass(t, d, client("MAIL", "MAIL FROM:<a@b>"))
	held(t, d, 1)
	if err := d.RemoveBreakpoint(mail.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveBreakpoint(mail.ID); !errors.Is(err, intercept.ErrNotFound) {
		t.Errorf("it was removed twice: %v", err)
	}
	passes(t, d, nth(1))
	passes(t, d, func() wire.Line { p := nth(1); p.Command = "MAIL"; return p }())
	waits(t, line)
	if b := d.State().Breakpoints; len(b) != 1 || b[0] != rcpt {
		t.Errorf("breakpoints %+v", b)
	}
	if err := d.Step(""); err != nil {
		t.Fatal(err)
	}
	went(t, line)
}

// Breakpoints and faults that cannot be are refused with a reason.
func TestRulesThatCannotBe(t *testing.T) {
	d, _ := newDesk(t)
	for want, b := range map[string]intercept.Breakpoint{
		"say where":              {},
		"of smtp or imap":        {Where: intercept.Where{Proto: "dns"}},
		"C is for clients":       {Where: intercept.Where{Dir: "c"}},
		"the protocol \"SMTP\" ": {Where: intercept.Where{Proto: "SMTP"}},
	} {
		if _, err := d.AddBreakpoint(b); !errors.Is(err, intercept.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("breakpoint %+v: %v, want it to say %q", b, err, want)
		}
	}
	reply := intercept.Rule{Proto: trace.SMTP, Dir: "C", Command: "RCPT", Action: intercept.FaultReply, Text: "451 4.3.0 Not now"}
	for want, change := range map[string]func(*intercept.Rule){
		"say where":             func(f *intercept.Rule) { *f = intercept.Rule{Action: intercept.FaultDrop} },
		"there are reply":       func(f *intercept.Rule) { f.Action = "explode" },
		"less than 0":           func(f *intercept.Rule) { f.Nth = -1 },
		"times -2":              func(f *intercept.Rule) { f.Times = -2 },
		"without proto":         func(f *intercept.Rule) { f.Proto = "" },
		"and dir":               func(f *intercept.Rule) { f.Dir = "" },
		"three digits":          func(f *intercept.Rule) { f.Text = "later" },
		`the reply "600 odd"`:   func(f *intercept.Rule) { f.Text = "600 odd" },
		`the reply "451"`:       func(f *intercept.Rule) { f.Text = "451" },
		`the reply ""`:          func(f *intercept.Rule) { f.Text = "" },
		"line end":              func(f *intercept.Rule) { f.Text = "451 a\r\n250 b" },
		"a delay of 0s":         func(f *intercept.Rule) { f.Action = intercept.FaultDelay },
		"at most 10m0s":         func(f *intercept.Rule) { f.Action, f.Delay = intercept.FaultDelay, intercept.Span(11*60e9) },
		`the direction "both" `: func(f *intercept.Rule) { f.Dir = "both" },
	} {
		f := reply
		change(&f)
		if _, err := d.AddFault(f); !errors.Is(err, intercept.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("fault %+v: %v, want it to say %q", f, err, want)
		}
	}
	if s := d.State(); len(s.Breakpoints) > 0 || len(d.Faults()) > 0 {
		t.Errorf("some were added: %+v %+v", s.Breakpoints, d.Faults())
	}
}

// There are at most MaxRules of each kind.
func TestMaxRules(t *testing.T) {
	d, _ := newDesk(t)
	for range intercept.MaxRules {
		breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "X"}})
		if _, err := d.AddFault(intercept.Rule{Command: "X", Action: intercept.FaultDrop}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.AddBreakpoint(intercept.Breakpoint{Where: intercept.Where{Command: "X"}}); !errors.Is(err, intercept.ErrInvalid) {
		t.Errorf("one breakpoint more: %v", err)
	}
	if _, err := d.AddFault(intercept.Rule{Command: "X", Action: intercept.FaultDrop}); !errors.Is(err, intercept.ErrInvalid) {
		t.Errorf("one fault more: %v", err)
	}
	if err := d.RemoveBreakpoint(d.State().Breakpoints[7].ID); err != nil {
		t.Fatal(err)
	}
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Command: "X"}})
	ids := map[string]bool{}
	for _, b := range d.State().Breakpoints {
		ids[b.ID] = true
	}
	if len(ids) != intercept.MaxRules {
		t.Errorf("%d ids for %d breakpoints", len(ids), intercept.MaxRules)
	}
	for i := range 3 {
		if id := fmt.Sprintf("b%d", 1+2*i); !ids[id] {
			t.Errorf("there is no %s among %v", id, ids)
		}
	}
}
