package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/wire"
)

// TestRetriesOverDays keeps all hosts away until the message expires.
func TestRetriesOverDays(t *testing.T) {
	s := newStage(t)
	s.run()
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	var ages []string
	for {
		s.settled(1)
		ages = append(ages, s.clock.Now().Sub(start).String())
		h, _, left := s.store.snapshot()
		if left == 0 {
			break
		}
		s.clock.Sleepers(1)
		s.clock.Advance(h[len(h)-1][0].Retry.Sub(s.clock.Now()))
	}
	want := "0s 1m0s 3m0s 7m0s 15m0s 31m0s 1h3m0s 2h7m0s 4h0m0s 8h0m0s 12h0m0s"
	if got := strings.Join(ages[:11], " "); got != want {
		t.Errorf("attempts at %s, want %s", got, want)
	}
	if last := ages[len(ages)-1]; last != "120h0m0s" {
		t.Errorf("the last attempt was after %s, want 120h", last)
	}
	_, reports, _ := s.store.snapshot()
	if len(reports) != 2 {
		t.Fatalf("%d reports, want one of the delay and one of the end", len(reports))
	}
	delay, end := string(reports[0].Message), string(reports[1].Message)
	for _, w := range []string{"Subject: Your message is delayed", "Action: delayed\r\nStatus: 4.4.1", "Will-Retry-Until: Sat, 7 Mar 2026 09:00:00 +0000"} {
		wantText(t, "the report of the delay", delay, w)
	}
	for _, w := range []string{"Subject: Your message could not be delivered", "Action: failed\r\nStatus: 5.4.7", "Not delivered within 5 days", "Do you like ketchup?"} {
		wantText(t, "the report of the end", end, w)
	}
	wantText(t, "the transcript", s.transcript(), "deferred until 2026-03-02T09:01:00Z")
}

// TestComesBack: the host is away for two attempts.
func TestComesBack(t *testing.T) {
	s := newStage(t)
	s.names.mx["hamburger.edu"] = mxs("mail.hamburger.edu")
	p := newPeer(t, map[string][]string{"greeting": {"421 busy", "421 busy", ""}})
	s.at("192.0.2.1", p)
	s.run()
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 0} {
		s.settled(1)
		s.clock.Sleepers(1)
		s.clock.Advance(wait)
	}
	h, reports, _ := s.store.snapshot()
	if len(h) != 3 || h[2][0].Status != queue.Delivered || len(reports) != 0 {
		t.Errorf("results %v, %d reports", h, len(reports))
	}
}

func TestBounce(t *testing.T) {
	s := newStage(t)
	s.at("192.0.2.1", newPeer(t, map[string][]string{"RCPT": {"550 5.1.1 no bob here"}}))
	s.attempt(mail.Options{EnvID: "env1"}, to(bob)...)
	s.stop()
	_, reports, left := s.store.snapshot()
	if left != 0 || reports[0].To != alice {
		t.Errorf("%d left, the report goes to %s", left, reports[0].To)
	}
	r := s.report()
	for _, w := range []string{
		"To: <alice@crepes.fr>\r\n", "MAILER-DAEMON@crepes.fr", "Auto-Submitted: auto-replied\r\n",
		"The server mail.hamburger.edu answered:\r\n      550 5.1.1 no bob here",
		"there is no mailbox of that name",
		"Original-Envelope-Id: env1\r\nReporting-MTA: dns; crepes.fr\r\n",
		"Final-Recipient: rfc822;bob@hamburger.edu\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail.hamburger.edu\r\nDiagnostic-Code: smtp; 550 5.1.1 no bob here\r\n",
	} {
		wantText(t, "the report", r, w)
	}
	wantText(t, "the transcript", s.transcript(), "* <bob@hamburger.edu>: a report goes back to <alice@crepes.fr>")
}

