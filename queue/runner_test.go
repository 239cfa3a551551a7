package queue_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"glassmail/mail"
	"glassmail/queue"
	"glassmail/trace"
	"glassmail/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	alice = mail.Address{Local: "alice", Domain: "crepes.fr"}
	bob   = mail.Address{Local: "bob", Domain: "hamburger.edu"}
	carol = mail.Address{Local: "carol", Domain: "hamburger.edu"}
)

const ketchup = "Subject: ketchup\r\n\r\nDo you like ketchup?\r\n.How about pickles?\r\n"

func to(as ...mail.Address) []mail.Recipient {
	var out []mail.Recipient
	for _, a := range as {
		out = append(out, mail.Recipient{Address: a})
	}
	return out
}

func mxs(hosts ...string) []*net.MX {
	var out []*net.MX
	for i, h := range hosts {
		out = append(out, &net.MX{Host: h + ".", Pref: uint16(10 * (i + 1))})
	}
	return out
}

func addrs(s ...string) []netip.Addr {
	var out []netip.Addr
	for _, a := range s {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// stage is a Runner with everything around it.
type stage struct {
	t      testing.TB
	clock  *wire.Manual
	store  *fakeStore
	world  *world
	names  *names
	log    *trace.Log
	opts   queue.Options
	cancel func()
	quiet  chan struct{} // closed when Run has returned
}

// newStage has crepes.fr as the node, and hamburger.edu behind two hosts at
// 192.0.2.1 and 192.0.2.2, of which the test says who answers.
func newStage(t testing.TB) *stage {
	clock := wire.NewManual(start)
	s := &stage{
		t: t, clock: clock, store: newFakeStore(clock),
		world: &world{clock: clock, peers: map[netip.Addr]*peer{}},
		names: &names{
			mx: map[string][]*net.MX{"hamburger.edu": mxs("mail.hamburger.edu", "backup.hamburger.edu")},
			a: map[string][]netip.Addr{
				"mail.hamburger.edu": addrs("192.0.2.1"), "backup.hamburger.edu": addrs("192.0.2.2"),
			},
		},
		log: trace.NewLog(4096, clock.Now),
	}
	s.opts = queue.Options{
		Name: "crepes.fr", Store: s.store, Resolver: s.names, Host: s.world, Trace: s.log,
		Retry: queue.RetrySchedule{Jitter: func(d time.Duration) time.Duration { return d }},
	}
	return s
}

func (s *stage) at(ip string, p *peer) {
	s.world.peers[netip.MustParseAddr(ip)] = p
	p.wg.Go(p.accept)
}

// run starts the Runner; the test's end stops it.
func (s *stage) run() {
	s.t.Helper()
	r, err := queue.New(s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.quiet = make(chan struct{})
	go func() {
		defer close(s.quiet)
		if err := r.Run(ctx); err != nil {
			s.t.Error(err)
		}
	}()
	s.cancel = cancel
	s.t.Cleanup(s.stop)
}

// stop ends the Runner, and lets the clock pass over its grace.
func (s *stage) stop() {
	s.cancel()
	for {
		select {
		case <-s.quiet:
			return
		case <-time.After(25 * time.Millisecond):
			s.clock.Advance(time.Second)
		}
	}
}

// settled waits for n attempts to be recorded.
func (s *stage) settled(n int) {
	s.t.Helper()
	for i := range n {
		select {
		case <-s.store.settled:
		case <-time.After(20 * time.Second):
			s.t.Fatalf("attempt %d of %d was not recorded; trace:\n%s", i+1, n, s.transcript())
		}
	}
}

// attempt queues one message and returns what its only attempt came to.
func (s *stage) attempt(o mail.Options, rcpts ...mail.Recipient) []queue.Result {
	s.t.Helper()
	s.run()
	s.store.add("m1", ketchup, alice, o, rcpts...)
	s.settled(1)
	h, _, _ := s.store.snapshot()
	return h[0]
}

func (s *stage) transcript() string {
	var b strings.Builder
	for _, e := range s.log.Since(0) {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

func (s *stage) report() string {
	s.t.Helper()
	_, reports, _ := s.store.snapshot()
	if len(reports) != 1 {
		s.t.Fatalf("there are %d reports, want 1", len(reports))
	}
	return string(reports[0].Message)
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s lacks %q:\n%s", what, want, got)
	}
}

func TestDelivery(t *testing.T) {
	s := newStage(t)
	p := newPeer(t, nil, "SIZE 1000000", "8BITMIME", "PIPELINING")
	s.at("192.0.2.1", p)
	res := s.attempt(mail.Options{}, to(bob)...)
	s.stop()
	if res[0].Status != queue.Delivered || res[0].Host != "mail.hamburger.edu" || res[0].Reply.Error() != "250 2.0.0 taken" {
		t.Fatalf("result %+v", res[0])
	}
	commands, messages, _ := p.heard()
	want := []string{"EHLO crepes.fr", "MAIL FROM:<alice@crepes.fr> BODY=8BITMIME SIZE=63", "RCPT TO:<bob@hamburger.edu>", "DATA", "QUIT"}
	if got := strings.Join(commands, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the peer heard\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if stuffed := strings.Replace(ketchup, "\r\n.How", "\r\n..How", 1); messages[0] != stuffed {
		t.Errorf("the peer got %q, want %q", messages[0], stuffed)
	}
	got := s.transcript()
	for _, want := range []string{
		"* attempt to deliver to hamburger.edu: <bob@hamburger.edu>\n",
		"* mail for hamburger.edu goes to mail.hamburger.edu [192.0.2.1], preference 10\n",
		"S: 220 peer.example ESMTP\nC: EHLO crepes.fr\nS: 250-peer.example\n",
		"C: DATA\nS: 354 go ahead\n* C sent 63 bytes of message text\nC: .\nS: 250 2.0.0 taken\n",
		"* <bob@hamburger.edu>: the next server has taken it; mail.hamburger.edu said 250 2.0.0 taken\n",
	} {
		wantText(t, "the transcript", got, want)
	}
	for _, e := range s.log.Since(0) {
		if (e.Kind == trace.Line && strings.HasPrefix(e.Text, "MAIL") || e.Kind == trace.Delivered) && e.Journey != "m1" {
			t.Errorf("%q has the journey %q, want m1", e.Text, e.Journey)
		}
	}
}

// eventually waits for something that another goroutine will do.
func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(limit) {
			t.Fatal("it did not come to pass")
		}
		time.Sleep(time.Millisecond)
	}
}
