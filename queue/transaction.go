package queue

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-smtp"

	"glassmail/mail"
)

// outcome is what is known so far about one recipient of an attempt.
type outcome struct {
	Recipient
	status  Status
	settled bool        // no other host is asked in this attempt
	reply   *mail.Reply // the newest; nil before the first
	host    string      // who gave it, "" for our own words
	relayed bool        // delivered to a server that makes no reports (RFC 3461 §5.2.2)
	via     via         // the connection over which it was tried last
	expired bool        // it was given up because it was tried for too long
}

// answer records a reply: a refusal for ever settles the recipient, one for now
// leaves it open for the next host.
func (o *outcome) answer(rep *mail.Reply, host string) {
	o.reply, o.host = rep, host
	o.status = Deferred
	if !rep.Temporary() {
		o.status, o.settled = Failed, true
	}
}

func answerAll(all []*outcome, rep *mail.Reply, host string) {
	for _, o := range all {
		o.answer(rep, host)
	}
}

// unsettled are the recipients that the next host is asked for.
func unsettled(all []*outcome) []*outcome {
	var left []*outcome
	for _, o := range all {
		if !o.settled {
			left = append(left, o)
		}
	}
	return left
}

// errUnused says that a kept connection had died before it was used again, so
// that nothing was said about the message.
var errUnused = errors.New("the kept connection was gone")

// errText marks a message text that could not be read from the store.
var errText = errors.New("the message text could not be read")

// transaction is one message on its way through one session.
type transaction struct {
	*session
	job   Job
	text  mail.Message
	times Timeouts
	limit int // recipients per transaction
	buf   []byte
}

// deliver sends the message to all unsettled recipients, in as many transactions
// as the server's limits ask for. It returns errUnused, or nil: whatever else
// happened stands in the outcomes.
func (p *transaction) deliver(all []*outcome) error {
	if n := p.rcptMax(); n > 0 {
		p.limit = min(p.limit, n)
	}
	if p.clean() != nil {
		return errUnused
	}
	kept := p.used > 0
	p.used++
	todo, err := p.transact(unsettled(all), kept)
	for err == nil && len(todo) > 0 {
		if !p.usable() || p.clean() != nil {
			answerAll(todo, p.broken("before the recipient was named"), "")
			return nil
		}
		todo, err = p.transact(todo, false)
	}
	return err
}

