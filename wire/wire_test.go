package wire_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
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