// TestWhoIsTold checks the wishes of RFC 3461 §4.1 and the null sender.
func TestWhoIsTold(t *testing.T) {
	fail := map[string][]string{"RCPT": {"550 5.1.1 no"}}
	tests := []struct {
		name   string
		from   mail.Address
		notify []string
		script map[string][]string
		ehlo   string
		action string // "" for no report
	}{
		{"failure, by default", alice, nil, fail, "", "failed"},
		{"failure, asked for", alice, []string{"FAILURE"}, fail, "", "failed"},
		{"failure, never", alice, []string{"NEVER"}, fail, "", ""},
		{"failure, only success asked for", alice, []string{"SUCCESS"}, fail, "", ""},
		{"failure of a report", mail.Address{}, nil, fail, "", ""},
		{"success, by default", alice, nil, nil, "", ""},
		{"success, asked for", alice, []string{"SUCCESS"}, nil, "", "relayed"},
		{"success, the next server reports", alice, []string{"SUCCESS"}, nil, "DSN", ""},
		{"success of a report", mail.Address{}, []string{"SUCCESS"}, nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.at("192.0.2.1", newPeer(t, tt.script, tt.ehlo))
			s.run()
			s.store.add("m1", ketchup, tt.from, mail.Options{}, mail.Recipient{Address: bob, Notify: tt.notify})
			s.settled(1)
			_, reports, left := s.store.snapshot()
			if left != 0 {
				t.Error("the message still waits")
			}
			switch {
			case tt.action == "" && len(reports) > 0:
				t.Errorf("there is a report:\n%s", reports[0].Message)
			case tt.action != "":
				wantText(t, "the report", s.report(), "Action: "+tt.action+"\r\n")
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	mx := func(kv ...any) (out []*net.MX) {
		for i := 0; i < len(kv); i += 2 {
			out = append(out, &net.MX{Host: kv[i].(string), Pref: uint16(kv[i+1].(int))})
		}
		return out
	}
	hosts := map[string][]netip.Addr{
		"a.example": addrs("192.0.2.11", "2001:db8::11"), "b.example": addrs("192.0.2.12"), "c.example": addrs("192.0.2.13"),
		"plain.example": addrs("192.0.2.14"), "crepes.fr": addrs("192.0.2.99"), "mx.crepes.fr": addrs("192.0.2.99"), "broken.example": nil,
	}
	tests := []struct {
		name   string
		dest   string
		mx     map[string][]*net.MX
		dialed string // in order
		reply  string // beginning
	}{
		{"by preference", "d.example", map[string][]*net.MX{"d.example": mx("c.example.", 30, "A.example.", 10, "b.example.", 20)},
			"192.0.2.11 2001:db8::11 192.0.2.12 192.0.2.13", "421 4.4.1"},
		{"equals are mixed", "d.example", map[string][]*net.MX{"d.example": mx("a.example.", 10, "b.example.", 10, "c.example.", 5)},
			"192.0.2.13 192.0.2.12 192.0.2.11 2001:db8::11", "421 4.4.1"},
		{"no MX", "plain.example", nil, "192.0.2.14", "421 4.4.1"},
		{"no such domain", "none.example", nil, "", "550 5.1.2"},
		{"MX lookup fails", "d.example", map[string][]*net.MX{"d.example": nil}, "", "451 4.4.3"},
		{"no MX, and the address lookup fails", "broken.example", nil, "", "451 4.4.3"},
		{"null MX", "d.example", map[string][]*net.MX{"d.example": mx(".", 0)}, "", "556 5.1.10"},
		{"MX without address", "d.example", map[string][]*net.MX{"d.example": mx("none.example.", 1)}, "", "550 5.4.4"},
		{"MX whose lookup fails", "d.example", map[string][]*net.MX{"d.example": mx("broken.example.", 1)}, "", "451 4.4.3"},
		{"one of two without address", "d.example", map[string][]*net.MX{"d.example": mx("none.example.", 1, "b.example.", 2)}, "192.0.2.12", "421 4.4.1"},
		{"we are the second", "d.example", map[string][]*net.MX{"d.example": mx("a.example.", 10, "MX.crepes.fr.", 20, "b.example.", 20, "c.example.", 30)},
			"192.0.2.11 2001:db8::11", "421 4.4.1"},
		{"we are the best", "d.example", map[string][]*net.MX{"d.example": mx("crepes.fr.", 10, "a.example.", 20)}, "", "554 5.4.6"},
		{"we are the domain", "crepes.fr", nil, "", "554 5.4.6"},
		{"literal", "[192.0.2.77]", nil, "192.0.2.77", "421 4.4.1"},
		{"literal of version 6", "[IPv6:2001:db8::77]", nil, "2001:db8::77", "421 4.4.1"},
		{"many hosts", "d.example", map[string][]*net.MX{"d.example": mx("a.example.", 1, "b.example.", 2, "a.example.", 3, "a.example.", 4, "a.example.", 5, "a.example.", 6)},
			"192.0.2.11 2001:db8::11 192.0.2.12" + strings.Repeat(" 192.0.2.11 2001:db8::11", 3) + " 192.0.2.11", "421 4.4.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.names.mx, s.names.a = tt.mx, hosts
			s.opts.Names = []string{"mx.crepes.fr"}
			s.opts.Shuffle = func(n int, swap func(i, j int)) { // turns the list round
				for i := range n / 2 {
					swap(i, n-1-i)
				}
			}
			res := s.attempt(mail.Options{}, to(mail.Address{Local: "x", Domain: tt.dest})...)[0]
			var dialed []string
			for _, a := range s.world.dialed {
				dialed = append(dialed, a.String())
			}
			if got := strings.Join(dialed, " "); got != tt.dialed {
				t.Errorf("tried %q, want %q", got, tt.dialed)
			}
			if !strings.HasPrefix(res.Reply.Error(), tt.reply) {
				t.Errorf("the reply is %s, want %s", res.Reply.Error(), tt.reply)
			}
		})
	}
}

// TestSettleAgain: results that cannot be recorded are recorded later, and the
// message is not sent twice.
func TestSettleAgain(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, nil)
	s.at("192.0.2.1", p)
	fails := 3
	s.store.settle = func() error {
		if fails--; fails >= 0 {
			return errors.New("disk on holiday")
		}
		return nil
	}
	s.run()
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	for i := range 3 {
		eventually(t, func() bool { return strings.Count(s.transcript(), "could not be recorded") > i })
		s.clock.Sleepers(2) // the dispatcher, and the worker that waits to try again
		s.clock.Advance(time.Second)
	}
	s.settled(1)
	if _, messages, _ := p.heard(); len(messages) != 1 {
		t.Errorf("the message was sent %d times", len(messages))
	}
}

// TestStaleIsDropped: a result that comes too late changes nothing.
func TestStaleIsDropped(t *testing.T) {
	s := newStage(t)
	s.at("192.0.2.1", newPeer(t, nil))
	stale := true
	s.store.settle = func() error {
		if stale {
			stale = false
			return queue.ErrStale
		}
		return nil
	}
	s.run()
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	eventually(t, func() bool { return strings.Contains(s.transcript(), "the results are not recorded") })
	s.clock.Advance(time.Hour) // the lease ends, and the attempt is repeated
	s.settled(1)
	s.stop()
	if strings.Count(s.transcript(), "has taken it") != 1 {
		t.Errorf("delivered was told twice:\n%s", s.transcript())
	}
}

// TestSharedFailure: one attempt speaks for all that wait for a dead host.
func TestSharedFailure(t *testing.T) {
	s := newStage(t)
	s.opts.PerDest = 1
	for i := range 16 {
		s.store.add(fmt.Sprint("m", i), ketchup, alice, mail.Options{}, to(bob)...)
	}
	s.run()
	s.settled(16)
	if n := len(s.world.dialed); n > 6 {
		t.Errorf("dialled %d times for 16 messages to two dead hosts", n)
	}
}

// hasty is a store whose clock jumps to the next attempt while the first is being
// recorded, and that waits until the job has been taken again.
type hasty struct {
	*fakeStore
	clock *wire.Manual
	jump  sync.Once
	again bool // leased for the second time
	taken chan struct{}
}

func (h *hasty) Lease(ctx context.Context, now time.Time, n int, d time.Duration, skip func(string) bool) ([]queue.Job, time.Time, error) {
	if h.again {
		h.again = false
		close(h.taken)
	}
	jobs, next, err := h.fakeStore.Lease(ctx, now, n, d, skip)
	h.again = len(jobs) == 1 && jobs[0].Attempts == 1
	return jobs, next, err
}

func (h *hasty) Settle(ctx context.Context, j queue.Job, results []queue.Result, report *queue.Report) error {
	err := h.fakeStore.Settle(ctx, j, results, report)
	h.jump.Do(func() {
		h.clock.Advance(time.Minute)
		h.wake <- struct{}{}
		<-h.taken
	})
	return err
}

// TestFailureIsNotSharedWithItself: a message that is due again is tried again.
func TestFailureIsNotSharedWithItself(t *testing.T) {
	s := newStage(t)
	s.opts.PerDest = 1
	s.opts.Store = &hasty{fakeStore: s.store, clock: s.clock, taken: make(chan struct{})}
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	<-s.store.wake // Run looks all the same
	s.run()
	s.settled(2)
	s.stop()
	if n := len(s.world.dialed); n != 4 {
		t.Errorf("dialled %d times for two attempts at two hosts", n)
	}
}

// TestSlowDestination does not keep others waiting.
func TestSlowDestination(t *testing.T) {
	s := newStage(t)
	s.names.mx["quick.example"] = mxs("quick.example")
	s.names.a["quick.example"] = addrs("192.0.2.50")
	slow, quick := newPeer(t, map[string][]string{"greeting": {silent}}), newPeer(t, nil)
	s.at("192.0.2.1", slow)
	s.at("192.0.2.50", quick)
	for i := range 200 {
		s.store.add(fmt.Sprint("m", i), ketchup, alice, mail.Options{}, to(bob)...)
	}
	s.store.add("q", ketchup, alice, mail.Options{}, to(mail.Address{Local: "x", Domain: "quick.example"})...)
	s.opts.Grace = time.Second
	s.run()
	s.settled(1)
	if _, messages, _ := quick.heard(); len(messages) != 1 {
		t.Error("the quick host did not get its message")
	}
	slow.stop() // ends the wait for the greeting
}

// TestGracefulStop: what is under way is finished; what hangs is put back.
func TestGracefulStop(t *testing.T) {
	t.Run("finishes", func(t *testing.T) {
		s := newStage(t)
		p := newPeer(t, nil)
		release := make(chan struct{})
		s.at("192.0.2.1", p)
		s.store.settle = func() error { <-release; return nil }
		s.run()
		s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
		eventually(t, func() bool { return p.count("DATA") == 1 })
		s.cancel()
		close(release)
		<-s.quiet
		if h, _, left := s.store.snapshot(); left != 0 || h[0][0].Status != queue.Delivered {
			t.Errorf("results %v", h)
		}
	})
	t.Run("puts back", func(t *testing.T) {
		s := newStage(t)
		s.opts.PerDest = 1
		p := newPeer(t, map[string][]string{"MAIL": {silent}})
		s.at("192.0.2.1", p)
		s.run()
		s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
		s.store.add("m2", ketchup, alice, mail.Options{}, to(bob)...)
		eventually(t, func() bool { return p.count("MAIL") == 1 })
		s.stop()
		h, reports, left := s.store.snapshot()
		if left != 2 || len(reports) != 0 {
			t.Errorf("%d messages wait, want 2; %d reports", left, len(reports))
		}
		for _, r := range h {
			if r[0].Status != queue.Deferred || r[0].Retry.After(s.clock.Now()) {
				t.Errorf("%s until %s: %s", r[0].Status, r[0].Retry, r[0].Reply.Error())
			}
		}
	})
}

func TestTextUnreadable(t *testing.T) {
	s := newStage(t)
	s.run()
	s.store.add("m1", ketchup, alice, mail.Options{}, to(bob)...)
	s.settled(1)
	s.store.mu.Lock()
	delete(s.store.texts, "m1")
	s.store.mu.Unlock()
	s.clock.Sleepers(1)
	s.clock.Advance(time.Minute)
	s.settled(1)
	h, _, _ := s.store.snapshot()
	if r := h[1][0]; r.Status != queue.Deferred || r.Reply.Error() != mail.ErrInternal().Error() {
		t.Errorf("%s: %s", r.Status, r.Reply.Error())
	}
}

func TestNewRefusesGaps(t *testing.T) {
	if _, err := queue.New(queue.Options{Name: "crepes.fr"}); err == nil {
		t.Error("a Runner without a store is no Runner")
	}
}
