package queue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/trace"
	"glassmail/wire"
)

// TLSPolicy says when a relay encrypts.
type TLSPolicy uint8

// Policies. A message with REQUIRETLS is treated as under Always.
const (
	Opportunistic TLSPolicy = iota // where it is offered, without a look at the certificate (RFC 7435)
	Never                          // not at all
	Always                         // or do not send: the certificate must be valid for the host's name
)

// errHandshake says that TLS could not be agreed upon after STARTTLS. The
// connection is lost; without TLS another one may do.
var errHandshake = errors.New("the TLS handshake failed")

// session is a connection to a mail host that waits for MAIL.
type session struct {
	host   string // as its MX record names it
	conn   *clientConn
	client *smtp.Client
	ext    map[string]string // what EHLO offered: keyword in upper case, parameters
	tls    bool              // encrypted, and the certificate is valid for host
	used   int               // messages that were tried over it
	until  time.Time         // until when it is kept for the next message
	dirty  bool              // a transaction was begun and not ended: RSET first
}

// via is a connection to another server, as a log names it; empty is none.
type via struct {
	relay string // host[address]:port
	tls   string // version and cipher, "" in plain text
}

// via is how the log names the session.
func (s *session) via() via {
	v := via{relay: s.host}
	if at := wire.AddrPort(s.conn.raw.RemoteAddr()); at.IsValid() {
		v.relay = fmt.Sprintf("%s[%s]:%d", s.host, at.Addr(), at.Port())
	}
	if t, ok := s.conn.peer.(*tls.Conn); ok {
		v.tls = wire.TLSInfo(t.ConnectionState())
	}
	return v
}

// has reports whether the server offered an extension.
func (s *session) has(keyword string) bool {
	_, ok := s.ext[keyword]
	return ok
}

