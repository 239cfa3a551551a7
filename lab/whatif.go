package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"glassmail/dns"
	"glassmail/hold"
	"glassmail/trace"
	"glassmail/web/api"
	"glassmail/wire"
)

// Bounds of a repetition, by the system's clock.
const (
	repeatTime = 40 * time.Second // until the message has come to rest
	replyTime  = 20 * time.Second // for each reply of the first server
	settleTime = 2 * time.Second  // until servers that were told to have closed a connection
)

// WhatIf sends the message of a journey again, from its submission on, with one
// fact changed, and waits until it has come to rest: delivered, refused, bounced,
// or put off. The fact is as before when it returns, whatever happened; a message
// that was put off stays in its queue. One repetition runs at a time.
func (l *Lab) WhatIf(ctx context.Context, journey string, c api.Change) (api.Repetition, error) {
	d, ok := l.Journeys.Get(journey)
	if !ok {
		return api.Repetition{}, fmt.Errorf("the journey %s %w", journey, api.ErrNoJourney)
	}
	if d.State == trace.StateSubmitting || len(d.To) == 0 {
		return api.Repetition{}, fmt.Errorf("the journey %s %w: it has no recipient", journey, api.ErrNoChange)
	}
	l.lesson.Lock()
	defer l.lesson.Unlock()
	if s := l.Hold.State(); s.Paused || s.Speed > 0 {
		return api.Repetition{}, fmt.Errorf("the lab %w while its lines are paused or in slow motion: let them go first", api.ErrNoChange)
	}
	text, note := l.textOf(ctx, d)
	text, err := edit(c, text)
	if err != nil {
		return api.Repetition{}, fmt.Errorf("%s %w: %w", c.Kind, api.ErrNoChange, err)
	}
	restore, err := l.change(d, c)
	if err != nil {
		return api.Repetition{}, fmt.Errorf("%s %w: %w", c.Kind, api.ErrNoChange, err)
	}
	defer restore()
	l.forgetConnections(ctx)
	if asked(d) {
		if err := l.forgetNames(""); err != nil {
			return api.Repetition{}, err
		}
	}
	r, err := l.repeat(ctx, d, text)
	r.Note = note
	return r, err
}

// asked reports a journey for which the name servers were asked from the root on:
// its repetition would only differ by what was in the cache.
func asked(d trace.Detail) bool {
	return slices.ContainsFunc(d.Steps, func(s trace.Step) bool { return s.Kind == trace.Referral })
}

