package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"time"

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
	err = submit(wire.Pausable(conn, l.Hold), d, text)
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
	return demoUsers()[0].domain
}
