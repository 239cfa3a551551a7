package queue

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"glassmail/mail"
	"glassmail/trace"
)

// attempt is one try to hand one job to the hosts of its destination.
type attempt struct {
	*dispatcher
	job     Job
	all     []*outcome
	text    mail.Message
	policy  TLSPolicy
	buf     []byte
	tried   int    // addresses
	asked   string // host that was asked over a kept connection
	reached bool   // a host took part
	cause   uint64 // number of the event of this attempt
}

// run makes the attempt. Afterwards every recipient has a reply.
func (a *attempt) run(ctx context.Context) {
	text, err := a.o.Store.Body(ctx, a.job.Body)
	if err != nil {
		a.note("the text cannot be opened: " + err.Error())
		answerAll(a.all, mail.ErrInternal(), "")
		return
	}
	defer text.Close()
	a.text = text
	if a.kept(ctx) {
		return
	}
	a.hosts(ctx)
}

// kept uses a connection that is open already, and reports whether that was all
// there is to do.
func (a *attempt) kept(ctx context.Context) bool {
	s := a.idle.take(a.job.Dest, a.policy)
	if s == nil {
		return false
	}
	if a.use(ctx, s) != nil {
		return false
	}
	a.asked = s.host
	return len(unsettled(a.all)) == 0
}

// hosts asks one host after the other, the best first, until all recipients are
// settled (RFC 5321 §5.1).
func (a *attempt) hosts(ctx context.Context) {
	hosts, err := a.route(ctx, a.job.Dest)
	if err != nil {
		a.failed(ctx, mail.AsReply(err), "")
		return
	}
	var worst *mail.Reply // of hosts that could not be spoken to
	for len(hosts) > 0 {
		equals := equal(hosts)
		hosts = hosts[len(equals):]
		own := a.lookUpAll(ctx, equals)
		for _, m := range equals {
			if m.host == a.asked || own && !m.own {
				continue
			}
			rep := a.host(ctx, m)
			if len(unsettled(a.all)) == 0 || a.tried >= maxAddresses || ctx.Err() != nil {
				a.unanswered(ctx, worst)
				return
			}
			if rep != nil && (worst == nil || rep.Temporary()) {
				worst = rep
			}
		}
		if own {
			break
		}
	}
	a.unanswered(ctx, worst)
}

// equal is the hosts at the beginning that have the same preference.
func equal(hosts []mx) []mx {
	n := 1
	for n < len(hosts) && hosts[n].pref == hosts[0].pref {
		n++
	}
	return hosts[:n]
}

// lookUpAll finds the addresses of hosts of one preference, and reports whether one
// of them is this node. Then none of them is asked, nor one that is worse: they would
// send the mail back here (RFC 5321 §5.1).
func (a *attempt) lookUpAll(ctx context.Context, equals []mx) (own bool) {
	for i := range equals {
		if equals[i].host != a.asked {
			a.lookUp(ctx, &equals[i])
			own = own || equals[i].own
		}
	}
	return own
}

// unanswered gives the recipients that no host has answered what the connections
// failed with.
func (a *attempt) unanswered(ctx context.Context, worst *mail.Reply) {
	for _, o := range a.all {
		switch {
		case o.reply != nil:
		case ctx.Err() != nil:
			o.answer(mail.NewReply(421, mail.Enhanced{4, 3, 2}, "The attempt was broken off because this server is stopping"), "")
		case worst != nil:
			o.answer(worst, "")
		default:
			o.answer(mail.NewReply(451, mail.Enhanced{4, 4, 1}, "No mail host could be reached"), "")
		}
	}
}

// host tries the addresses of one host. It returns why the last of them could not
// be spoken to.
func (a *attempt) host(ctx context.Context, m mx) *mail.Reply {
	if m.fault != nil {
		a.note(m.fault.Text)
	}
	last := m.fault
	for _, ip := range m.ips {
		if a.tried++; a.tried > maxAddresses || ctx.Err() != nil {
			break
		}
		a.chosen(m, ip)
		s, err := a.connect(ctx, m, ip, a.policy)
		if err != nil {
			last = mail.AsReply(err)
			a.event(trace.Note, last.Error())
			continue
		}
		a.reached = true
		_ = a.use(ctx, s) // a new connection is never errUnused
		if len(unsettled(a.all)) == 0 {
			return nil
		}
	}
	return last
}

// use sends the message over s, and then keeps or closes it.
func (a *attempt) use(ctx context.Context, s *session) error {
	stop := context.AfterFunc(ctx, s.conn.kill)
	s.conn.log.Journey(a.job.Message)
	p := &transaction{session: s, job: a.job, text: a.text, times: a.o.Timeouts, limit: a.o.MaxRecipients, buf: a.buf}
	tried, over := unsettled(a.all), s.via()
	err := p.deliver(a.all)
	if err == nil {
		for _, o := range tried {
			o.via = over
		}
	}
	s.conn.log.Journey("")
	if !stop() {
		_ = s.conn.fail(context.Cause(ctx))
	}
	if err == nil {
		a.reached = true
	}
	a.keep(a.job.Dest, s)
	return err
}

// failed gives all recipients one reply, unless the attempt was broken off.
func (a *attempt) failed(ctx context.Context, rep *mail.Reply, host string) {
	if ctx.Err() != nil {
		a.unanswered(ctx, nil)
		return
	}
	answerAll(unsettled(a.all), rep, host)
}

// chosen records which host is asked next.
func (a *attempt) chosen(m mx, ip netip.Addr) {
	text := fmt.Sprintf("mail for %s goes to %s [%s]", a.job.Dest, m.host, ip)
	if !m.addr.IsValid() && m.host != a.job.Dest {
		text += fmt.Sprintf(", preference %d", m.pref)
	}
	a.event(trace.MXChosen, text)
}

func (a *attempt) event(k trace.Kind, text string) uint64 { return a.decided(k, text, nil) }

func (a *attempt) decided(k trace.Kind, text string, d *trace.Decision) uint64 {
	return a.o.Trace.Add(trace.Event{
		Node: a.o.Name, Proto: trace.Queue, Kind: k, Dir: trace.Self,
		Text: text, Journey: a.job.Message, Cause: a.cause, Decision: d,
	})
}

func (a *attempt) note(text string) { a.event(trace.Note, printable(text)) }

// isStale reports that the lease ended before its results were recorded.
func isStale(err error) bool { return errors.Is(err, ErrStale) }
