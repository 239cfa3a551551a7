package smtpd_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
)

// message is what a post has accepted.
type message struct {
	env  mail.Envelope
	text string
}

// office is a Post that keeps everything it accepts. bob@hamburger.edu is known
// there, nobody@hamburger.edu is not; carol's mailbox is full, and dave's makes
// trouble.
type office struct {
	mu      sync.Mutex
	got     []message
	aborted []error
	early   error         // Accept refuses before it reads
	hold    chan struct{} // Accept waits for it before it reads on
	reading chan struct{} // told when Accept begins
}

func (o *office) Login(_ context.Context, _ mail.Peer, user, password string) (mail.Address, error) {
	if user == "alice" && password == "sesame" {
		return mail.Address{Local: "alice", Domain: "crepes.fr"}, nil
	}
	if user == "dave" {
		return mail.Address{}, errors.New("the disk of dave is on fire")
	}
	return mail.Address{}, mail.NewReply(535, mail.Enhanced{5, 7, 8}, "User name or password is wrong")
}

func (o *office) Sender(_ context.Context, _ mail.Peer, from mail.Address) error {
	switch from.Local {
	case "mallory":
		return mail.NewReply(550, mail.Enhanced{5, 7, 1}, "Not you")
	case "dave":
		return errors.New("the disk of dave is on fire")
	case "panic":
		panic("a fault of the post")
	}
	return nil
}

func (o *office) Recipient(_ context.Context, _ *mail.Envelope, to mail.Address) error {
	switch to.Local {
	case "nobody":
		return mail.NewReply(550, mail.Enhanced{5, 1, 1}, "There is no %s here", to)
	case "carol":
		return fmt.Errorf("looking up carol: %w", mail.NewReply(452, mail.Enhanced{4, 2, 2}, "The mailbox is full"))
	case "dave":
		return errors.New("the disk of dave is on fire")
	}
	return nil
}

func (o *office) Accept(ctx context.Context, env *mail.Envelope, text io.Reader) (string, error) {
	if o.early != nil {
		return "", o.early
	}
	if o.reading != nil {
		o.reading <- struct{}{}
	}
	b, err := io.ReadAll(text)
	if o.hold != nil {
		select {
		case <-o.hold:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.aborted = append(o.aborted, err)
		return "", fmt.Errorf("staging: %w", err)
	}
	o.got = append(o.got, message{*env, string(b)})
	return env.ID, nil
}

func (o *office) messages() []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]message(nil), o.got...)
}

func (o *office) aborts() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]error(nil), o.aborted...)
}

// rig is a server on a loopback port.
type rig struct {
	*office
	srv  *smtpd.Server
	addr string
	log  *trace.Log
	ca   *wire.Authority
}

// serve starts hamburger.edu with options changed by set, and stops it at the end
// of the test.
func serve(t testing.TB, set func(*smtpd.Options)) *rig {
	t.Helper()
	r := &rig{office: &office{}, log: trace.NewLog(10000, time.Now)}
	o := smtpd.Options{Name: "hamburger.edu", Post: r.office, Trace: r.log, Wording: smtpd.Lecture()}
	if set != nil {
		set(&o)
	}
	srv, err := smtpd.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.srv = srv
	l, err := wire.OS{}.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return r
}

// withTLS gives the server a certificate.
func withTLS(t testing.TB, ca **wire.Authority, o *smtpd.Options) {
	t.Helper()
	a, err := wire.OpenAuthority(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Certificate(time.Now(), "hamburger.edu", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	*ca, o.TLS = a, wire.ServerTLS(cert)
}

func trusting(ca *wire.Authority) *tls.Config {
	return &tls.Config{RootCAs: ca.Pool(), ServerName: "hamburger.edu"}
}

// client is one connection to the server. A reply that does not come fails the
// test after a while.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (r *rig) dial(t testing.TB) *client {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	return over(t, c)
}

// greeted dials and says EHLO.
func (r *rig) greeted(t testing.TB) *client {
	t.Helper()
	c := r.dial(t)
	c.expect("220")
	c.say("EHLO crepes.fr", "250")
	return c
}

func over(t testing.TB, c net.Conn) *client {
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, c, bufio.NewReader(c)}
}

// reply reads a whole reply.
func (c *client) reply() string {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			c.t.Fatalf("after %q: %v", b.String(), err)
		}
		if len(line) < 4 || line[3] != '-' {
			return b.String()
		}
	}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads a reply that begins with want.
func (c *client) expect(want string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("got %q, want %q", got, want)
	}
	return got
}

// say sends a line and reads a reply that begins with want.
func (c *client) say(line, want string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	got := c.reply()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("%s: got %q, want %q", line, got, want)
	}
	return got
}

// ended expects that nothing more comes.
func (c *client) ended() {
	c.t.Helper()
	if b, err := io.ReadAll(c.r); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") || len(b) > 0 {
		c.t.Fatalf("got %q and %v, want the end of the connection", b, err)
	}
}

// pem is the certificate of the server's authority.
func (r *rig) pem(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.ca.Dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
