package intercept_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

func addFault(t *testing.T, d *intercept.Interceptor, f intercept.Rule) intercept.Rule {
	t.Helper()
	f, err := d.AddFault(f)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A rule touches the lines that it names, at the server's end unless it names a
// node.
func TestFaults(t *testing.T) {
	reply := intercept.Rule{Proto: trace.SMTP, Dir: "C", Command: "RCPT", Action: intercept.FaultReply, Text: "451 4.3.0 Not now"}
	spoken := reply
	spoken.Dir, spoken.Command = "S", "250"
	drop := intercept.Rule{Command: "RCPT", Action: intercept.FaultDrop}
	at := func(f intercept.Rule, node string) intercept.Rule { f.Node = node; return f }
	of := func(f intercept.Rule, journey string) intercept.Rule { f.Journey = journey; return f }
	journey := func(p wire.Line, id string) wire.Line { p.Journey = id; return p }
	rcpt := near(trace.Client, "RCPT", "RCPT TO:<bob@hamburger.edu>")
	answer, cut := wire.Verdict{Action: wire.Answer, Text: reply.Text}, wire.Verdict{Action: wire.Cut}
	for _, c := range []struct {
		name string
		f    intercept.Rule
		p    wire.Line
		want wire.Verdict
	}{
		{"a command is answered", reply, rcpt, answer},
		{"another command is not", reply, near(trace.Client, "MAIL", "MAIL FROM:<a@b>"), wire.Verdict{}},
		{"a reply is another", spoken, near(trace.Server, "RCPT", "250 2.1.5 Ok"), wire.Verdict{Action: wire.Edit, Text: reply.Text}},
		{"the connection ends", drop, rcpt, cut},
		{"not at the client's end", reply, far(trace.Client, "RCPT", "RCPT TO:<bob@hamburger.edu>"), wire.Verdict{}},
		{"but if that is named", at(reply, "crepes.fr"), far(trace.Client, "RCPT", "RCPT TO:<bob@hamburger.edu>"), answer},
		{"then not at the other", at(reply, "crepes.fr"), rcpt, wire.Verdict{}},
		{"of one message", of(reply, "first"), journey(rcpt, "second"), answer},
		{"not of others", of(reply, "first"), journey(rcpt, "third"), wire.Verdict{}},
		{"text is not answered", intercept.Rule{Proto: trace.SMTP, Dir: "C", Match: "lunch", Action: intercept.FaultReply, Text: "554 no"}, text(), wire.Verdict{}},
		{"text can be cut", intercept.Rule{Match: "lunch", Action: intercept.FaultDrop}, text(), cut},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := intercept.New(intercept.Options{Clock: wire.NewManual(start), Journey: known})
			t.Cleanup(d.Close)
			addFault(t, d, c.f)
			if v := passes(t, d, c.p); v != c.want {
				t.Errorf("verdict %+v, want %+v", v, c.want)
			}
			touched := 0
			if c.want.Action != wire.Pass {
				touched = 1
			}
			if f := d.Faults(); f[0].Touched != touched || f[0].Seen != touched {
				t.Errorf("%d seen and %d touched, want %d", f[0].Seen, f[0].Touched, touched)
			}
		})
	}
}

// Nth and Times choose among the lines that match; the rule counts them all.
func TestFaultCounts(t *testing.T) {
	for _, c := range []struct {
		nth, times int
		want       []bool
	}{
		{0, 0, []bool{true, true, true, true, true}},
		{1, 1, []bool{true, false, false, false, false}},
		{3, 0, []bool{false, false, true, true, true}},
		{2, 2, []bool{false, true, true, false, false}},
	} {
		d, _ := newDesk(t)
		f := addFault(t, d, intercept.Rule{Command: "RCPT", Action: intercept.FaultDrop, Nth: c.nth, Times: c.times, Seen: 9, Touched: 9})
		if f.Seen != 0 || f.Touched != 0 {
			t.Errorf("a new rule counts from %d and %d", f.Seen, f.Touched)
		}
		var got []bool
		hits := 0
		for range c.want {
			cut := passes(t, d, client("RCPT", "RCPT TO:<bob@hamburger.edu>")).Action == wire.Cut
			if got = append(got, cut); cut {
				hits++
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("nth %d times %d: %v, want %v", c.nth, c.times, got, c.want)
		}
		if f := d.Faults()[0]; f.Seen != 5 || f.Touched != hits {
			t.Errorf("nth %d times %d: seen %d, touched %d", c.nth, c.times, f.Seen, f.Touched)
		}
		if err := d.RemoveFault(f.ID); err != nil {
			t.Fatal(err)
		}
		if err := d.RemoveFault(f.ID); !errors.Is(err, intercept.ErrNotFound) {
			t.Errorf("it was removed twice: %v", err)
		}
		if v := passes(t, d, client("RCPT", "RCPT TO:<bob@hamburger.edu>")); v != (wire.Verdict{}) {
			t.Errorf("a rule that was removed did %+v", v)
		}
	}
}

// Delays of several rules add up; of the other rules that match, the first decides,
// after the delay.
func TestFaultsTogether(t *testing.T) {
	d, clock := newDesk(t)
	addFault(t, d, intercept.Rule{Command: "RCPT", Action: intercept.FaultDelay, Delay: intercept.Span(time.Second)})
	addFault(t, d, intercept.Rule{Match: "bob", Action: intercept.FaultDelay, Delay: intercept.Span(2 * time.Second)})
	addFault(t, d, intercept.Rule{Proto: trace.SMTP, Dir: "C", Match: "bob", Action: intercept.FaultReply, Text: "550 5.1.1 No bob"})
	addFault(t, d, intercept.Rule{Match: "bob", Action: intercept.FaultDrop})
	c := pass(t, d, client("RCPT", "RCPT TO:<bob@hamburger.edu>"))
	clock.Sleepers(1)
	clock.Advance(3*time.Second - 1)
	waits(t, c)
	clock.Advance(1)
	v := went(t, c)
	if v.Action != wire.Answer || v.Text != "550 5.1.1 No bob" || v.Note != "a fault rule made it late by 2s" {
		t.Errorf("verdict %+v", v)
	}
}

// A line that a rule delays is then held by a pause, and says that it was late.
func TestDelayedThenHeld(t *testing.T) {
	d, clock := newDesk(t)
	d.Pause()
	addFault(t, d, intercept.Rule{Command: "RCPT", Action: intercept.FaultDelay, Delay: intercept.Span(time.Second)})
	c := pass(t, d, client("RCPT", "RCPT TO:<bob@hamburger.edu>"))
	clock.Sleepers(1)
	clock.Advance(time.Second)
	held(t, d, 1)
	d.Resume()
	if v := went(t, c); v.Note != "a fault rule made it late by 1s" {
		t.Errorf("verdict %+v", v)
	}
}

// A span is written as people write it.
func TestSpan(t *testing.T) {
	var f intercept.Rule
	if err := json.Unmarshal([]byte(`{"command":"RCPT","action":"delay","delay":"1m30s"}`), &f); err != nil || f.Delay != intercept.Span(90*time.Second) {
		t.Errorf("%+v, %v", f, err)
	}
	if b, err := json.Marshal(f.Delay); err != nil || string(b) != `"1m30s"` {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"delay":"soon"}`), &f); err == nil {
		t.Error("soon is a span")
	}
}
