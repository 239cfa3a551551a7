package imapd

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"
)

func (c *client) startTLS(conf *tls.Config) {
	c.t.Helper()
	tc := tls.Client(c.Conn, conf)
	if err := tc.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.Conn, c.br = tc, bufio.NewReader(tc)
}

func TestStartTLS(t *testing.T) {
	s := newSite(t, func(o *Options) { o.PlainAuth = false })
	c := s.dial(t)
	contains(t, c.run("a CAPABILITY"), " STARTTLS LOGINDISABLED ID\n")
	c.do("b LOGIN bob secret", `^b NO \[PRIVACYREQUIRED\]`)
	// What is sent in plain text after STARTTLS is never a command.
	c.do("c STARTTLS now", `^c BAD STARTTLS stands alone`)
	c.send("c STARTTLS\r\n")
	c.want(`^c OK Begin TLS now$`)
	c.startTLS(s.pool)
	contains(t, c.run("d CAPABILITY"), " AUTH=PLAIN ID\n") // the first line after TLS: no second greeting
	c.do("e STARTTLS", `^e BAD TLS is on already`)
	c.do("f LOGIN bob secret", `^f OK`)
	c.do("g LOGOUT", `^\* BYE`, `^g OK`)
	c.eof()
}

func TestStartTLSInjection(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.send("a STARTTLS\r\nb LOGIN bob secret\r\n")
	c.want(`^a OK`)
	tc := tls.Client(c.Conn, s.pool)
	err := tc.Handshake()
	if err == nil { // the injected line fell away with the buffer
		c.Conn, c.br = tc, bufio.NewReader(tc)
		contains(t, c.run("c CAPABILITY"), "AUTH=PLAIN")
		c.do("d SELECT INBOX", `^d BAD`)
	}
}

func TestStartTLSRefused(t *testing.T) {
	s := newSite(t, func(o *Options) { o.TLS = nil })
	c := s.dial(t)
	c.do("a STARTTLS", `^a NO This server has no certificate`)
	c = newSite(t, nil).bob(t)
	c.do("a STARTTLS", `^a BAD STARTTLS comes before LOGIN`)
}

func TestHandshakeThatFails(t *testing.T) {
	s := newSite(t, nil)
	c := s.dial(t)
	c.do("a STARTTLS", `^a OK`)
	c.send("hello, is this a server?\r\n")
	for { // an alert, and the end
		if _, err := c.br.ReadByte(); err != nil {
			break
		}
	}
}

func TestSilentTLSClient(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Handshake = 20 * time.Millisecond })
	c, err := net.Dial("tcp", s.secure)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || isTimeout(err) {
		t.Fatalf("%d bytes, %v; want the end of the connection", n, err)
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

func TestImplicitTLS(t *testing.T) {
	s := newSite(t, func(o *Options) { o.PlainAuth = false })
	raw, err := tls.Dial("tcp", s.secure, s.pool)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := &client{t: t, Conn: raw, br: bufio.NewReader(raw)}
	c.want(`^\* OK \[CAPABILITY .*AUTH=PLAIN ID\] hamburger.edu ready$`)
	c.do("a LOGIN bob secret", `^a OK`)
	c.do("b SELECT INBOX", `EXISTS`)
}

func TestServeTLSWithoutCertificate(t *testing.T) {
	s := newSite(t, func(o *Options) { o.TLS = nil })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.server.ServeTLS(context.Background(), ln); err == nil {
		t.Error("no error")
	}
}

// pin talks to go-imap without a front.
func pin(t *testing.T) *client {
	t.Helper()
	s := newSite(t, nil)
	e := startEngine(&imapserver.Options{
		InsecureAuth: true,
		Caps:         capabilities(),
		Logger:       libraryLog{s.server},
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			f := newFront(s.server, nil, nil, false)
			f.ctx, f.login = t.Context(), &loginLimit{done: make(chan struct{})}
			return newSession(s.server, f, c), &imapserver.GreetingData{}, nil
		},
	})
	t.Cleanup(e.close)
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close() })
	a.SetDeadline(time.Now().Add(10 * time.Second))
	e.conns <- b
	return &client{t: t, Conn: a, br: bufio.NewReader(a)}
}

// The strings of the library that a front looks for.
func TestLibraryStrings(t *testing.T) {
	c := pin(t)
	c.want(`^\* OK \[CAPABILITY IMAP4rev2 IMAP4rev1 .*\] ` + libGreeting + `$`)
	c.send("a AUTHENTICATE PLAIN\r\n")
	if l := c.line(); l+"\r\n" != libChallenge {
		t.Errorf("empty challenge: %q", l)
	}
	c.do("*", `^a BAD`)
	c.do("b AUTHENTICATE PLAIN !", `^b NO \[SERVERBUG\] Internal server error$`)
	if libCannotRead != "NO [SERVERBUG] Internal server error" {
		t.Error(libCannotRead)
	}
	c.do("c LOGOUT", `^\* BYE `, `^c OK`)
}
