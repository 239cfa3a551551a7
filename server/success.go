package server

import (
	"context"
	"crypto/rand"
	"slices"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/store"
)

// success is the report for a sender who wants to hear of deliveries into mailboxes
// of the node (RFC 3461 §4.1); nil if nobody does. Copies that go on to other
// servers are the queue's to report.
func (p *backend) success(ctx context.Context, env *mail.Envelope, text store.Staged) (*queue.Report, error) {
	if env.From.IsNull() || !p.tellsSuccess(env) {
		return nil, nil
	}
	now := p.clock.Now()
	d := mail.DSN{
		Host: p.name, ID: rand.Text(), To: env.From, Options: env.Options,
		Arrival: now, Time: now, Original: text, Size: text.Size(),
	}
	for _, to := range env.To {
		if !slices.Contains(to.Notify, "SUCCESS") {
			continue
		}
		targets, err := p.dir.resolve(ctx, to.Address)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(targets, func(t target) bool { return t.account != "" }) {
			d.Recipients = append(d.Recipients, mail.DSNRecipient{
				Recipient: to, Action: mail.ActionDelivered, Reply: *mail.NewReply(250, mail.Enhanced{2, 1, 5}, "Delivered to the mailbox"), Last: now,
			})
		}
	}
	if len(d.Recipients) == 0 {
		return nil, nil
	}
	msg, err := d.Build()
	if err != nil {
		return nil, err
	}
	return &queue.Report{To: env.From, Options: queue.ReportOptions(env.From, env.Options, msg), Message: msg}, nil
}

// tellsSuccess reports whether the sender is told of deliveries: a user, or one of
// our addresses. Anybody can write anybody's address into MAIL, and a report that is
// made of whatever a stranger sends would go there at once. RFC 3461 §5.2.3 asks for it
// all the same, and gets it in a lab only, which nothing leaves.
func (p *backend) tellsSuccess(env *mail.Envelope) bool {
	return p.open || !env.Peer.User.IsNull() || p.dir.serves(env.From)
}

// onward is a recipient for the next server. A sender who is not told of success here
// is not told by way of it either.
func (p *backend) onward(env *mail.Envelope, to mail.Recipient) mail.Recipient {
	if p.tellsSuccess(env) || !slices.Contains(to.Notify, "SUCCESS") {
		return to
	}
	to.Notify = slices.DeleteFunc(slices.Clone(to.Notify), func(s string) bool { return s == "SUCCESS" })
	if len(to.Notify) == 0 {
		to.Notify = []string{mail.NotifyNever} // he wants to hear of nothing else
	}
	return to
}

// tell accepts a report of success. It is not part of the acceptance it tells of:
// when the node stops between the two, the sender does not get it.
func (p *backend) tell(ctx context.Context, about string, report *queue.Report) error {
	env := &mail.Envelope{ID: about + "." + NewID()[:10], To: []mail.Recipient{{Address: report.To}}, Options: report.Options}
	rep, said, err := (outgoing{p.store, p}).accept(ctx, env, report)
	if err != nil || rep == nil {
		return err
	}
	defer rep.Text.Discard()
	size := rep.Text.Size()
	if _, err := p.store.Accept(ctx, rep.Text, rep.Acceptance); err != nil {
		return err
	}
	p.report(env, rep.Acceptance, said, size)
	return nil
}
