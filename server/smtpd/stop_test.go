package smtpd_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"glassmail/server/smtpd"
	"glassmail/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestShutdown: idle clients hear 421, a message under way is finished, and then
// nothing is left.
func TestShutdown(t *testing.T) {
	r := serve(t, nil)
	r.hold, r.reading = make(chan struct{}), make(chan struct{}, 1)
	idle, fresh, busy := r.greeted(t), r.dial(t), r.greeted(t)
	fresh.expect("220")
	busy.begin()
	<-r.reading
	busy.send("text\r\n")
	done := make(chan error, 1)
	go func() { done <- r.srv.Shutdown(context.Background()) }()
	idle.expect("421 4.3.2 hamburger.edu is going down")
	idle.ended()
	fresh.expect("421 hamburger.edu is going down")
	fresh.ended()
	busy.send("more\r\n.\r\n")
	close(r.hold)
	busy.expect("250 2.0.0 Message accepted")
	busy.expect("421 4.3.2")
	busy.ended()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("it still listens")
	}
	if got := r.messages(); len(got) != 1 || got[0].text != "text\r\nmore\r\n" {
		t.Errorf("%+v", got)
	}
}

// TestShutdownCuts: who does not come to an end in time is cut off, in a message
// and in a call to the post.
func TestShutdownCuts(t *testing.T) {
	r := serve(t, nil)
	r.hold, r.reading = make(chan struct{}), make(chan struct{}, 2)
	stuck, waiting := r.greeted(t), r.greeted(t)
	stuck.begin()
	stuck.send("never ends")
	<-r.reading
	waiting.begin()
	waiting.send(".\r\n")
	<-r.reading
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if len(r.messages()) != 0 {
		t.Error("an unfinished message was accepted")
	}
	if err := r.srv.Shutdown(context.Background()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	srv, err := smtpd.New(smtpd.Options{Name: "hamburger.edu", Post: &office{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 2)
	var addrs []string
	for range 2 { // one server may listen in several places
		l, err := wire.OS{}.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, l.Addr().String())
		go func() { served <- srv.Serve(ctx, l) }()
	}
	var cs []*client
	for _, a := range addrs {
		nc, err := net.Dial("tcp", a)
		if err != nil {
			t.Fatal(err)
		}
		c := over(t, nc)
		c.expect("220 hamburger.edu ESMTP glassmail\r\n")
		cs = append(cs, c)
	}
	cancel()
	for _, c := range cs {
		c.expect("421")
	}
	for range 2 {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	l, err := wire.OS{}.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(t.Context(), l); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []smtpd.Options{{}, {Name: "x"}, {Post: &office{}}, {Name: "x", Post: &office{}, Implicit: true}} {
		if _, err := smtpd.New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	s, err := smtpd.New(smtpd.Options{Name: "x", Post: &office{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("never served: %v", err)
	}
}

func TestConnectionLimit(t *testing.T) {
	r := serve(t, func(o *smtpd.Options) { o.Limits.PerAddr = 2 })
	a, b := r.greeted(t), r.greeted(t)
	c := r.dial(t)
	c.expect("421 hamburger.edu too many connections")
	c.ended()
	a.say("QUIT", "221")
	a.ended()
	waitFor(t, func() bool {
		d, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return over(t, d).reply()[:3] == "220"
	})
	b.say("NOOP", "250")
}

// TestManyAtOnce: connections do not mix.
func TestManyAtOnce(t *testing.T) {
	r := serve(t, nil)
	var wg sync.WaitGroup
	for range 20 {
		c := r.greeted(t)
		wg.Go(func() {
			for range 10 {
				c.send("MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\ntext\r\n.\r\n")
				for _, want := range []string{"250", "250", "354", "250"} {
					line, err := c.r.ReadString('\n')
					if err != nil || line[:3] != want {
						t.Errorf("got %q and %v, want %s", line, err, want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, m := range r.messages() {
		seen[m.env.ID] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d messages", len(seen))
	}
}