// forgetConnections lets servers end the connections that they keep for the next
// message, for which a change would come too late.
func (l *Lab) forgetConnections(ctx context.Context) {
	clock, ok := l.o.Clock.(*wire.LabClock)
	if !ok || clock.Advance(keepsIdle) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for l.relays() > 0 { // they say QUIT
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// relays counts the connections between servers that are open, as the trace tells.
func (l *Lab) relays() int {
	open := map[uint64]bool{}
	for _, e := range l.Trace.Since(0) {
		switch {
		case e.Proto != trace.SMTP || e.Side != trace.Client:
		case e.Kind == trace.Close:
			delete(open, e.Conn)
		default:
			open[e.Conn] = true
		}
	}
	return len(open)
}

// keepsIdle is longer than a relay keeps a connection without a message.
const keepsIdle = 5 * time.Second

// change makes a fact different and returns what makes it as before.
func (l *Lab) change(d trace.Detail, c api.Change) (restore func(), err error) {
	domain := domainOf(d.To[0])
	rule := hold.Fault{Node: cmp.Or(c.Node, domain), Proto: trace.SMTP, Dir: "C", Action: hold.FaultReply, Text: c.Text, Command: c.Command}
	switch c.Kind {
	case api.ChangeMXDown:
		return l.takeDown(cmp.Or(c.Host, "mail."+domain))
	case api.ChangeTTL:
		return l.setTTL(domain, c.Seconds)
	case api.ChangeReply:
		if c.Command == "" {
			return nil, errors.New("a reply needs the command that it answers, such as RCPT, or . for the end of the text")
		}
		return l.withFault(rule)
	case api.ChangeStartTLSOff:
		rule.Command, rule.Text = "STARTTLS", "454 4.7.0 TLS is not available here"
		restore, err := l.withFault(rule)
		if err != nil {
			return nil, err
		}
		return func() {
			restore()
			l.forgetConnections(context.Background()) // that in plain text is none for the next message
		}, nil
	case api.ChangeHeader, api.ChangeSubject:
		return func() {}, nil
	}
	return nil, fmt.Errorf("the change %q is not known: there are %s, %s, %s, %s, %s and %s", c.Kind, api.ChangeMXDown, api.ChangeTTL, api.ChangeReply, api.ChangeHeader, api.ChangeSubject, api.ChangeStartTLSOff)
}

func (l *Lab) withFault(f hold.Fault) (restore func(), err error) {
	if !slices.ContainsFunc(people(), func(p person) bool { return strings.EqualFold(p.domain, f.Node) }) {
		return nil, fmt.Errorf("the lab has no mail server %s", f.Node)
	}
	f, err = l.Hold.AddFault(f)
	if err != nil {
		return nil, err
	}
	return func() { l.Hold.RemoveFault(f.ID) }, nil
}

func (l *Lab) takeDown(host string) (restore func(), err error) {
	if err := l.Internet.SetDown(host, true); err != nil {
		return nil, err
	}
	return func() { l.Internet.SetDown(host, false) }, nil
}

// forgetNames makes the local name server and the mail servers ask anew for what is
// at and below a name; "" is all.
func (l *Lab) forgetNames(name string) error {
	if _, err := l.Names.flush(name); err != nil {
		return err
	}
	for _, s := range l.stubs {
		s.Cache().FlushName(cmp.Or(name, "."))
	}
	return nil
}

// setTTL gives the MX records of a domain another life, and lets everybody ask anew,
// before and after.
func (l *Lab) setTTL(domain string, seconds int) (restore func(), err error) {
	if seconds < 0 || seconds > 7*24*3600 {
		return nil, fmt.Errorf("a TTL of %d seconds cannot be: it is 0 to 604800, a week", seconds)
	}
	name, err := dns.Name(domain)
	if err != nil {
		return nil, err
	}
	z, err := l.Names.zone(domain)
	if err != nil {
		return nil, err
	}
	var was, now []string
	for _, r := range z.Unsigned() {
		if f := strings.Fields(r.String()); len(f) > 4 && strings.EqualFold(f[0], name) && f[3] == "MX" {
			was = append(was, strings.Join(f, " "))
			f[1] = strconv.Itoa(seconds)
			now = append(now, strings.Join(f, " "))
		}
	}
	if len(was) == 0 {
		return nil, fmt.Errorf("the domain %s has no MX record", domain)
	}
	set := func(records []string) error {
		_, err := l.Names.Edit(ZoneEdit{Zone: domain, Way: SetRecords, Records: records})
		return errors.Join(err, l.forgetNames(name))
	}
	if err := set(now); err != nil {
		return nil, err
	}
	return func() { set(was) }, nil
}

// edit changes the text of a message, if it is the text that changes.
func edit(c api.Change, text []byte) ([]byte, error) {
	name, value := c.Name, c.Text
	switch c.Kind {
	case api.ChangeSubject:
		name, value = "Subject", mime.BEncoding.Encode("utf-8", c.Text)
	case api.ChangeHeader:
	default:
		return text, nil
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return nil, fmt.Errorf("%q is no name of a header field (RFC 5322 §2.2)", name)
	}
	if len(value) > 900 || strings.ContainsAny(c.Text, "\r\n\x00") {
		return nil, errors.New("a header field holds one line of at most 900 bytes here")
	}
	text = without(text, name)
	if value == "" {
		return text, nil
	}
	value = " " + value
	if strings.Contains(value, "?= =?") { // RFC 2047 §2: lines of at most 76
		value = "\r\n" + strings.ReplaceAll(value, "?= =?", "?=\r\n =?")
	}
	return append([]byte(name+":"+value+"\r\n"), text...), nil
}

// without removes all fields with a name from a header, with the lines that
// continue them.
func without(text []byte, name string) []byte {
	out := make([]byte, 0, len(text))
	drop := false
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n') + 1
		if n == 0 {
			n = len(text)
		}
		line := text[:n]
		if len(bytes.TrimRight(line, "\r\n")) == 0 { // the header ends
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			field, _, found := bytes.Cut(line, []byte(":"))
			drop = found && strings.EqualFold(string(bytes.TrimRight(field, " \t")), name)
		}
		if !drop {
			out = append(out, line...)
		}
		text = text[n:]
	}
	return append(out, text...)
}

// repeat hands the message to the first server again, and waits for its end.
func (l *Lab) repeat(ctx context.Context, d trace.Detail, text []byte) (api.Repetition, error) {
	node := l.nodeOf(append(slices.Clone(d.Nodes), domainOf(d.From))...)
	ctx, cancel := context.WithTimeout(ctx, repeatTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Ready.Nodes[node].SMTP)
	if err != nil {
		return api.Repetition{}, fmt.Errorf("submit to %s: %w", node, err)
	}
	own := netip.MustParseAddrPort(conn.LocalAddr().String()).String()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	err = submit(wire.Patient(conn, l.Hold), d, text)
	switch {
	case err != nil && ctx.Err() != nil:
		return api.Repetition{}, fmt.Errorf("%s did not take the message within %s, and the journey %w: is a line held?", node, repeatTime, api.ErrNoChange)
	case err != nil:
		return api.Repetition{}, fmt.Errorf("submit to %s: %w", node, err)
	}
	return l.rest(ctx, own)
}

// submit is the client's part: the commands as the first time, in their order.
func submit(conn net.Conn, d trace.Detail, text []byte) error {
	c := textproto.NewConn(conn)
	say := func(format string, args ...any) (code int, err error) {
		conn.SetDeadline(time.Now().Add(replyTime))
		if format != "" {
			if err := c.PrintfLine(format, args...); err != nil {
				return 0, err
			}
		}
		code, _, err = c.ReadResponse(0)
		return code, err
	}
	if _, err := say(""); err != nil {
		return err
	}
	if _, err := say("%s", greeting(d)); err != nil {
		return err
	}
	if code, err := say("MAIL FROM:<%s>", d.From); err != nil || code != 250 {
		return err
	}
	for _, to := range d.To {
		if _, err := say("RCPT TO:<%s>", to); err != nil {
			return err
		}
	}
	code, err := say("DATA")
	if err != nil {
		return err
	}
	if code == 354 {
		w := c.DotWriter() // RFC 5321 §4.5.2
		if _, err := w.Write(text); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if _, err := say(""); err != nil {
			return err
		}
	}
	_, err = say("QUIT")
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// greeting is the HELO or EHLO of the first time.
func greeting(d trace.Detail) string {
	for _, s := range d.Steps {
		if s.Kind != trace.Line || s.Dir != trace.Client || s.Proto != trace.SMTP || s.Hop != 1 {
			continue
		}
		verb, name, _ := strings.Cut(strings.TrimSpace(s.Text), " ")
		if v := strings.ToUpper(verb); (v == "HELO" || v == "EHLO") && name != "" && !strings.ContainsAny(name, "\r\n") {
			return v + " " + name
		}
	}
	return "EHLO localhost"
}

// rest waits until the message that came from an address has come to rest.
func (l *Lab) rest(ctx context.Context, client string) (api.Repetition, error) {
	for {
		changed := l.Journeys.Changed()
		if j, ok := l.journeyFrom(client); ok && atRest(j.State) {
			return api.Repetition{Journey: j.ID, State: j.State, Steps: j.Events}, nil
		} else if ok && ctx.Err() != nil {
			return api.Repetition{Journey: j.ID, State: j.State, Steps: j.Events, Note: "it is still on its way"}, nil
		} else if ctx.Err() != nil {
			return api.Repetition{}, fmt.Errorf("the repetition left no journey: %w", ctx.Err())
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func atRest(s trace.State) bool {
	switch s {
	case trace.StateDelivered, trace.StateRead, trace.StateBounced, trace.StateRefused, trace.StateDeferred:
		return true
	}
	return false
}

// journeyFrom finds the newest journey that a client's address began.
func (l *Lab) journeyFrom(client string) (trace.Journey, bool) {
	newest, _ := l.Journeys.List(trace.Query{Limit: 20})
	for _, j := range newest {
		if d, ok := l.Journeys.Get(j.ID); ok && len(d.Route) > 0 && d.Route[0].Client == client {
			return d.Journey, true
		}
	}
	return trace.Journey{}, false
}

// domainOf is the part of an address after the last @.
func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

// nodeOf finds a node of the lab by its name or its domain; the first one if there
// is none.
func (l *Lab) nodeOf(names ...string) string {
	for _, name := range names {
		if _, ok := l.Ready.Nodes[name]; ok {
			return name
		}
	}
	return people()[0].domain
}
