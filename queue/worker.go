package queue

import (
	"context"
	"time"

	"glassmail/mail"
	"glassmail/trace"
)

// minAttempt is the rest of a lease below which an attempt is not begun.
const minAttempt = time.Minute

// textBlock is how much of a message text is read at a time.
const textBlock = 32 << 10

// work takes one job after the other, beginning with those for dest.
func (c *dispatcher) work(dest string) {
	buf := make([]byte, textBlock)
	for {
		j, ok := c.next(dest)
		if !ok {
			return
		}
		dest = j.Dest
		c.try(j, buf)
	}
}

// try makes one attempt and records it.
func (c *dispatcher) try(j Job, buf []byte) {
	left := j.Until.Sub(c.o.Host.Clock().Now())
	if left < min(minAttempt, c.o.Lease/2) {
		return // it waited too long; the store will lease it again
	}
	a := c.newAttempt(j, buf)
	a.begin()
	ctx, cancel := context.WithTimeout(c.hard, left-left/8)
	defer cancel()
	a.run(trace.WithCause(trace.WithJourney(ctx, j.Message), a.cause))
	broken := c.hard.Err() != nil
	for _, one := range append([]*attempt{a}, c.share(a)...) {
		one.settle(c.last, broken)
	}
}

func (c *dispatcher) newAttempt(j Job, buf []byte) *attempt {
	a := &attempt{dispatcher: c, job: j, policy: c.o.TLS, buf: buf}
	if j.Options.RequireTLS {
		a.policy = Always
	}
	for _, rc := range j.Recipients {
		a.all = append(a.all, &outcome{Recipient: rc})
	}
	return a
}

// share gives the jobs that wait for the same destination the result of an
// attempt that reached no host: each would only find the same. Nothing is settled
// yet, so that the job itself, due again, is not among them.
func (c *dispatcher) share(a *attempt) (all []*attempt) {
	rep, host := a.all[0].reply, a.all[0].host
	if a.reached || c.hard.Err() != nil || !rep.Temporary() || rep.Enhanced[1] != 4 {
		return nil
	}
	for _, j := range c.withdraw(a.job.Dest) {
		b := c.newAttempt(j, nil)
		answerAll(b.all, rep, host)
		all = append(all, b)
	}
	return all
}

// withdraw empties the backlog of a destination.
func (c *dispatcher) withdraw(dest string) []Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dests[dest]
	jobs := d.backlog
	d.backlog = nil
	c.waiting -= len(jobs)
	return jobs
}

// putBack gives the jobs back that no worker has begun.
func (c *dispatcher) putBack() {
	c.mu.Lock()
	var jobs []Job
	for dest, d := range c.dests {
		jobs = append(jobs, d.backlog...)
		c.waiting -= len(d.backlog)
		if d.backlog = nil; d.workers == 0 {
			delete(c.dests, dest)
		}
	}
	c.mu.Unlock()
	for _, j := range jobs {
		a := c.newAttempt(j, nil)
		answerAll(a.all, mail.NewReply(421, mail.Enhanced{4, 3, 2}, "This server stopped before the attempt began"), "")
		a.settle(c.last, true)
	}
}

// keep holds a session for the next message, or ends it.
func (c *dispatcher) keep(dest string, s *session) {
	now := c.o.Host.Clock().Now()
	s.until = now.Add(c.o.Idle)
	if s.usable() && s.used < c.o.MaxMessages && c.idle.put(dest, s, c.o.Workers) {
		c.signal() // the dispatcher looks when it expires
		return
	}
	c.quit(s)
}

// dismiss ends sessions without making the caller wait for it.
func (c *dispatcher) dismiss(list []*session) {
	for _, s := range list {
		c.wg.Go(func() { c.quit(s) })
	}
}

// quit ends a session, politely if it still can (RFC 5321 §4.1.1.10).
func (c *dispatcher) quit(s *session) {
	stop := context.AfterFunc(c.hard, s.conn.kill)
	defer stop()
	why := "done"
	if s.usable() {
		_, _ = s.conn.command(c.o.Timeouts.Quit, "QUIT") // whatever it says, we go
	} else {
		why = cause(s.conn.failure())
	}
	_ = s.conn.close(why)
}

// begin records that the attempt begins.
func (a *attempt) begin() {
	text := "attempt to deliver to " + a.job.Dest
	for i, o := range a.all {
		if i == 3 {
			text += ", …"
			break
		}
		sep := ", "
		if i == 0 {
			text, sep = text+": ", ""
		}
		text += sep + o.Address.Path()
	}
	a.cause = a.event(trace.Attempt, text)
}