// number is the parameter of an extension as a number, 0 if it has none.
func (s *session) number(keyword string) int64 {
	n, err := strconv.ParseInt(s.ext[keyword], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// usable reports whether the connection can take another command.
func (s *session) usable() bool { return s.conn.failed == nil && s.conn.last.Code != 421 }

// connect opens a session with one address of a host. If TLS fails where it need
// not be, it tries again without. An error is a *mail.Reply: of the host, or our
// words for why there was none.
func (r *Runner) connect(ctx context.Context, m mx, ip netip.Addr, policy TLSPolicy) (*session, error) {
	s, err := r.open(ctx, m, ip, policy)
	if errors.Is(err, errHandshake) {
		if policy == Always {
			return nil, mail.NewReply(454, mail.Enhanced{4, 7, 5}, "TLS with %s failed, and the message must not go without", m.host)
		}
		s, err = r.open(ctx, m, ip, Never)
	}
	if err == nil {
		return s, nil
	}
	var rep *mail.Reply
	if errors.As(err, &rep) {
		return nil, rep
	}
	return nil, mail.NewReply(421, mail.Enhanced{4, 4, 1}, "No connection to %s [%s]: %s", m.host, ip, cause(err))
}

// open dials once and brings the session to the point where MAIL may come.
func (r *Runner) open(ctx context.Context, m mx, ip netip.Addr, policy TLSPolicy) (*session, error) {
	dctx, cancel := context.WithTimeout(ctx, r.o.Timeouts.Connect)
	defer cancel()
	raw, err := r.o.Host.Dial(dctx, "tcp", netip.AddrPortFrom(ip, r.o.Port).String())
	if err != nil {
		return nil, err
	}
	log := r.o.Trace.Dialled(r.o.Name, trace.SMTP, raw.LocalAddr().String(), raw.RemoteAddr().String(), m.host)
	log.Note(fmt.Sprintf("connected to %s [%s] port %d", m.host, ip, r.o.Port))
	c := newConn(wire.Pausable(raw, r.o.Interceptor), log, r.o.Timeouts.Block)
	c.guard(r.o.Interceptor)
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	s := &session{host: m.host, conn: c}
	if err := r.greet(ctx, s, policy); err != nil {
		_ = c.close(err.Error())
		return nil, err
	}
	return s, nil
}

// greet waits for the greeting, says EHLO or HELO, and turns TLS on.
func (r *Runner) greet(ctx context.Context, s *session, policy TLSPolicy) error {
	s.conn.wait = r.o.Timeouts.Greet
	rep, err := s.conn.reply()
	if err != nil {
		return err
	}
	if rep.Code != 220 {
		return unexpected(rep)
	}
	if err := r.hello(s); err != nil {
		return err
	}
	if policy != Never && s.has("STARTTLS") {
		if err := r.startTLS(ctx, s); err != nil {
			return err
		}
	}
	if policy == Always && !s.tls {
		return mail.NewReply(550, mail.Enhanced{5, 7, 10}, "%s offers no TLS with a certificate that is valid for its name", s.host)
	}
	return nil
}

// hello puts go-smtp's client on the connection and lets it say EHLO, or HELO to a
// server that does not know that (RFC 5321 §3.2). What the client takes for the
// greeting is the server's newest 220: to the connection, or to STARTTLS.
func (r *Runner) hello(s *session) error {
	s.conn.again()
	s.client = smtp.NewClient(s.conn)
	return r.ehlo(s)
}

// ehlo says EHLO, at the beginning and after RSET.
func (r *Runner) ehlo(s *session) error {
	s.conn.wait = r.o.Timeouts.Command
	if err := s.client.Hello(r.o.Name); err != nil {
		if s.conn.failed != nil {
			return s.conn.failed
		}
		return unexpected(s.conn.last)
	}
	s.ext = map[string]string{}
	for _, k := range []string{"STARTTLS", "8BITMIME", "SIZE", "SMTPUTF8", "DSN", "REQUIRETLS", "LIMITS"} {
		if ok, param := s.client.Extension(k); ok {
			s.ext[k] = param
		}
	}
	return nil
}

// startTLS encrypts, if the server agrees, and says EHLO again (RFC 3207 §4.2).
func (r *Runner) startTLS(ctx context.Context, s *session) error {
	rep, err := s.conn.command(r.o.Timeouts.Command, "STARTTLS")
	if err != nil {
		return err
	}
	if rep.Code != 220 {
		s.conn.log.Note("the server offered STARTTLS and refused it: going on in plain text")
		return nil
	}
	if s.conn.in.Buffered() > 0 { // text that a third party could have put there
		return fmt.Errorf("%w: there was plain text behind the reply to STARTTLS", errHandshake)
	}
	conf, verdict := r.tlsConfig(s.host)
	t := tls.Client(s.conn.raw, conf)
	hctx, cancel := context.WithTimeout(ctx, r.o.Timeouts.TLS)
	defer cancel()
	if err := t.HandshakeContext(hctx); err != nil {
		s.conn.log.Note("the TLS handshake failed: " + printable(err.Error()))
		return fmt.Errorf("%w: %w", errHandshake, err)
	}
	s.conn.secure(t)
	s.tls = *verdict == nil
	s.conn.log.Note(tlsNote(t.ConnectionState(), *verdict))
	return r.hello(s)
}

// tlsConfig accepts every certificate; whether it is valid for host is told in
// the verdict, so that an opportunistic connection can show it, and go on.
func (r *Runner) tlsConfig(host string) (*tls.Config, *error) {
	conf := &tls.Config{}
	if r.o.TLSConfig != nil {
		conf = r.o.TLSConfig.Clone()
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	conf.InsecureSkipVerify = true // replaced by VerifyConnection
	if !strings.HasPrefix(host, "[") {
		conf.ServerName = host
	}
	roots := conf.RootCAs
	var verdict error
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		verdict = verify(cs, host, roots, r.o.Host.Clock().Now())
		return nil
	}
	return conf, &verdict
}

// verify checks the certificate chain and the host's name (RFC 8689 §4.2.1, RFC
// 6125).
func verify(cs tls.ConnectionState, host string, roots *x509.CertPool, now time.Time) error {
	opts := x509.VerifyOptions{
		Roots: roots, DNSName: strings.Replace(host, "IPv6:", "", 1),
		CurrentTime: now, Intermediates: x509.NewCertPool(),
	}
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	for _, c := range cs.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(opts)
	return err
}

func tlsNote(cs tls.ConnectionState, verdict error) string {
	s := fmt.Sprintf("encrypted with %s, %s; the certificate is ", tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite))
	if verdict == nil {
		return s + "valid for the host's name"
	}
	return s + "not verified: " + printable(verdict.Error())
}

// unexpected is a reply of the wrong kind as an error: a success where it makes no
// sense counts as a failure for now.
func unexpected(rep reply) *mail.Reply {
	if rep.Code >= 400 {
		r := rep.Reply
		return &r
	}
	return mail.NewReply(451, mail.Enhanced{4, 5, 0}, "The server answered out of turn: %s", rep.Error())
}

// cause says in a few words why there is no connection, without what only
// concerns this machine.
func cause(err error) string {
	var timeout net.Error
	text := err.Error()
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case strings.Contains(text, "refused"):
		return "the connection was refused; no mail server is running there"
	case strings.Contains(text, "unreachable"), strings.Contains(text, "no route"):
		return "there is no way to that address"
	case errors.Is(err, errLongReply), errors.Is(err, errBadReply):
		return text
	case errors.Is(err, context.Canceled):
		return "this server is stopping"
	}
	return "the connection broke"
}
