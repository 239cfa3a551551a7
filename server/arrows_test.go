package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/trace"
	"glassmail/wire"
)

// oneMachine is names of which every one is this machine.
type oneMachine struct{}

func (oneMachine) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return []*net.MX{{Host: "mail." + name}}, nil
}

func (oneMachine) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// town is two nodes and their users, all at 127.0.0.1 and in one trace. It knows who
// has which port.
type town struct {
	t          *testing.T
	log        *trace.Log
	journeys   *trace.Journeys
	smtp, imap map[string]string // addresses, by domain
	who        map[string]string // by address and port
	reused     map[string]bool   // addresses that more than one had
}

func newTown(t *testing.T) *town {
	w := &town{t: t, log: trace.NewLog(20_000, time.Now), smtp: map[string]string{}, imap: map[string]string{}, who: map[string]string{}, reused: map[string]bool{}}
	w.journeys = trace.NewJourneys(w.log, 64<<20)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.journeys.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	far := w.node("hamburger.edu", "bob@hamburger.edu", 25)
	port := netip.MustParseAddrPort(far).Port()
	w.node("crepes.fr", "alice@crepes.fr", int(port))
	return w
}

// node starts one, and returns where it takes mail.
func (w *town) node(domain, user string, port int) string {
	n, _ := nodeWith(w.t, Options{Trace: w.log, Host: wire.OS{}, Resolver: oneMachine{}, Lab: true, Users: map[string]string{user: "secret"}}, func(c *config.Config) {
		c.Domains, c.Relay.Port, c.Relay.Allow = []string{domain}, port, []config.Network{config.Network(netip.MustParsePrefix("127.0.0.0/8"))}
	})
	for _, s := range n.services {
		at := s.listeners[0].Addr().String()
		w.who[at] = domain
		if s.key == "smtp" {
			w.smtp[domain] = at
		} else {
			w.imap[domain] = at
		}
	}
	return w.smtp[domain]
}

// say is somebody who says lines to addr, each after the reply to the last.
func (w *town) say(who, addr string, lines ...string) {
	w.t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	at := c.LocalAddr().String()
	if had, ok := w.who[at]; ok && had != who {
		w.reused[at] = true
	}
	w.who[at] = who
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewScanner(c)
	heard := func(end string) {
		for in.Scan() {
			if text := in.Text(); strings.HasPrefix(text, end) && !strings.HasPrefix(text, end+"-") {
				return
			}
		}
		w.t.Fatalf("%s: no %q: %v", who, end, in.Err())
	}
	heard(map[bool]string{true: "2", false: "*"}[!strings.Contains(strings.Join(lines, ""), "LOGIN")])
	for _, line := range lines {
		want, text, _ := strings.Cut(line, " ")
		fmt.Fprint(c, text+"\r\n")
		heard(want)
	}
}

// write sends a message from who, typed at a node.
func (w *town) write(who, at, helo, from, to string) {
	w.t.Helper()
	w.say(who, w.smtp[at], "250 HELO "+helo, "250 MAIL FROM:<"+from+">", "250 RCPT TO:<"+to+">", "354 DATA", "250 Subject: x\r\n\r\nketchup?\r\n.", "221 QUIT")
}

// read lets bob fetch his newest message.
func (w *town) read(n int) {
	w.t.Helper()
	w.say("bob@hamburger.edu", w.imap["hamburger.edu"], "a a LOGIN bob@hamburger.edu secret", "b b SELECT INBOX", fmt.Sprintf("c c FETCH %d BODY[]", n), "d d LOGOUT")
}

// arrived waits until bob has n messages.
func (w *town) arrived(n int) {
	w.t.Helper()
	late := time.After(time.Minute)
	for {
		changed := w.journeys.Changed()
		list, _ := w.journeys.List(trace.Query{Limit: 500})
		there := 0
		for _, j := range list {
			if j.State == trace.StateDelivered || j.State == trace.StateRead {
				there++
			}
		}
		if there == n {
			return
		}
		select {
		case <-changed:
		case <-late:
			w.t.Fatalf("%d of %d messages arrived", there, n)
		}
	}
}

// owner is who has an address: a server, one who has typed, or the node whose relay
// connected from there.
func (w *town) owner(addr string) string {
	if name, ok := w.who[addr]; ok {
		return name
	}
	for _, e := range w.log.Since(0) {
		if e.Kind == trace.Open && e.Side == trace.Client && e.Local == addr {
			return e.Node
		}
	}
	return "nobody"
}

// With every host at 127.0.0.1, each arrow of a journey is between those between whom
// it was: 20 journeys of users, relays, readers, and of somebody who only says that
// he is a node.
func TestArrowsOfJourneys(t *testing.T) {
	w := newTown(t)
	for i := range 5 {
		w.write("alice@crepes.fr", "crepes.fr", "ua", "alice@crepes.fr", "bob@hamburger.edu")
		w.arrived(4*i + 1)
		w.read(4*i + 1)
		w.write("bob@hamburger.edu", "hamburger.edu", "hamburger.edu", "bob@hamburger.edu", "bob@hamburger.edu")
		w.write("mail.elsewhere.example", "hamburger.edu", "mail.elsewhere.example", "carol@elsewhere.example", "bob@hamburger.edu")
		w.write("mallory@crepes.fr", "hamburger.edu", "crepes.fr", "mallory@crepes.fr", "bob@hamburger.edu")
		w.arrived(4*i + 4)
	}
	for _, e := range w.log.Since(0) {
		if _, ok := w.who[e.Local]; ok && e.Kind == trace.Open && e.Side == trace.Client {
			w.reused[e.Local] = true
		}
	}
	list, _ := w.journeys.List(trace.Query{Limit: 500})
	seen := map[string]int{}
	for _, j := range list {
		d, _ := w.journeys.Get(j.ID)
		for _, s := range d.Steps {
			if s.Mirror || s.Side == 0 || s.Dir == trace.Self || s.Dir == 0 || w.reused[s.Local] || w.reused[s.Remote] {
				continue
			}
			far := ""
			if s.Peer != nil {
				far = s.Peer.Name
			}
			if s.Node != w.owner(s.Local) || far != w.owner(s.Remote) {
				t.Errorf("%s: an arrow between %q and %q, want %q and %q: %s", d.Subject, s.Node, far, w.owner(s.Local), w.owner(s.Remote), s)
			}
			seen[s.Node+" "+far]++
		}
	}
	if len(list) != 20 || len(seen) < 5 || seen["crepes.fr hamburger.edu"]+seen["hamburger.edu crepes.fr"] < 30 {
		t.Errorf("%d journeys, with arrows between %v", len(list), seen)
	}
}
