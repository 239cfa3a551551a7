package lab

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"glassmail/dns"
	"glassmail/dns/dissect"
	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/web/api"
)

// past sends a message and waits until it is with bob.
func (r *running) past(subject string) trace.Detail {
	r.t.Helper()
	r.send(subject, bob)
	d := r.journey(subject, trace.StateDelivered)
	if r.comes(bob, subject) != 1 {
		r.t.Fatalf("bob has not got %q once", subject)
	}
	return d
}

// again repeats a journey with a change; the second detail is of the repetition.
func (r *running) again(d trace.Detail, c api.Change, want trace.State) trace.Detail {
	r.t.Helper()
	rep, err := r.WhatIf(r.t.Context(), d.ID, c)
	if err != nil {
		r.t.Fatalf("%s: %v", c.Kind, err)
	}
	if rep.State != want || rep.Note != "" || rep.Steps == 0 || rep.Journey == d.ID {
		r.t.Errorf("%s: %+v, want it to be %s", c.Kind, rep, want)
	}
	second, ok := r.Journeys.Get(rep.Journey)
	if !ok {
		r.t.Fatalf("%s: the journey %q is not known", c.Kind, rep.Journey)
	}
	if len(second.To) != len(d.To) || second.From != d.From {
		r.t.Errorf("%s: from %s to %v, want from %s to %v", c.Kind, second.From, second.To, d.From, d.To)
	}
	return second
}

// says reports a step with a text.
func says(d trace.Detail, text string) bool {
	for _, s := range d.Steps {
		if strings.Contains(s.Text, text) {
			return true
		}
	}
	return false
}

// rungs are the steps of two journeys that are not alike, as "differs S: 250 Ok / 550
// No".
func rungs(a, b trace.Detail) string {
	var out strings.Builder
	for _, r := range trace.Compare(a, b).Rungs {
		switch {
		case r.Difference == trace.OnlyA:
			fmt.Fprintf(&out, "only-a %s\n", r.A.Text)
		case r.Difference == trace.OnlyB:
			fmt.Fprintf(&out, "only-b %s\n", r.B.Text)
		case r.Difference == trace.Different:
			fmt.Fprintf(&out, "different %s / %s\n", r.A.Text, r.B.Text)
		}
	}
	return out.String()
}

// untouched checks that the lab is as it was: no rule is left, every host serves,
// and a message goes its way.
func (r *running) untouched(after string) {
	r.t.Helper()
	if f := r.Hold.Faults(); len(f) > 0 {
		r.t.Errorf("%s: rules are left: %+v", after, f)
	}
	r.past("after " + after)
}

// A host that is down puts the message off; once it serves again the retry brings
// it, and nobody has it twice.
func TestWhatIfHostDown(t *testing.T) {
	r := startLab(t)
	d := r.past("lunch")
	second := r.again(d, api.Change{Kind: api.ChangeMXDown}, trace.StateDeferred)
	if !says(second, "connection was refused") && !says(second, "host is down") {
		t.Errorf("nothing says why:\n%s", rungs(d, second))
	}
	if got := rungs(d, second); !strings.Contains(got, "only-a DATA") || !strings.Contains(got, "only-b") {
		t.Errorf("the differences are\n%s", got)
	}
	if n := r.got(bob, "lunch"); n != 1 {
		t.Errorf("bob has it %d times", n)
	}
	r.untouched("mx-down")
	r.jumpToRetry()
	last := r.journey("lunch", trace.StateDelivered)
	if last.ID != second.ID || attempts(last) != 2 {
		t.Errorf("the journey %s came after %d attempts, want %s after 2", last.ID, attempts(last), second.ID)
	}
	r.past("the last") // what is behind it has come as well
	if n := r.got(bob, "lunch"); n != 2 {
		t.Errorf("bob has it %d times, want the first and its repetition", n)
	}
	if waiting, err := r.office.QueueEntries(t.Context()); err != nil || len(waiting) > 0 {
		t.Errorf("there still waits %+v, %v", waiting, err)
	}
}

