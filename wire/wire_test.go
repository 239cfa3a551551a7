package wire_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"glassmail/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is longer than anything here takes.
const patience = 30 * time.Second

// pair is the two ends of a connection over loopback.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func front(c net.Conn) *wire.Conn {
	return wire.NewConn(c, wire.Timeouts{Write: patience, Handshake: patience}, nil)
}

func TestReadLine(t *testing.T) {
	client, server := pair(t)
	f := front(server)
	go func() {
		for _, b := range []byte("HELO crepes.fr\r\n\n" + strings.Repeat("x", 100) + "\r\nNOOP\r\nend") {
			client.Write([]byte{b}) // one byte per segment
		}
		client.Close()
	}()
	for i, want := range []string{"HELO crepes.fr\r\n", "\n", "long", "NOOP\r\n"} {
		line, err := f.ReadLine(patience, true, 50)
		if want == "long" {
			if !errors.Is(err, wire.ErrLineLong) {
				t.Fatalf("line %d: %q, %v, want it too long", i, line, err)
			}
			if err := f.SkipLine(patience, 1000); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil || string(line) != want {
			t.Fatalf("line %d: %q, %v, want %q", i, line, err, want)
		}
	}
	if line, err := f.ReadLine(patience, true, 50); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line: %q, %v", line, err)
	}
}

