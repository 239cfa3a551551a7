package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/wire"
)

// listen serves echoing handlers that stop when told.
func listen(t *testing.T, limits wire.Limits) (*wire.Listener, chan error) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := wire.NewListener(inner, wire.System{}, limits, func(c net.Conn) { io.WriteString(c, "421 full\r\n") })
	done := make(chan error, 1)
	go func() { done <- l.Serve(func(c net.Conn) { io.Copy(c, c) }) }()
	return l, done
}

func dial(t *testing.T, l *wire.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestListenerLimits(t *testing.T) {
	for name, limits := range map[string]wire.Limits{"total": {Total: 2}, "per address": {PerAddr: 2}} {
		l, done := listen(t, limits)
		first, second := dial(t, l), dial(t, l)
		for _, c := range []net.Conn{first, second} {
			io.WriteString(c, "x")
			io.ReadFull(c, make([]byte, 1)) // it is being served
		}
		got, err := io.ReadAll(dial(t, l))
		if err != nil || string(got) != "421 full\r\n" {
			t.Errorf("%s: the third got %q, %v", name, got, err)
		}
		first.Close()
		for l.Connections() > 1 {
			time.Sleep(time.Millisecond)
		}
		fourth := dial(t, l)
		io.WriteString(fourth, "y")
		if _, err := io.ReadFull(fourth, make([]byte, 1)); err != nil {
			t.Errorf("%s: after one left: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if end := l.Shutdown(ctx); end != (wire.Ended{Cut: 2}) {
			t.Errorf("%s: %+v, want 2 cut", name, end)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: Serve: %v", name, err)
		}
	}
}

// A handler that heeds nothing is given up, and how many there were is told.
func TestShutdownGivesUp(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clock := wire.NewManual(time.Unix(0, 0))
	l := wire.NewListener(inner, clock, wire.Limits{}, nil)
	busy, enough := make(chan struct{}), make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- l.Serve(func(net.Conn) {
			busy <- struct{}{}
			<-enough
		})
	}()
	dial(t, l)
	<-busy
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan wire.Ended)
	go func() { ended <- l.Shutdown(ctx) }()
	clock.Sleepers(1)
	clock.Advance(time.Second)
	if end := <-ended; end != (wire.Ended{Cut: 1, Left: 1}) {
		t.Errorf("%+v", end)
	}
	close(enough)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if end := l.Shutdown(t.Context()); end != (wire.Ended{}) { // the handler has come to its end
		t.Errorf("afterwards: %+v", end)
	}
}

// A listener that waits out an error ends at once when it is closed.
func TestCloseEndsThePause(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clock := wire.NewManual(time.Unix(0, 0))
	l := wire.NewListener(&flakyListener{Listener: inner, left: 1 << 30}, clock, wire.Limits{}, nil)
	served := make(chan error, 1)
	go func() { served <- l.Serve(func(net.Conn) {}) }()
	clock.Sleepers(1)
	l.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// flakyListener fails some times before it accepts.
type flakyListener struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (f *flakyListener) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		f.left--
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

// Accept errors are waited out, with pauses.
func TestAcceptErrors(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	clock := wire.NewManual(time.Unix(0, 0))
	l := wire.NewListener(&flakyListener{Listener: inner, left: 3}, clock, wire.Limits{}, nil)
	done := make(chan error, 1)
	go func() { done <- l.Serve(func(c net.Conn) { io.WriteString(c, "hello") }) }()
	for _, pause := range []time.Duration{5, 10, 20} {
		clock.Sleepers(1)
		clock.Advance(pause * time.Millisecond)
	}
	if got, err := io.ReadAll(dial(t, l)); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	l.Shutdown(t.Context())
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestListenErrorsSayHowToMend(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	_, err = wire.OS{}.Listen(t.Context(), addr)
	if err == nil {
		t.Fatal("a port was given out twice")
	}
	if got := wire.ListenError("smtp", addr, "--smtp", err).Error(); !strings.Contains(got, "another program holds that port") || !strings.Contains(got, "--smtp") {
		t.Errorf("the error says %q", got)
	}
}