// The life of MX records is another in what the name servers answer, and as before
// afterwards.
func TestWhatIfTTL(t *testing.T) {
	r := startLab(t)
	d := r.past("lunch")
	zone := func() string {
		text, err := r.Names.zoneText(zoneRequest{Zone: "hamburger.edu"})
		if err != nil {
			t.Fatal(err)
		}
		var mx []string
		for line := range strings.Lines(text) {
			if strings.Contains(line, "\tMX\t") || strings.Contains(line, " MX ") {
				mx = append(mx, strings.Join(strings.Fields(line), " "))
			}
		}
		return strings.Join(mx, "\n")
	}
	before := zone()
	if before == "" {
		t.Fatal("the zone has no MX record")
	}
	second := r.again(d, api.Change{Kind: api.ChangeTTL, Seconds: 77}, trace.StateDelivered)
	ttl := regexp.MustCompile(`TTL +77 `)
	if answered(d, ttl) || !answered(second, ttl) {
		t.Errorf("the first was answered with 77 seconds: %v, the second: %v", answered(d, ttl), answered(second, ttl))
	}
	if after := zone(); after != before {
		t.Errorf("the zone has\n%s\nand had\n%s", after, before)
	}
	for _, e := range r.Names.Resolver.Cache().Entries() {
		if e.Type == dns.TypeMX.String() && e.Name == "hamburger.edu." {
			t.Errorf("the local name server remembers %+v", e)
		}
	}
	r.untouched("ttl")
}

// answered reports an answer of a name server in whose dissection something stands.
func answered(d trace.Detail, what *regexp.Regexp) bool {
	for _, s := range d.Steps {
		if s.Kind == trace.Datagram && what.MatchString(dissect.Dissect(s.Bytes).Text(s.Bytes)) {
			return true
		}
	}
	return false
}

// A reply of the recipient's server, or of another, is what the change says.
func TestWhatIfReply(t *testing.T) {
	for _, tt := range []struct {
		change  api.Change
		state   trace.State
		differs string // the rung that tells
		reports int    // to alice
	}{
		{api.Change{Command: "RCPT", Text: "550 5.1.1 Who is bob?"}, trace.StateBounced, "only-b 550 5.1.1 Who is bob?", 1},
		{api.Change{Command: "RCPT", Text: "451 4.3.0 Not now"}, trace.StateDeferred, "only-b 451 4.3.0 Not now", 0},
		{api.Change{Command: ".", Text: "554 5.6.0 No pickles"}, trace.StateBounced, "only-b 554 5.6.0 No pickles", 1},
		{api.Change{Command: "MAIL", Node: "crepes.fr", Text: "550 5.7.1 Not you"}, trace.StateRefused, "only-b 550 5.7.1 Not you", 0},
		{api.Change{Command: "EHLO", Text: "502 5.5.1 What is that?"}, trace.StateDelivered, "only-b HELO crepes.fr", 0},
	} {
		t.Run(tt.change.Command+" "+tt.change.Text[:3], func(t *testing.T) {
			r := startLab(t)
			d := r.past("lunch")
			tt.change.Kind = api.ChangeReply
			rep, err := r.WhatIf(t.Context(), d.ID, tt.change)
			if err != nil || rep.State != tt.state {
				t.Fatalf("%+v, %v; want it to be %s", rep, err, tt.state)
			}
			second, _ := r.Journeys.Get(rep.Journey)
			if got := rungs(d, second); !strings.Contains(got, tt.differs) {
				t.Errorf("no rung has %q:\n%s", tt.differs, got)
			}
			r.untouched("reply")
			if n := len(r.inbox(alice)); n != tt.reports {
				t.Errorf("alice has %d reports, want %d", n, tt.reports)
			}
		})
	}
}

