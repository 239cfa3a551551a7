package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/trace"
	"glassmail/wire"
)

// toItself is a name system in which every domain's mail goes to one address.
type toItself struct{ ip netip.Addr }

func (r toItself) LookupMX(context.Context, string) ([]*net.MX, error) {
	return []*net.MX{{Host: "mx.example.", Pref: 10}}, nil
}

func (r toItself) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{r.ip}, nil
}

// A node goes to loopback addresses if its configuration names them, and never to
// its own listeners. A lab goes everywhere: its internet is in its process.
func TestWhereTheRelayDials(t *testing.T) {
	for _, c := range []struct {
		name    string
		allow   string
		lab     bool
		reply   string
		dialled bool
	}{
		{"a stranger's record", "", false, "550 5.4.4 mx.example has the address 127.0.0.1", false},
		{"named by the configuration", "127.0.0.0/8", false, "421 4.3.2 not today", true},
		{"a lab", "", true, "421 4.3.2 not today", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner, dialled := innerService(t)
			conf := config.Default()
			conf.Domains, conf.Data, conf.Listen = []string{"hamburger.edu"}, filepath.Join(t.TempDir(), "data"), config.Listen{SMTP: []string{"127.0.0.1:0"}}
			if c.allow != "" {
				conf.Relay.Allow = make([]config.Network, 1)
				if err := conf.Relay.Allow[0].UnmarshalText([]byte(c.allow)); err != nil {
					t.Fatal(err)
				}
			}
			conf.Relay.Port = int(inner.Port())
			log := trace.NewLog(1000, time.Now)
			n, err := New(t.Context(), Options{Config: conf, Host: wire.OS{}, Resolver: toItself{inner.Addr()}, Trace: log, Lab: c.lab, Users: map[string]string{"bob@hamburger.edu": "secret"}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- n.Run(ctx) }()
			defer func() {
				stop()
				if err := <-ran; err != nil {
					t.Error(err)
				}
			}()
			env := envelope(t, "bob@hamburger.edu", "x@elsewhere.example")
			env.Peer.User = env.From
			if _, err := n.backend.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
				t.Fatal(err)
			}
			if text := awaitVerdict(t, log); !strings.Contains(text, c.reply) {
				t.Errorf("%s; want %s", text, c.reply)
			}
			if !c.lab && !errors.Is(n.reach().Check(wire.AddrPort(n.services[0].listeners[0].Addr())), wire.ErrOwn) {
				t.Error("the node would go to its own listener")
			}
			select {
			case <-dialled:
				if !c.dialled {
					t.Error("the inner service was dialled")
				}
			default:
				if c.dialled {
					t.Error("nobody dialled")
				}
			}
		})
	}
}

// relay.private opens private networks, and nothing else.
func TestKeyPrivate(t *testing.T) {
	for private, want := range map[bool][]string{false: {"192.0.2.1"}, true: {"192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"}} {
		conf := config.Default()
		conf.Relay.Private = private
		n := &Node{o: Options{Config: conf}}
		for _, a := range []string{"192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", "127.0.0.1", "169.254.169.254"} {
			if err := n.reach().Check(netip.AddrPortFrom(netip.MustParseAddr(a), 25)); (err == nil) != slices.Contains(want, a) {
				t.Errorf("relay.private = %t: %s: %v", private, a, err)
			}
		}
	}
}

// innerService listens on loopback, and tells when somebody comes.
func innerService(t *testing.T) (netip.AddrPort, <-chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan struct{}, 1)
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case came <- struct{}{}:
			default:
			}
			_, _ = c.Write([]byte("421 4.3.2 not today\r\n"))
			c.Close()
		}
	}()
	return wire.AddrPort(l.Addr()), came
}

// awaitVerdict is what the queue said when it put a recipient off or gave it up.
func awaitVerdict(t *testing.T, log *trace.Log) string {
	t.Helper()
	f := log.Follow(0)
	late := time.After(20 * time.Second)
	for {
		ready, stop := f.Ready()
		select {
		case <-ready:
		case <-late:
			t.Fatal("the queue came to no verdict")
		}
		stop()
		for _, e := range f.Next() {
			if e.Kind == trace.Failed || e.Kind == trace.Deferred {
				return e.Text
			}
		}
	}
}
