package queue

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"glassmail/mail"
	"glassmail/trace"
)

// settle turns the outcomes into results, writes the report they call for, and
// records both in one step. broken says that the attempt was broken off because
// the node stops: what was not done then is due at once.
func (a *attempt) settle(ctx context.Context, broken bool) {
	now := a.o.Host.Clock().Now()
	results, about := a.results(now, broken)
	report := a.report(ctx, about, now)
	if err := a.record(ctx, results, report); err != nil {
		a.note("the results are not recorded, so the attempt will be repeated: " + err.Error())
		return
	}
	for i, res := range results {
		a.announce(res, a.all[i], a.decision(res, a.all[i], now, report))
	}
	a.announceReport(about, report)
}

// results judges each recipient, and collects what the sender is told.
func (a *attempt) results(now time.Time, broken bool) ([]Result, []mail.DSNRecipient) {
	results := make([]Result, 0, len(a.all))
	var about []mail.DSNRecipient
	for _, o := range a.all {
		res := Result{Address: o.Address, Status: o.status, Reply: *o.reply, Host: o.host}
		action := mail.Action("")
		switch {
		case o.status == Failed:
			action = mail.ActionFailed
		case o.status == Delivered && o.relayed:
			action = mail.ActionRelayed
		case o.status == Deferred:
			v := a.o.Retry.After(a.job.Attempts, a.job.Accepted, o.Due, now)
			res.Retry = v.Retry
			switch {
			case broken:
				res.Retry = now
			case v.Expired:
				res.Status, res.Retry, action = Failed, time.Time{}, mail.ActionFailed
				o.expired = true
				res.Reply, res.Host = expired(*o.reply, o.host, a.o.Retry.Expire), ""
			case v.Warn:
				action = mail.ActionDelayed
			}
		}
		results = append(results, res)
		if action != "" && wanted(action, o.Notify) {
			about = append(about, mail.DSNRecipient{
				Recipient: o.Recipient.Recipient, Action: action, Reply: res.Reply, Host: res.Host,
				Last: now, Until: a.job.Accepted.Add(a.o.Retry.Expire),
			})
		}
	}
	return results, about
}

// expired is the verdict on a recipient that was tried for as long as it may be.
func expired(last mail.Reply, host string, after time.Duration) mail.Reply {
	from := ""
	if host != "" {
		from = " of " + host
	}
	return *mail.NewReply(554, mail.Enhanced{5, 4, 7}, "Not delivered within %s; the last answer%s was: %s", days(after), from, last.Error())
}

// days is a duration in the largest unit that divides it.
func days(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= u.size && d%u.size == 0 {
			return fmt.Sprintf("%d %s", d/u.size, u.name)
		}
	}
	return d.String()
}

// wanted reports whether the sender wants to hear of an action (RFC 3461 §4.1).
func wanted(action mail.Action, notify []string) bool {
	switch action {
	case mail.ActionRelayed, mail.ActionDelivered:
		return slices.Contains(notify, "SUCCESS")
	case mail.ActionDelayed:
		return notify == nil || slices.Contains(notify, "DELAY")
	}
	return notify == nil || slices.Contains(notify, "FAILURE")
}

// report writes the report to the sender; nil if there is none to write or nobody
// to write to.
func (a *attempt) report(ctx context.Context, about []mail.DSNRecipient, now time.Time) *Report {
	if len(about) == 0 || a.job.From.IsNull() { // RFC 5321 §4.5.5
		return nil
	}
	d := mail.DSN{
		Host: a.o.Name, ID: rand.Text(), To: a.job.From, Options: a.job.Options,
		Arrival: a.job.Accepted, Time: now, Recipients: about,
	}
	if text, err := a.o.Store.Body(ctx, a.job.Body); err == nil {
		defer text.Close()
		d.Original, d.Size = text, text.Size()
	}
	msg, err := d.Build()
	if err != nil && d.Original != nil { // better a report without the original than none
		d.Original = nil
		msg, err = d.Build()
	}
	if err != nil {
		a.note("there is no report: " + err.Error())
		return nil
	}
	return &Report{To: a.job.From, Options: ReportOptions(a.job.From, a.job.Options, msg), Message: msg}
}

