package server

import (
	"cmp"
	"context"
	"errors"
	"strconv"

	"glassmail/mail"
	"glassmail/message"
	"glassmail/store"
	"glassmail/trace"
)

// What the backend decides is told to the trace here, once, for everybody who looks at
// it: pages, journeys, metrics, the mail log.

// relayLocal is who takes a message into a mailbox of the node, in the mail log's word.
const relayLocal = "local"

// report tells the trace what was decided.
func (p *backend) report(env *mail.Envelope, a store.Acceptance, about *message.Envelope, size int64) {
	if p.trace == nil {
		return
	}
	e := trace.Event{Node: p.name, Conn: env.Peer.Conn, Proto: trace.Store, Dir: trace.Self, Journey: env.ID}
	e.Kind, e.Size = trace.Accepted, int(size)
	e.Text = "accepted " + env.ID + " from " + env.From.Path() + ": " + strconv.FormatInt(size, 10) + " bytes"
	e.Message = described(env, about)
	delay := p.clock.Now().Sub(a.Time).Seconds()
	e.Decision = acceptance(env, e.Message.To, delay)
	e.Cause = p.trace.Add(e)
	e.Message = nil
	for _, d := range a.Deposits {
		e.Kind, e.Text = trace.Delivered, "delivered to the mailbox of "+d.User
		e.Decision = &trace.Decision{
			From: env.From.Named(), To: []string{d.User}, Delay: delay, Relay: relayLocal,
			Status: trace.StatusSent, DSN: mail.Enhanced{2, 0, 0}.String(),
		}
		p.trace.Add(e)
	}
	e.Decision = nil
	for _, r := range a.Relay {
		e.Kind, e.Proto, e.Text = trace.Queued, trace.Queue, "queued for "+r.Dest+": "+r.Address.String()
		p.trace.Add(e)
	}
}

// maxSubject is how much of a subject the trace keeps, in bytes.
const maxSubject = 400

// described is what the trace keeps of a message's envelope and header.
func described(env *mail.Envelope, about *message.Envelope) *trace.Message {
	m := &trace.Message{}
	if !env.From.IsNull() {
		m.From = env.From.String()
	}
	for _, to := range env.To {
		m.To = append(m.To, to.Address.String())
	}
	if about != nil {
		m.ID, m.Subject = about.MessageID, message.DecodeHeader(about.Subject[:min(len(about.Subject), maxSubject)])
	}
	return m
}

// acceptance is what the backend knows of a message that it took delay seconds to
// accept. A report of the node's own comes from no client.
func acceptance(env *mail.Envelope, to []string, delay float64) *trace.Decision {
	d := &trace.Decision{From: env.From.Named(), To: to, Delay: delay}
	if env.Peer.Service != "" {
		d.Proto = env.Peer.Protocol(env.Options.UTF8)
	}
	caller(d, env.Peer)
	return d
}

// caller is what is known of a client.
func caller(d *trace.Decision, peer mail.Peer) {
	d.Service, d.Client, d.Helo, d.TLS = peer.Service, peer.Addr, peer.Helo, peer.TLS
	d.User = peer.User.String()
}

// maxTried is how much is told of a name with which somebody tried to log in, in bytes.
const maxTried = 256

// tellLogin tells how a login went. The name that was tried is told as it was
// typed, what was typed as the password never.
func (p *backend) tellLogin(peer mail.Peer, user, account string, err error) {
	if p.trace == nil || errors.Is(err, context.Canceled) { // the client left, or the node stops: the password was not looked at
		return
	}
	e := trace.Event{Node: p.name, Conn: peer.Conn, Dir: trace.Self, Proto: protocolOf(peer.Service), Secure: peer.TLS != ""}
	e.Decision = &trace.Decision{}
	caller(e.Decision, peer)
	e.Decision.User = cmp.Or(account, user[:min(len(user), maxTried)])
	if err == nil {
		e.Kind, e.Text = trace.LoggedIn, "logged in as "+account
		p.trace.Add(e)
		return
	}
	r := because(e.Decision, err)
	e.Kind, e.Text = trace.LoginFailed, "no login as "+strconv.Quote(e.Decision.User)+": "+r.Error()
	p.trace.Add(e)
}

// because puts into d why something was refused, and returns the reply to it.
func because(d *trace.Decision, err error) *mail.Reply {
	r := mail.AsReply(err)
	if own := new(mail.Reply); !errors.As(err, &own) {
		d.Trouble = err.Error()
	}
	d.DSN, d.Reply = r.Status(), r.Error()
	return r
}

// refused tells that a message of a page was refused, at the stage at which a client
// that speaks SMTP would have heard of it. It returns err.
func (v visit) refused(env *mail.Envelope, stage, to string, err error) error {
	d := &trace.Decision{Stage: stage, From: env.From.Named()}
	if to != "" {
		d.To = []string{to}
	}
	caller(d, env.Peer)
	r := because(d, err)
	v.Event(trace.Event{Kind: trace.Refused, Dir: trace.Self, Text: "refused: " + r.Error(), Decision: d})
	return err
}

// protocolOf is what is spoken by a service.
func protocolOf(service string) trace.Protocol {
	switch service {
	case trace.ServiceIMAP:
		return trace.IMAP
	case trace.ServiceWeb:
		return trace.HTTP
	}
	return trace.SMTP
}