// Without STARTTLS the message goes in plain text.
func TestWhatIfPlain(t *testing.T) {
	r := startLab(t)
	secure := func(d trace.Detail) bool {
		for _, s := range d.Steps {
			if s.Kind == trace.Line && s.Node == "hamburger.edu" && strings.HasPrefix(s.Text, "MAIL") {
				return s.Secure
			}
		}
		t.Errorf("hamburger.edu heard no MAIL in %s", d.ID)
		return false
	}
	d := r.past("lunch")
	second := r.again(d, api.Change{Kind: api.ChangeStartTLSOff}, trace.StateDelivered)
	if !secure(d) || secure(second) {
		t.Errorf("inside TLS: %v, and without STARTTLS %v", secure(d), secure(second))
	}
	if got := rungs(d, second); !strings.Contains(got, "only-b 454 4.7.0") {
		t.Errorf("no rung has the refusal:\n%s", got)
	}
	third := r.past("afterwards")
	if !secure(third) {
		t.Error("STARTTLS is still off")
	}
	r.untouched("starttls-off")
}

// A field of the header is another, new, or gone; the rest of the text is as it was.
func TestWhatIfHeader(t *testing.T) {
	const thai = "มื้อเที่ยงที่ร้านเครปตอนบ่ายโมงวันศุกร์นี้ไปด้วยกันไหม"
	r := startLab(t)
	d := r.past("lunch")
	for _, tt := range []struct {
		change  api.Change
		subject string
		has     string
		lacks   string
	}{
		{api.Change{Kind: api.ChangeHeader, Name: "X-Sauce", Text: "ketchup"}, "lunch", "X-Sauce: ketchup\r\n", "X-Sauce: pickles"},
		{api.Change{Kind: api.ChangeHeader, Name: "subject", Text: "dinner"}, "dinner", "subject: dinner\r\n", "Subject: lunch"},
		{api.Change{Kind: api.ChangeHeader, Name: "Subject"}, "", "From: ", "ubject:"},
		{api.Change{Kind: api.ChangeSubject, Text: thai}, thai, "Subject:\r\n =?utf-8?b?", "lunch"},
	} {
		t.Run(tt.change.Text, func(t *testing.T) {
			before := len(r.inbox(bob))
			second := r.again(d, tt.change, trace.StateDelivered)
			if second.Subject != tt.subject {
				t.Errorf("the subject is %q", second.Subject)
			}
			text := r.newest(bob, before)
			head, body, _ := strings.Cut(text, "\r\n\r\n")
			if !strings.Contains(text, tt.has) || strings.Contains(head, tt.lacks) || body != "Do you like ketchup?\r\n" {
				t.Errorf("bob has\n%s\nwant it to have %q and not %q", text, tt.has, tt.lacks)
			}
			for line := range strings.Lines(head) {
				if strings.Contains(line, "=?") && len(line) > 78 {
					t.Errorf("an encoded line of %d bytes: %s", len(line), line)
				}
			}
			if n := strings.Count(head, "\r\nReceived:"); n != 2 {
				t.Errorf("it has %d lines of its way, want two:\n%s", n, head)
			}
		})
	}
	r.untouched("header")
}

// A message as the lecture types it, without a header, is repeated as it was typed.
func TestWhatIfWithoutHeader(t *testing.T) {
	r := startLab(t)
	c := r.dial(r.Ready.Nodes["crepes.fr"].SMTP)
	c.hears("220")
	c.says("HELO crepes.fr\r\n", "250")
	c.says("MAIL FROM: <alice@crepes.fr>\r\n", "250")
	c.says("RCPT TO: <bob@hamburger.edu>\r\n", "250")
	c.says("DATA\r\n", "354")
	c.says("Do you like ketchup?\r\nHow about pickles?\r\n.\r\n", "250")
	d := r.journey("", trace.StateDelivered)
	r.newest(bob, 0)
	if !says(r.again(d, api.Change{Kind: api.ChangeStartTLSOff}, trace.StateDelivered), "HELO crepes.fr") {
		t.Error("the client said something else than HELO")
	}
	r.again(d, api.Change{Kind: api.ChangeSubject, Text: "pickles"}, trace.StateDelivered)
	if r.comes(bob, "pickles") != 1 {
		t.Error("bob has not got it once")
	}
	for _, text := range r.inbox(bob) {
		if _, body, _ := strings.Cut(text, "\r\n\r\n"); body != "Do you like ketchup?\r\nHow about pickles?\r\n" {
			t.Errorf("bob has\n%s", text)
		}
	}
}