// Pauses between tries to record results.
const (
	settleFirst = 100 * time.Millisecond
	settleCap   = 10 * time.Second
)

// record settles with the store, again and again while the lease lasts.
func (a *attempt) record(ctx context.Context, results []Result, report *Report) error {
	clock := a.o.Host.Clock()
	for pause := settleFirst; ; pause = min(2*pause, settleCap) {
		err := a.o.Store.Settle(ctx, a.job, results, report)
		if err == nil || isStale(err) || ctx.Err() != nil {
			return err
		}
		if !clock.Now().Add(pause).Before(a.job.Until) {
			return err
		}
		a.note("the results could not be recorded, trying again: " + err.Error())
		wake, stop := clock.After(pause)
		select {
		case <-wake:
		case <-ctx.Done():
		}
		stop()
	}
}

// announce tells what became of a recipient.
func (a *attempt) announce(res Result, o *outcome, d *trace.Decision) {
	who := o.Address.Path()
	said := res.Reply.Error()
	if res.Host != "" {
		said = res.Host + " said " + said
	}
	switch res.Status {
	case Delivered:
		a.decided(trace.Delivered, fmt.Sprintf("%s: the next server has taken it; %s", who, said), d)
	case Deferred:
		a.decided(trace.Deferred, fmt.Sprintf("%s: deferred until %s; %s", who, res.Retry.Format(time.RFC3339), said), d)
	case Failed:
		a.decided(trace.Failed, fmt.Sprintf("%s: given up; %s", who, said), d)
	}
}

// relayNone stands in a log where no server took part.
const relayNone = "none"

// decision is what the attempt knows of a recipient.
func (a *attempt) decision(res Result, o *outcome, now time.Time, report *Report) *trace.Decision {
	d := &trace.Decision{
		From: a.job.From.Named(), To: []string{o.Address.String()}, Delay: now.Sub(a.job.Accepted).Seconds(), Attempt: a.job.Attempts + 1,
		Relay: cmp.Or(o.via.relay, relayNone), TLS: o.via.tls, Reply: res.Reply.Error(), DSN: res.Reply.Status(),
	}
	switch {
	case res.Status == Delivered:
		d.Status = trace.StatusSent
	case res.Status == Deferred:
		d.Status, d.Retry = trace.StatusDeferred, res.Retry
	case o.expired:
		d.Status = trace.StatusExpired
	default:
		d.Status = trace.StatusBounced
	}
	if res.Status == Failed && report != nil && wanted(mail.ActionFailed, o.Notify) {
		d.ReportTo = report.To.String()
	}
	return d
}

// announceReport tells which report went back.
func (a *attempt) announceReport(about []mail.DSNRecipient, report *Report) {
	for _, r := range about {
		switch {
		case report == nil:
			a.event(trace.Note, fmt.Sprintf("%s: %s, and nobody is told, because the sender is <>", r.Path(), r.Action))
		case r.Action == mail.ActionFailed:
			a.event(trace.Bounced, fmt.Sprintf("%s: a report goes back to %s", r.Path(), report.To.Path()))
		default:
			a.event(trace.Note, fmt.Sprintf("%s: a report (%s) goes to %s", r.Path(), r.Action, report.To.Path()))
		}
	}
}

// ReportOptions is what the envelope of a report says of it: to the sender of a
// message with the given options, and with the text msg.
func ReportOptions(to mail.Address, of mail.Options, msg []byte) mail.Options {
	o := mail.Options{UTF8: of.UTF8 || !to.ASCII(), RequireTLS: of.RequireTLS} // RFC 8689 §5
	if bytes.ContainsFunc(msg, func(r rune) bool { return r >= 0x80 }) {
		o.Body = mail.Body8Bit
	}
	return o
}
