package tools

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"glassmail/mail"
)

// delivery is a letter on its way to a server.
type delivery struct {
	letter
	server   string // host:port
	ehlo     string // "" for this machine's address
	tls      string // one of tlsModes
	trust    *tls.Config
	user     string // "" for no AUTH
	password string
	bdat     bool
	timeout  time.Duration // for each turn
}

// tlsModes are the values of --tls.
var tlsModes = [...]string{"no", "opportunistic", "require", "implicit"}

// run carries the letter to the server. An error says what the server refused.
func (d *delivery) run(ctx context.Context, conn net.Conn, show func(string)) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	p := newPeer(conn, d.timeout, show)
	defer func() { p.conn.Close() }()
	err := d.converse(ctx, p)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (d *delivery) converse(ctx context.Context, p *peer) error {
	secure, err := d.open(ctx, p)
	if err == nil && d.user != "" {
		err = p.authenticate(d.user, d.password, secure)
	}
	if err == nil {
		err = d.transact(p)
	}
	var refused *mail.Reply
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, errMissing) {
		return err // the connection is of no use any more
	}
	if _, quit := p.command("QUIT"); err == nil && quit != nil {
		p.show("* " + quit.Error()) // the message is accepted in any case
	}
	return err
}

// errMissing is part of the errors about what the server does not offer.
var errMissing = errors.New("the server does not offer it")

// open greets the server and begins TLS as wanted; it reports whether TLS began.
func (d *delivery) open(ctx context.Context, p *peer) (bool, error) {
	secure := d.tls == "implicit"
	if secure {
		if err := d.beginTLS(ctx, p); err != nil {
			return false, err
		}
	}
	a, err := p.reply()
	if err != nil {
		return false, err
	}
	if a.code != 220 {
		return false, fmt.Errorf("the server takes no mail: %w", a.refusal())
	}
	name := d.ehlo
	if name == "" {
		name = literalOf(p.conn.LocalAddr())
	}
	if err := p.hello(name); err != nil {
		return false, err
	}
	_, offered := p.can["STARTTLS"]
	switch {
	case d.tls == "require" && !offered:
		return false, fmt.Errorf("STARTTLS, which --tls require needs: %w", errMissing)
	case secure, !offered, d.tls == "no":
		return secure, nil
	}
	if _, err := p.must("STARTTLS", 220); err != nil {
		return false, err
	}
	if p.r.Buffered() > 0 {
		return false, errors.New("the server sent something in the clear after its go-ahead for TLS")
	}
	p.show("* STARTTLS")
	if err := d.beginTLS(ctx, p); err != nil {
		return false, err
	}
	return true, p.hello(name) // RFC 3207 §4.2: what was learnt before is void
}

// beginTLS checks the certificate unless TLS is opportunistic.
func (d *delivery) beginTLS(ctx context.Context, p *peer) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	host, _, err := net.SplitHostPort(d.server)
	if err != nil {
		return fmt.Errorf("server %q: %w", d.server, err)
	}
	cfg := d.trust.Clone()
	cfg.ServerName = host
	cfg.InsecureSkipVerify = cfg.InsecureSkipVerify || d.tls == "opportunistic"
	tc := tls.Client(p.conn, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("begin TLS: %w", err)
	}
	p.use(tc)
	p.show("* " + describeTLS(tc.ConnectionState(), host))
	return nil
}

// transact sends envelope and message.
func (d *delivery) transact(p *peer) error {
	utf8, err := d.fit(p)
	if err != nil {
		return err
	}
	message, err := d.message(time.Now())
	if err != nil {
		return err
	}
	if _, ok := p.can["CHUNKING"]; d.bdat && !ok {
		return fmt.Errorf("CHUNKING, which --bdat needs: %w", errMissing)
	}
	line := "MAIL FROM:" + d.from.addr.Path()
	if _, ok := p.can["SIZE"]; ok { // RFC 1870 §3
		line += fmt.Sprintf(" SIZE=%d", len(message))
	}
	if utf8 { // RFC 6531 §3.4
		line += " SMTPUTF8"
	}
	if _, err := p.must(line, 250); err != nil {
		return err
	}
	refused, err := d.recipients(p)
	if err != nil {
		return err
	}
	if len(refused) == len(d.to) {
		return errors.Join(refused...)
	}
	send := p.data
	if d.bdat {
		send = p.bdat
	}
	a, err := send(message)
	if err == nil && a.code/100 != 2 {
		err = fmt.Errorf("the server refused the message: %w", a.refusal())
	}
	return errors.Join(append([]error{err}, refused...)...)
}

// recipients names the recipients and returns those that were refused.
func (d *delivery) recipients(p *peer) (refused []error, err error) {
	for _, to := range d.to {
		a, err := p.command("RCPT TO:" + to.addr.Path())
		if err != nil {
			return nil, err
		}
		if a.code/100 != 2 {
			refused = append(refused, fmt.Errorf("the server refused %s: %w", to.addr, a.refusal()))
		}
	}
	return refused, nil
}

// fit makes the addresses such that the server can take them, and reports whether
// they need SMTPUTF8. Without it, a domain beyond ASCII goes out in A-labels; a
// local part cannot (RFC 6531 §3.2).
func (d *delivery) fit(p *peer) (utf8 bool, err error) {
	if _, ok := p.can["SMTPUTF8"]; ok {
		for _, m := range append([]mailbox{d.from}, d.to...) {
			utf8 = utf8 || !m.addr.ASCII()
		}
		return utf8, nil
	}
	if err := toASCII(&d.from.addr); err != nil {
		return false, err
	}
	for i := range d.to {
		if err := toASCII(&d.to[i].addr); err != nil {
			return false, err
		}
	}
	return false, nil
}

func toASCII(a *mail.Address) error {
	if !a.IsNull() && a.Domain != "" {
		a.Domain = a.Route()
	}
	if !a.ASCII() {
		return fmt.Errorf("SMTPUTF8, which %s needs: %w", a, errMissing)
	}
	return nil
}

// literalOf is addr as a client without a name introduces itself (RFC 5321
// §4.1.3, §4.1.4).
func literalOf(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	switch ip := at.Addr().Unmap().WithZone(""); {
	case err != nil:
		return "localhost"
	case ip.Is4():
		return "[" + ip.String() + "]"
	default:
		return "[IPv6:" + strings.ToLower(ip.String()) + "]"
	}
}
