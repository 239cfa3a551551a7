package trace

import (
	"slices"
	"strings"
)

// advance draws from an event that is no mirror what it says of the message.
func (j *journey) advance(e *Event) {
	switch e.Kind {
	case Line:
		if !j.accepted && e.Proto == SMTP && e.Dir == Client {
			j.envelope(e.Text)
		}
	case Close:
		j.abandon()
	case Accepted:
		j.take(e)
	case Refused:
		if !j.accepted {
			j.State = StateRefused
		}
	case Queued:
		j.waiting++
		j.State = StateQueued
	case Attempt:
		j.State = StateLookup
	case MXChosen:
		j.State = StateRelaying
	case Deferred:
		j.State = StateDeferred
	case Failed:
		j.failed = true
		j.leave(e)
	case Delivered:
		j.leave(e)
	case Fetched:
		j.read = true
	}
	j.settle()
}

// abandon ends a message that no server has taken.
func (j *journey) abandon() {
	if !j.accepted && j.State == StateSubmitting {
		j.State = StateAbandoned
	}
}

// leave counts a recipient that is out of its queue.
func (j *journey) leave(e *Event) {
	if e.Proto == Queue {
		j.waiting = max(j.waiting-1, 0)
	}
	if j.waiting == 0 {
		j.State = StateDelivered
	}
}

// settle puts what happened to all recipients above the last event.
func (j *journey) settle() {
	switch {
	case j.waiting > 0 || !j.accepted && !j.failed:
	case j.failed:
		j.State = StateBounced
	case j.read:
		j.State = StateRead
	}
}

// take notes what was accepted. Only the first acceptance tells of the message as
// it set out.
func (j *journey) take(e *Event) {
	if j.accepted || e.Message == nil {
		j.accepted = true
		return
	}
	j.accepted = true
	m := e.Message
	j.From, j.Subject, j.MessageID = m.From, m.Subject, m.ID
	j.To = slices.Clone(m.To[:min(len(m.To), maxSeen)])
	j.size += len(m.Subject) + 64*len(j.To)
	if j.State == StateRefused { // another recipient was
		j.State = StateSubmitting
	}
}

// envelope reads the addresses from MAIL and RCPT, as long as nothing better is
// known.
func (j *journey) envelope(line string) {
	verb, rest, _ := strings.Cut(line, ":")
	addr := strings.TrimLeft(rest, " ")
	if strings.HasPrefix(addr, "<") {
		addr, _, _ = strings.Cut(addr[1:], ">")
	} else {
		addr, _, _ = strings.Cut(addr, " ")
	}
	addr = addr[:min(len(addr), maxAddress)]
	switch {
	case strings.EqualFold(verb, "MAIL FROM"):
		j.From = addr
		if j.State == "" {
			j.State = StateSubmitting
		}
	case strings.EqualFold(verb, "RCPT TO") && addr != "" && len(j.To) < maxSeen && !slices.Contains(j.To, addr):
		j.To = append(j.To, addr)
	case strings.EqualFold(verb, "RSET"):
		j.abandon()
	}
}
