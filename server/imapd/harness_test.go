package imapd

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/store"
	"glassmail/store/bolt"
	"glassmail/store/memory"
	"glassmail/trace"
	"glassmail/wire"
)

const bob = "bob@hamburger.edu"

// node is a Backend with one account, bob with the password secret. Its store is
// in memory; IMAPD_TEST_STORE=bolt runs the tests on the default engine.
type node struct {
	store.Store
	noRecords bool
}

func newNode(t testing.TB) *node {
	n := &node{Store: memory.New(nil)}
	if os.Getenv("IMAPD_TEST_STORE") == "bolt" {
		b, err := bolt.Open(t.TempDir(), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n.Store = b
	}
	t.Cleanup(func() {
		if err := n.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := n.PutAccount(t.Context(), mailbox.Account{Address: bob}, true); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) Login(_ context.Context, user, password string, _ netip.AddrPort) (string, error) {
	switch {
	case user == "broken":
		return "", fmt.Errorf("the disk is on fire")
	case user != "bob" && user != bob || password != "secret":
		return "", mailbox.ErrNotFound
	}
	return bob, nil
}

func (n *node) Append(ctx context.Context, d mailbox.Deposit, size int64, text io.Reader) (mailbox.Placed, error) {
	st, err := n.Stage(ctx, size)
	if err != nil {
		return mailbox.Placed{}, err
	}
	defer st.Discard()
	if _, err := io.Copy(st, text); err != nil {
		return mailbox.Placed{}, err
	}
	var record []byte
	if !n.noRecords {
		rec, err := mailbox.Scan(st, st.Size())
		if err != nil {
			return mailbox.Placed{}, err
		}
		record = rec.Marshal()
	}
	p, err := n.Accept(ctx, st, store.Acceptance{Deposits: []mailbox.Deposit{d}, Record: record, Wait: true})
	if err != nil {
		return mailbox.Placed{}, err
	}
	return p[0], nil
}

// deliver puts a message into bob's INBOX, past IMAP.
func (n *node) deliver(t testing.TB, text string) mailbox.Placed {
	t.Helper()
	return n.deliverTo(t, mailbox.Inbox, text)
}

func (n *node) deliverTo(t testing.TB, folder, text string) mailbox.Placed {
	t.Helper()
	f, err := n.Folder(context.Background(), bob, folder)
	if err != nil {
		t.Fatal(err)
	}
	d := mailbox.Deposit{User: bob, Folder: f.ID, Date: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	p, err := n.Append(context.Background(), d, int64(len(text)), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site is a running server.
type site struct {
	*node
	server *Server
	addr   string
	secure string // address of ServeTLS, if Options.TLS
	pool   *tls.Config
	log    *trace.Log
}

type clockHost struct {
	wire.OS
	clock wire.Clock
}

func (h clockHost) Clock() wire.Clock { return h.clock }

func newSite(t testing.TB, tune func(*Options)) *site {
	t.Helper()
	s := &site{node: newNode(t)}
	s.log = trace.NewLog(10000, time.Now)
	a, err := wire.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Certificate(time.Now(), "localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s.pool = &tls.Config{RootCAs: a.Pool(), ServerName: "localhost"}
	o := Options{
		Name: "hamburger.edu", Host: wire.OS{}, Backend: s.node, Trace: s.log,
		TLS: wire.ServerTLS(cert), PlainAuth: true, Delay: time.Nanosecond,
	}
	if tune != nil {
		tune(&o)
	}
	if s.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.addr = s.serve(t, s.server.Serve)
	if o.TLS != nil {
		s.secure = s.serve(t, s.server.ServeTLS)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if n := s.server.Shutdown(ctx); n != 0 {
			t.Errorf("%d connections had to be cut", n)
		}
	})
	return s
}

func (s *site) serve(t testing.TB, serve func(context.Context, net.Listener) error) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- serve(context.Background(), ln) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// client speaks byte for byte.
type client struct {
	t testing.TB
	net.Conn
	br *bufio.Reader
}

func (s *site) dial(t testing.TB) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	cl := &client{t: t, Conn: c, br: bufio.NewReader(c)}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { c.Close() })
	cl.want(`^\* OK \[CAPABILITY IMAP4rev2 IMAP4rev1 .*ID\] hamburger.edu ready$`)
	return cl
}

// bob is a client that has logged in.
func (s *site) bob(t testing.TB) *client {
	t.Helper()
	c := s.dial(t)
	c.do("l LOGIN bob secret", `^l OK `)
	return c
}

// inbox has selected INBOX as well.
func (s *site) inbox(t testing.TB) *client {
	t.Helper()
	c := s.bob(t)
	c.run("s SELECT INBOX")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line, without its end.
func (c *client) line() string {
	c.t.Helper()
	l, err := c.br.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", l, err)
	}
	if !strings.HasSuffix(l, "\r\n") {
		c.t.Errorf("line end of %q", l)
	}
	return strings.TrimSuffix(l, "\r\n")
}

// want reads lines that match patterns, one each.
func (c *client) want(patterns ...string) {
	c.t.Helper()
	for _, p := range patterns {
		if l := c.line(); !regexp.MustCompile(p).MatchString(l) {
			c.t.Fatalf("got  %s\nwant %s", l, p)
		}
	}
}

// do sends a command and reads what shall come.
func (c *client) do(command string, patterns ...string) {
	c.t.Helper()
	c.send(command + "\r\n")
	c.want(patterns...)
}

// run sends a command and returns everything up to the line with its tag, which
// must say OK.
func (c *client) run(command string) string {
	c.t.Helper()
	got := c.try(command)
	if !strings.Contains(got[strings.LastIndexByte(got[:len(got)-1], '\n')+1:], " OK ") {
		c.t.Fatalf("%s\n%s", command, got)
	}
	return got
}

// try is run for a command that may be refused.
func (c *client) try(command string) string {
	c.t.Helper()
	tag, _, _ := strings.Cut(command, " ")
	c.send(command + "\r\n")
	var b strings.Builder
	for {
		l := c.line()
		b.WriteString(l + "\n")
		if strings.HasPrefix(l, tag+" ") {
			return b.String()
		}
	}
}

// eof expects the end of the connection.
func (c *client) eof() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.br); err != nil || len(rest) > 0 {
		c.t.Fatalf("after the end: %q, %v", rest, err)
	}
}

func contains(t testing.TB, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("no %q in\n%s", p, got)
		}
	}
}

// transcript is all lines of dialogue so far.
func (s *site) transcript() string {
	var b strings.Builder
	for _, e := range s.log.Since(0) {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
