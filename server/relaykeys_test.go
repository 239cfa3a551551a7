package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/wire"
)

// outside is a machine from which one connects to what the test makes.
type outside struct {
	wire.OS
	clock *wire.Manual
	dial  func(ctx context.Context, addr string) (net.Conn, error)
}

func (o *outside) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	return o.dial(ctx, addr)
}
func (o *outside) Clock() wire.Clock { return o.clock }

// numbered are names of which each has its own address: three.example 93.184.216.3.
type numbered []string

func (n numbered) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return []*net.MX{{Host: name}}, nil
}

func (n numbered) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	for i, name := range n {
		if strings.TrimSuffix(host, ".") == name {
			return []netip.Addr{netip.AddrFrom4([4]byte{93, 184, 216, byte(i + 1)})}, nil
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// relaying runs a node that has accepted a message to each of the addresses.
func relaying(t *testing.T, o *outside, names numbered, set func(*config.Relay), to ...string) *Node {
	t.Helper()
	c := config.Default()
	c.Domains, c.Data, c.Listen = []string{"hamburger.edu"}, t.TempDir(), config.Listen{}
	set(&c.Relay)
	n, err := New(t.Context(), Options{Config: c, Host: o, Resolver: names})
	if err != nil {
		t.Fatal(err)
	}
	for _, rcpt := range to {
		env := envelope(t, "bob@hamburger.edu", rcpt)
		env.Peer.User = env.From
		if _, err := n.backend.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return n
}

func clockOf(t *testing.T) *wire.Manual {
	t.Helper()
	return wire.NewManual(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
}

// The relay connects to relay.port; after a failure it waits relay.first_retry, then
// twice as long, up to relay.max_retry, and a tenth more at most.
func TestKeysRetry(t *testing.T) {
	o := &outside{clock: clockOf(t)}
	tried := make(chan string, 10)
	o.dial = func(_ context.Context, addr string) (net.Conn, error) {
		tried <- addr
		return nil, errors.New("connection refused")
	}
	n := relaying(t, o, numbered{"crepes.fr"}, func(r *config.Relay) {
		r.Port, r.FirstRetry, r.MaxRetry = 2525, config.Duration(10*time.Minute), config.Duration(25*time.Minute)
	}, "alice@crepes.fr")
	for i, pause := range []time.Duration{10 * time.Minute, 20 * time.Minute, 25 * time.Minute, 25 * time.Minute} {
		if addr := <-tried; addr != "93.184.216.1:2525" {
			t.Errorf("the relay connects to %s", addr)
		}
		due := dueAfter(t, n, i+1)
		if wait := due.Sub(o.clock.Now()); wait < pause || wait > pause+pause/10+time.Second {
			t.Errorf("after attempt %d it waits %v, want %v", i+1, wait, pause)
		}
		o.clock.Advance(due.Sub(o.clock.Now()))
	}
}

// dueAfter is when the one message that waits is tried again, once an attempt has failed.
func dueAfter(t *testing.T, n *Node, attempts int) time.Time {
	t.Helper()
	for t.Context().Err() == nil {
		entries, err := n.Admin().Queue(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 1 && entries[0].Attempts >= attempts {
			return entries[0].Due
		}
	}
	t.Fatal("the attempt does not end")
	return time.Time{}
}

// relay.workers bounds the connections, and relay.per_domain those to one domain.
func TestKeysWorkers(t *testing.T) {
	const workers, perDomain = 3, 1
	o := &outside{clock: clockOf(t)}
	var mu sync.Mutex
	active, all := map[string]int{}, 0
	came, leave := make(chan struct{}, 100), make(chan struct{})
	o.dial = func(ctx context.Context, addr string) (net.Conn, error) {
		mu.Lock()
		active[addr]++
		all++
		if all > workers || active[addr] > perDomain {
			t.Errorf("%d connections, %d of them to %s", all, active[addr], addr)
		}
		mu.Unlock()
		came <- struct{}{}
		select {
		case <-leave:
		case <-ctx.Done():
		}
		mu.Lock()
		defer mu.Unlock()
		active[addr]--
		all--
		return nil, errors.New("connection refused")
	}
	var names numbered
	var to []string
	for i := range 6 {
		names = append(names, fmt.Sprint("d", i, ".example"))
		for u := range 4 {
			to = append(to, fmt.Sprint("u", u, "@", names[i]))
		}
	}
	n := relaying(t, o, names, func(r *config.Relay) { r.Workers, r.PerDomain = workers, perDomain }, to...)
	for range workers {
		<-came
	}
	for range 300 { // meanwhile more would come, if they might
		if _, err := n.Admin().Queue(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	leave <- struct{}{}
	<-came // the next has its place
	close(leave)
}

// relay.tls says whether STARTTLS is used where it is offered, and needed where it is not.
func TestKeysRelayTLS(t *testing.T) {
	for _, c := range []struct {
		tls   string
		offer bool
		first string // the command after EHLO
	}{
		{"opportunistic", true, "STARTTLS"}, {"opportunistic", false, "MAIL"},
		{"none", true, "MAIL"}, {"none", false, "MAIL"},
		{"require", true, "STARTTLS"}, {"require", false, "nothing"},
	} {
		o := &outside{clock: clockOf(t)}
		first := make(chan string, 10)
		o.dial = func(context.Context, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { first <- afterEHLO(there, c.offer) }()
			return here, nil
		}
		relaying(t, o, numbered{"crepes.fr"}, func(r *config.Relay) { r.TLS = c.tls }, "alice@crepes.fr")
		if got := <-first; got != c.first {
			t.Errorf("%+v: the relay says %q", c, got)
		}
	}
}

// afterEHLO is a server's side of a dialogue up to the verb of the command after EHLO.
func afterEHLO(c net.Conn, offer bool) string {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 crepes.fr\r\n")
	if _, err := r.ReadString('\n'); err != nil {
		return err.Error()
	}
	reply := "250-crepes.fr\r\n"
	if offer {
		reply += "250-STARTTLS\r\n"
	}
	fmt.Fprint(c, reply+"250 SIZE\r\n")
	line, err := r.ReadString('\n')
	verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || verb == "QUIT" {
		return "nothing"
	}
	return verb
}
