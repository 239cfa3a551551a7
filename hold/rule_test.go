package hold_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"glassmail/hold"
	"glassmail/trace"
	"glassmail/wire"
)

// A breakpoint holds the lines that it names, and no others.
func TestBreakpoints(t *testing.T) {
	imap := func(dir trace.Dir, command, text string) wire.Point {
		p := client(command, text)
		p.Proto, p.Dir = trace.IMAP, dir
		return p
	}
	journey := func(p wire.Point, id string) wire.Point { p.Journey = id; return p }
	rcpt, refusal := client("RCPT", "RCPT TO:<Bob@hamburger.edu>"), server("RCPT", "550 5.1.1 No such user")
	for _, c := range []struct {
		name string
		b    hold.Breakpoint
		p    wire.Point
		held bool
	}{
		{"command", hold.Breakpoint{Where: hold.Where{Command: "rcpt"}}, rcpt, true},
		{"another command", hold.Breakpoint{Where: hold.Where{Command: "MAIL"}}, rcpt, false},
		{"the reply to a command", hold.Breakpoint{Where: hold.Where{Command: "RCPT"}}, refusal, true},
		{"a command, and not its reply", hold.Breakpoint{Where: hold.Where{Command: "RCPT", Dir: "C"}}, refusal, false},
		{"reply code", hold.Breakpoint{Where: hold.Where{Command: "550"}}, refusal, true},
		{"code of a reply of several lines", hold.Breakpoint{Where: hold.Where{Command: "250"}}, server("EHLO", "250-hamburger.edu"), true},
		{"a code alone", hold.Breakpoint{Where: hold.Where{Command: "250"}}, server("NOOP", "250"), true},
		{"another code", hold.Breakpoint{Where: hold.Where{Command: "250"}}, refusal, false},
		{"the beginning of a code", hold.Breakpoint{Where: hold.Where{Command: "55"}}, refusal, false},
		{"a code that a client says", hold.Breakpoint{Where: hold.Where{Command: "550"}}, client("", "550 what"), false},
		{"word of an IMAP reply", hold.Breakpoint{Where: hold.Where{Command: "no"}}, imap(trace.Server, "SELECT", "a1 NO [NONEXISTENT] no such folder"), true},
		{"untagged IMAP reply", hold.Breakpoint{Where: hold.Where{Command: "BYE"}}, imap(trace.Server, "LOGOUT", "* BYE see you"), true},
		{"a word within an IMAP reply", hold.Breakpoint{Where: hold.Where{Command: "NO"}}, imap(trace.Server, "NOOP", "a1 OK NO news"), false},
		{"host", hold.Breakpoint{Where: hold.Where{Node: "Hamburger.EDU"}}, rcpt, true},
		{"another host", hold.Breakpoint{Where: hold.Where{Node: "crepes.fr"}}, rcpt, false},
		{"protocol", hold.Breakpoint{Where: hold.Where{Proto: trace.IMAP}}, imap(trace.Client, "LOGIN", "a1 LOGIN"), true},
		{"another protocol", hold.Breakpoint{Where: hold.Where{Proto: trace.IMAP}}, rcpt, false},
		{"who says it", hold.Breakpoint{Where: hold.Where{Dir: "S"}}, refusal, true},
		{"part of the line", hold.Breakpoint{Where: hold.Where{Text: "<bob@"}}, rcpt, true},
		{"no part of the line", hold.Breakpoint{Where: hold.Where{Text: "alice"}}, rcpt, false},
		{"all at once", hold.Breakpoint{Where: hold.Where{Node: "hamburger.edu", Proto: trace.SMTP, Dir: "C", Command: "RCPT", Text: "bob"}}, rcpt, true},
		{"all but one", hold.Breakpoint{Where: hold.Where{Node: "hamburger.edu", Proto: trace.SMTP, Dir: "C", Command: "RCPT", Text: "eve"}}, rcpt, false},
		{"message", hold.Breakpoint{Journey: "first"}, journey(rcpt, "first"), true},
		{"message, by another server's id", hold.Breakpoint{Journey: "first"}, journey(rcpt, "second"), true},
		{"another message", hold.Breakpoint{Journey: "first"}, journey(rcpt, "third"), false},
		{"no message", hold.Breakpoint{Journey: "first"}, rcpt, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := hold.New(hold.Options{Clock: wire.NewManual(start), Journey: known})
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
	mail := breakAt(t, d, hold.Breakpoint{Where: hold.Where{Command: "MAIL"}})
	rcpt := breakAt(t, d, hold.Breakpoint{Where: hold.Where{Command: "RCPT"}})
	line := pass(t, d, client("MAIL", "MAIL FROM:<a@b>"))
	held(t, d, 1)
	if err := d.RemoveBreakpoint(mail.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveBreakpoint(mail.ID); !errors.Is(err, hold.ErrNotFound) {
		t.Errorf("it was removed twice: %v", err)
	}
	passes(t, d, nth(1))
	passes(t, d, func() wire.Point { p := nth(1); p.Command = "MAIL"; return p }())
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
	for want, b := range map[string]hold.Breakpoint{
		"say where":              {},
		"of smtp or imap":        {Where: hold.Where{Proto: "dns"}},
		"C is for clients":       {Where: hold.Where{Dir: "c"}},
		"the protocol \"SMTP\" ": {Where: hold.Where{Proto: "SMTP"}},
	} {
		if _, err := d.AddBreakpoint(b); !errors.Is(err, hold.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("breakpoint %+v: %v, want it to say %q", b, err, want)
		}
	}
	reply := hold.Fault{Proto: trace.SMTP, Dir: "C", Command: "RCPT", Action: hold.FaultReply, Text: "451 4.3.0 Not now"}
	for want, change := range map[string]func(*hold.Fault){
		"say where":             func(f *hold.Fault) { *f = hold.Fault{Action: hold.FaultDrop} },
		"there are reply":       func(f *hold.Fault) { f.Action = "explode" },
		"less than 0":           func(f *hold.Fault) { f.Nth = -1 },
		"times -2":              func(f *hold.Fault) { f.Times = -2 },
		"without proto":         func(f *hold.Fault) { f.Proto = "" },
		"and dir":               func(f *hold.Fault) { f.Dir = "" },
		"three digits":          func(f *hold.Fault) { f.Text = "later" },
		`the reply "600 odd"`:   func(f *hold.Fault) { f.Text = "600 odd" },
		`the reply "451"`:       func(f *hold.Fault) { f.Text = "451" },
		`the reply ""`:          func(f *hold.Fault) { f.Text = "" },
		"line end":              func(f *hold.Fault) { f.Text = "451 a\r\n250 b" },
		"a delay of 0s":         func(f *hold.Fault) { f.Action = hold.FaultDelay },
		"at most 10m0s":         func(f *hold.Fault) { f.Action, f.Delay = hold.FaultDelay, hold.Span(11*60e9) },
		`the direction "both" `: func(f *hold.Fault) { f.Dir = "both" },
	} {
		f := reply
		change(&f)
		if _, err := d.AddFault(f); !errors.Is(err, hold.ErrInvalid) || !strings.Contains(err.Error(), want) {
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
	for range hold.MaxRules {
		breakAt(t, d, hold.Breakpoint{Where: hold.Where{Command: "X"}})
		if _, err := d.AddFault(hold.Fault{Command: "X", Action: hold.FaultDrop}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.AddBreakpoint(hold.Breakpoint{Where: hold.Where{Command: "X"}}); !errors.Is(err, hold.ErrInvalid) {
		t.Errorf("one breakpoint more: %v", err)
	}
	if _, err := d.AddFault(hold.Fault{Command: "X", Action: hold.FaultDrop}); !errors.Is(err, hold.ErrInvalid) {
		t.Errorf("one fault more: %v", err)
	}
	if err := d.RemoveBreakpoint(d.State().Breakpoints[7].ID); err != nil {
		t.Fatal(err)
	}
	breakAt(t, d, hold.Breakpoint{Where: hold.Where{Command: "X"}})
	ids := map[string]bool{}
	for _, b := range d.State().Breakpoints {
		ids[b.ID] = true
	}
	if len(ids) != hold.MaxRules {
		t.Errorf("%d ids for %d breakpoints", len(ids), hold.MaxRules)
	}
	for i := range 3 {
		if id := fmt.Sprintf("b%d", 1+2*i); !ids[id] {
			t.Errorf("there is no %s among %v", id, ids)
		}
	}
}