func TestSkipLineHasALimit(t *testing.T) {
	client, server := pair(t)
	go client.Write([]byte(strings.Repeat("x", 10_000)))
	if err := front(server).SkipLine(patience, 5000); !errors.Is(err, wire.ErrLineLong) {
		t.Errorf("error %v", err)
	}
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	mu     sync.Mutex
	writes []string
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.writes = append(c.writes, string(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// Replies to pipelined commands leave in one write, when the reader runs dry.
func TestOneWritePerTurn(t *testing.T) {
	client, server := pair(t)
	counted := &countingConn{Conn: server}
	f := front(counted)
	client.Write([]byte("a\r\nb\r\nc\r\n"))
	for range 3 {
		if _, err := f.ReadLine(patience, true, 100); err != nil {
			t.Fatal(err)
		}
		f.Send([]byte("ok\r\n"))
	}
	go client.Write([]byte("d\r\n"))
	if _, err := f.ReadLine(patience, true, 100); err != nil {
		t.Fatal(err)
	}
	if len(counted.writes) != 1 || counted.writes[0] != "ok\r\nok\r\nok\r\n" {
		t.Errorf("writes %q, want one", counted.writes)
	}
}

// What is sent while a reader waits leaves at once, as IDLE needs.
func TestSendWhileReading(t *testing.T) {
	client, server := pair(t)
	f := front(server)
	done := make(chan error, 1)
	go func() { done <- f.Await(patience, true) }()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 100)
		n, _ := client.Read(b)
		got <- string(b[:n])
		client.Write([]byte("x"))
	}()
	f.Send([]byte("* 1 EXISTS\r\n"))
	f.Send(nil)
	if s := <-got; s != "* 1 EXISTS\r\n" {
		t.Errorf("the client got %q", s)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestMuchIsSentAtOnce(t *testing.T) {
	client, server := pair(t)
	f := front(server)
	go f.Send(make([]byte, 40<<10))
	if _, err := io.ReadFull(client, make([]byte, 40<<10)); err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	_, server := pair(t)
	if err := front(server).Await(time.Millisecond, true); !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("error %v, want ErrTimeout", err)
	}
}

// Stop ends a wait between commands, at once or when it comes to one; never one
// inside of a command.
func TestStop(t *testing.T) {
	client, server := pair(t)
	f := front(server)
	done := make(chan error, 1)
	go func() { done <- f.Await(patience, true) }()
	f.Stop()
	if err := <-done; !errors.Is(err, wire.ErrStopping) {
		t.Errorf("at rest: %v, want ErrStopping", err)
	}
	client.Write([]byte("x"))
	if err := f.Await(patience, false); err != nil {
		t.Errorf("inside of a command: %v", err)
	}
	if err := f.Await(patience, true); !errors.Is(err, wire.ErrStopping) {
		t.Errorf("with a command waiting: %v, want ErrStopping", err)
	}
}

func authority(t *testing.T) *wire.Authority {
	t.Helper()
	a, err := wire.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Nothing that was pipelined in plain text survives STARTTLS (RFC 3207 §4.2).
func TestStartTLS(t *testing.T) {
	a := authority(t)
	cert, err := a.Certificate(time.Now(), "hamburger.edu")
	if err != nil {
		t.Fatal(err)
	}
	client, server := pair(t)
	f := front(server)
	client.Write([]byte("STARTTLS\r\nRCPT TO:<injected>\r\n"))
	if line, err := f.ReadLine(patience, true, 100); err != nil || string(line) != "STARTTLS\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if f.Buffered() == 0 {
		t.Fatal("the second line has not come along")
	}
	f.Send([]byte("220 go\r\n"))
	errs := make(chan error, 1)
	go func() {
		if _, err := io.ReadFull(client, make([]byte, len("220 go\r\n"))); err != nil {
			errs <- err
			return
		}
		c := tls.Client(client, &tls.Config{RootCAs: a.Pool(), ServerName: "hamburger.edu"})
		_, err := c.Write([]byte("NOOP\r\n"))
		errs <- err
	}()
	if err := f.StartTLS(wire.ServerTLS(cert)); err != nil {
		t.Fatal(err)
	}
	if line, err := f.ReadLine(patience, true, 100); err != nil || string(line) != "NOOP\r\n" {
		t.Errorf("after TLS: %q, %v", line, err)
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
	if f.TLS() == "" {
		t.Error("TLS() says nothing")
	}
}

func TestAuthorityIsKept(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	a, err := wire.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Certificate(now, "hamburger.edu", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what  string
		now   time.Time
		names []string
		same  bool
	}{
		{"a day later", now.Add(24 * time.Hour), []string{"hamburger.edu", "127.0.0.1"}, true},
		{"with another name", now, []string{"hamburger.edu", "localhost"}, false},
		{"near its end", now.Add(380 * 24 * time.Hour), []string{"hamburger.edu", "localhost"}, false},
	} {
		got, err := b.Certificate(c.now, c.names...)
		if err != nil {
			t.Fatal(err)
		}
		if same := string(got.Certificate[0]) == string(first.Certificate[0]); same != c.same {
			t.Errorf("%s the certificate is the same: %v, want %v", c.what, same, c.same)
		}
	}
	for _, f := range []string{"ca-key.pem", "hamburger.edu-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, mode %v", f, err, info.Mode())
		}
	}
}

// What is lost of an authority decides what becomes of it.
func TestAuthorityIsDamaged(t *testing.T) {
	now := time.Now()
	blank := []byte{0, 0, 0}
	for _, c := range []struct {
		name      string
		cert, key []byte // nil: as it was; gone: removed
		want      string // "same", "new", or a part of the error
	}{
		{"whole", nil, nil, "same"},
		{"both empty", []byte{}, blank, "new"},
		{"no key, empty certificate", blank, []byte("gone"), "new"},
		{"certificate is gone", []byte("gone"), nil, "certified again"},
		{"certificate is empty", []byte{}, nil, "certified again"},
		{"certificate is junk", []byte("junk"), nil, "certified again"},
		{"certificate is half", []byte("half"), nil, "certified again"},
		{"key is gone", nil, []byte("gone"), "is missing"},
		{"key is empty", nil, blank, "is empty"},
		{"key is junk", nil, []byte("junk"), "no whole PEM block"},
		{"key is half", nil, []byte("half"), "no whole PEM block"},
		{"key of another", nil, otherKey(t), "it is not the key of ca.pem"},
		{"both junk", []byte("junk"), []byte("junk"), "remove both files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			a, err := wire.OpenAuthority(dir, now)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, "ca.pem"), c.cert)
			damage(t, filepath.Join(dir, "ca-key.pem"), c.key)
			b, err := wire.OpenAuthority(dir, now)
			if c.want == "same" || c.want == "new" || c.want == "certified again" {
				if err != nil {
					t.Fatal(err)
				}
				trusted := trusts(t, a, b, now)
				if trusted == (c.want == "new") || (len(b.Notes()) == 0) != (c.want == "same") {
					t.Errorf("who trusts the old authority trusts the new one: %v", trusted)
				}
				if again, err := wire.OpenAuthority(dir, now); err != nil || !trusts(t, b, again, now) || len(again.Notes()) > 0 {
					t.Errorf("the next start: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "remove both files") {
				t.Fatalf("error %v, want %q and the way to mend it", err, c.want)
			}
			for _, f := range []string{"ca.pem", "ca-key.pem"} { // as the error says
				os.Remove(filepath.Join(dir, f))
			}
			if _, err := wire.OpenAuthority(dir, now); err != nil {
				t.Errorf("with both files removed: %v", err)
			}
		})
	}
}

// damage does to a file what a case of the table says.
func damage(t *testing.T, file string, with []byte) {
	t.Helper()
	old, err := os.ReadFile(file)
	switch {
	case with == nil || err != nil:
	case string(with) == "gone":
		err = os.Remove(file)
	case string(with) == "half":
		err = os.WriteFile(file, old[:len(old)/2], 0o600)
	default:
		err = os.WriteFile(file, with, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	if _, err := wire.OpenAuthority(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// trusts reports whether who trusts a takes a certificate that b made.
func trusts(t *testing.T, a, b *wire.Authority, now time.Time) bool {
	t.Helper()
	c, err := b.Certificate(now, "mail.hamburger.edu")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: "mail.hamburger.edu", CurrentTime: now})
	return err == nil
}

func TestManualClock(t *testing.T) {
	m := wire.NewManual(time.Unix(1000, 0))
	c, stop := m.After(time.Minute)
	never, stopNever := m.After(time.Second)
	stopNever()
	stopNever()
	now, _ := m.After(0)
	<-now
	m.Advance(59 * time.Second)
	select {
	case <-c:
		t.Error("rang early")
	case <-never:
		t.Error("a stopped timer rang")
	default:
	}
	m.Advance(time.Second)
	if at := <-c; !at.Equal(time.Unix(1060, 0)) || !m.Now().Equal(at) {
		t.Errorf("rang at %v", at)
	}
	stop()
	go m.After(time.Hour)
	m.Sleepers(1)
}

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