// What cannot be changed is refused with a reason, and nothing is sent.
func TestWhatIfCannot(t *testing.T) {
	r := startLab(t)
	d := r.past("lunch")
	for want, c := range map[string]api.Change{
		"is not known: there are":    {Kind: "weather"},
		"no host mail.nowhere.test":  {Kind: api.ChangeMXDown, Host: "mail.nowhere.test"},
		"it is 0 to 604800":          {Kind: api.ChangeTTL, Seconds: -1},
		"604800, a week":             {Kind: api.ChangeTTL, Seconds: 604801},
		"needs the command":          {Kind: api.ChangeReply, Text: "550 No"},
		"three digits":               {Kind: api.ChangeReply, Command: "RCPT", Text: "no"},
		"no mail server nowhere":     {Kind: api.ChangeReply, Command: "RCPT", Text: "550 No", Node: "nowhere"},
		"no mail server mail.foo":    {Kind: api.ChangeStartTLSOff, Node: "mail.foo"},
		`"" is no name`:              {Kind: api.ChangeHeader, Text: "x"},
		`"a b" is no name`:           {Kind: api.ChangeHeader, Name: "a b", Text: "x"},
		"at most 900":                {Kind: api.ChangeHeader, Name: "X-Long", Text: strings.Repeat("x", 901)},
		"header field holds one":     {Kind: api.ChangeHeader, Name: "X-Two", Text: "a\r\nBcc: eve"},
		"subject cannot be changed:": {Kind: api.ChangeSubject, Text: "ก\nข"},
	} {
		if rep, err := r.WhatIf(t.Context(), d.ID, c); !errors.Is(err, api.ErrNoChange) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %+v, %v; want it to say %q", c, rep, err, want)
		}
	}
	if _, err := r.WhatIf(t.Context(), "nonsense", api.Change{Kind: api.ChangeMXDown}); !errors.Is(err, api.ErrNoJourney) {
		t.Errorf("a journey that is not known: %v", err)
	}
	r.Hold.Pause()
	if _, err := r.WhatIf(t.Context(), d.ID, api.Change{Kind: api.ChangeMXDown}); !errors.Is(err, api.ErrNoChange) || !strings.Contains(err.Error(), "paused") {
		t.Errorf("while everything is paused: %v", err)
	}
	r.Hold.Resume()
	if all, _ := r.Journeys.List(trace.Query{Limit: 10}); len(all) != 1 {
		t.Errorf("there are %d journeys, want the first alone", len(all))
	}
	r.untouched("errors")
}

// A caller who goes away, or a line that is held, leaves the fact as it was.
func TestWhatIfGivenUp(t *testing.T) {
	r := startLab(t)
	d := r.past("lunch")
	b := r.breakAt(intercept.Breakpoint{Where: intercept.Where{Node: "crepes.fr", Command: "MAIL", Dir: "C"}})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := r.WhatIf(ctx, d.ID, api.Change{Kind: api.ChangeMXDown})
		done <- err
	}()
	r.held(anything)
	leave()
	if err := <-done; !errors.Is(err, api.ErrNoChange) || !strings.Contains(err.Error(), "is a line held?") {
		t.Errorf("%v", err)
	}
	if err := r.Hold.RemoveBreakpoint(b.ID); err != nil {
		t.Fatal(err)
	}
	r.Hold.Resume()
	r.untouched("a caller who left")
}