// rcptMax is the server's limit of recipients per transaction (RFC 9422 §4.2), 0
// if it has none.
func (s *session) rcptMax() int {
	for f := range strings.FieldsSeq(s.ext["LIMITS"]) {
		var n int
		if _, err := fmt.Sscanf(f, "RCPTMAX=%d", &n); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// clean ends a transaction that was broken off. The client says EHLO after RSET,
// which conn answers.
func (p *transaction) clean() error {
	if !p.dirty {
		return nil
	}
	p.conn.wait = p.times.Command
	if err := p.client.Reset(); err != nil {
		return p.conn.fail(err)
	}
	p.dirty = false
	return nil
}

// transact runs one transaction, MAIL to the final dot, for the first of todo. It
// answers at least one and returns those it did not get to.
func (p *transaction) transact(todo []*outcome, kept bool) ([]*outcome, error) {
	todo = p.needs(todo)
	if len(todo) == 0 {
		return nil, nil
	}
	p.conn.wait = p.times.Command
	if err := p.client.Mail(p.sender(), p.mailOptions(todo)); p.denied(err) {
		if kept && (p.conn.failed != nil || p.conn.last.Code == 421) {
			return nil, errUnused
		}
		p.refused(todo, err, "at MAIL")
		return nil, nil
	}
	p.dirty = true
	accepted, rest, ok := p.recipients(todo)
	if !ok || len(accepted) == 0 {
		return rest, nil
	}
	p.content(accepted)
	return rest, nil
}

// denied reports whether a command failed. The client insists on 250, but it is the
// first digit that tells (RFC 5321 §4.3.2).
func (p *transaction) denied(err error) bool {
	var rep *smtp.SMTPError
	return err != nil && !(errors.As(err, &rep) && p.conn.last.Code/100 == 2)
}

// refused records why a command failed: a reply, or a lost connection.
func (p *transaction) refused(all []*outcome, err error, where string) {
	var rep *smtp.SMTPError
	switch {
	case errors.As(err, &rep):
		answerAll(all, unexpected(p.conn.last), p.host)
	case p.conn.failed != nil:
		answerAll(all, p.broken(where), "")
	default: // the client found it impossible to say
		p.conn.log.Note("not said: " + printable(err.Error()))
		answerAll(all, mail.NewReply(554, mail.Enhanced{5, 5, 4}, "The envelope cannot be said to %s", p.host), "")
	}
}

func (p *transaction) broken(where string) *mail.Reply {
	return mail.NewReply(421, mail.Enhanced{4, 4, 2}, "The connection to %s broke %s: %s", p.host, where, cause(p.conn.failure()))
}

// recipients names the recipients, up to the limit of a transaction. What is
// over, by our limit or the server's, is left for the next transaction (RFC 5321
// §4.5.3.1.10). ok is false if the connection ended.
func (p *transaction) recipients(todo []*outcome) (accepted, rest []*outcome, ok bool) {
	for i, o := range todo {
		if len(accepted) == p.limit {
			return accepted, todo[i:], true
		}
		err := p.client.Rcpt(p.forward(o), p.rcptOptions(o))
		switch {
		case !p.denied(err):
			accepted = append(accepted, o)
		case !p.usable():
			p.refused(append(accepted, todo[i:]...), err, "at RCPT")
			return nil, nil, false
		case len(accepted) > 0 && tooMany(p.conn.last.Reply):
			return accepted, todo[i:], true
		default:
			p.refused([]*outcome{o}, err, "at RCPT")
		}
	}
	return accepted, nil, true
}

// tooMany reports a reply that means "not in this transaction": 452, or 552 of
// servers that know an older rule (RFC 5321 §4.5.3.1.10), unless its detail says
// that it is about the mailbox or the system.
func tooMany(rep mail.Reply) bool {
	return (rep.Code == 452 || rep.Code == 552) &&
		(rep.Enhanced == mail.Enhanced{} || rep.Enhanced[1] == 5 && rep.Enhanced[2] == 3)
}

// content sends the text to the accepted recipients and reads what comes of it.
func (p *transaction) content(accepted []*outcome) {
	p.conn.wait = p.times.Data
	w, err := p.client.Data()
	if err != nil {
		p.refused(accepted, err, "at DATA")
		return
	}
	p.conn.beginBody()
	defer p.conn.endBody()
	if err := p.copy(w); err != nil {
		p.interrupted(accepted, err)
		return
	}
	p.conn.dot(p.text.Size())
	p.conn.wait = p.times.Final
	p.dirty = false
	switch _, err := w.CloseWithResponse(); {
	case !p.denied(err):
		p.delivered(accepted)
	case p.conn.failed != nil: // it may have been taken: not at once to another host
		answerAll(accepted, p.broken("after the final dot, so it may arrive twice"), "")
		for _, o := range accepted {
			o.settled = true
		}
	default:
		p.refused(accepted, err, "at the final dot")
	}
}

// copy sends the text as it is stored, with its dots doubled where a line begins
// with one (RFC 5321 §4.5.2).
func (p *transaction) copy(w io.Writer) error {
	for off, size := int64(0), p.text.Size(); off < size; {
		n, err := p.text.ReadAt(p.buf[:min(int64(len(p.buf)), size-off)], off)
		if n == 0 {
			return fmt.Errorf("%w: %w", errText, err)
		}
		p.conn.show(p.buf[:n]) // the writer holds it back
		if _, err := w.Write(p.buf[:n]); err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// interrupted ends a connection in the midst of the text: without a final dot the
// server has to forget it (RFC 5321 §4.1.1.4).
func (p *transaction) interrupted(accepted []*outcome, err error) {
	if errors.Is(err, errText) {
		p.conn.log.Note(printable(err.Error()))
		_ = p.conn.fail(err)
		answerAll(accepted, mail.ErrInternal(), "")
		return
	}
	if rep, ok := p.conn.parting(); ok {
		answerAll(accepted, &rep.Reply, p.host)
		return
	}
	answerAll(accepted, p.broken("in the midst of the text"), "")
}

func (p *transaction) delivered(accepted []*outcome) {
	rep := p.conn.last.Reply
	for _, o := range accepted {
		o.status, o.settled, o.reply, o.host = Delivered, true, &rep, p.host
		o.relayed = !p.has("DSN")
	}
}
