package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"glassmail/auth"
	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/queue"
	"glassmail/store"
	"glassmail/trace"
	"glassmail/wire"
)

// backend is the policy of the node: it knows who may send and receive, and it
// takes responsibility for messages. Its Accept holds the named instant at which
// that happens.
type backend struct {
	name    string
	dir     *directory
	store   store.Store
	verify  *auth.Verifier
	guesses *auth.Attempts // nil: nobody counts
	trace   *trace.Log
	clock   wire.Clock
	buffers sync.Pool // of *[]byte, for headers
	open    bool      // users of the node may send without logging in: the lab only
	anyFrom bool      // users may write anything into From
}

// Login checks a user name and password. A refusal is a *mail.Reply.
func (p *backend) Login(ctx context.Context, peer mail.Peer, user, password string) (mail.Address, error) {
	account, err := p.login(ctx, peer, user, password)
	if err != nil {
		return mail.Address{}, err
	}
	return mail.ParseAddress(account, true)
}

// login returns the address of the account, for all services, and tells the trace how
// it went.
func (p *backend) login(ctx context.Context, peer mail.Peer, user, password string) (string, error) {
	account, err := p.check(ctx, peer.Addr.Addr(), user, password)
	p.tellLogin(peer, user, account, err)
	return account, err
}

// check returns the address of the account. A client that failed too often is
// refused for a while, whatever its password (RFC 4954 §6).
func (p *backend) check(ctx context.Context, peer netip.Addr, user, password string) (string, error) {
	a, err := p.dir.account(ctx, user)
	if err != nil && !errors.Is(err, mailbox.ErrNotFound) {
		return "", err
	}
	try, err := p.guesses.Begin(ctx, peer, p.dir.counted(user))
	if err != nil {
		return "", notNow(err)
	}
	defer try.Cancel() // what ends in trouble of ours, or with the client, is no failure
	ok, err := p.verify.Check(ctx, peer, a.Password, password)
	if err != nil {
		return "", notNow(fmt.Errorf("checking the password of %s: %w", a.Address, err))
	}
	if !ok {
		try.Failed()
		return "", mail.NewReply(535, mail.Enhanced{5, 7, 8}, "User name or password is wrong") // RFC 4954 §6
	}
	if now, err := p.dir.account(ctx, user); err != nil || now.Password != a.Password { // it was changed while this waited for its turn
		return "", mail.NewReply(454, mail.Enhanced{4, 7, 0}, "The account has changed meanwhile; try again")
	}
	try.Succeeded()
	return a.Address, nil
}

// notNow is the reply to a login whose password was not looked at: there were too many
// (RFC 4954 §6). Other errors stay what they are.
func notNow(err error) error {
	var many *auth.TooMany
	switch {
	case errors.As(err, &many):
		return mail.NewReply(454, mail.Enhanced{4, 7, 0}, "Too many failed logins; try again in %d minutes", int(many.Wait/time.Minute)+1)
	case errors.Is(err, auth.ErrBusy):
		return mail.NewReply(454, mail.Enhanced{4, 7, 0}, "Too many logins at this time; try again")
	}
	return err
}

// Sender says whether the client may use a reverse-path.
func (p *backend) Sender(ctx context.Context, peer mail.Peer, from mail.Address) error {
	if peer.User.IsNull() {
		return nil
	}
	ok, err := p.dir.maySend(ctx, mailbox.Canonical(peer.User), from)
	if err == nil && !ok {
		return mail.NewReply(550, mail.Enhanced{5, 7, 1}, "%s may not send as %s", peer.User, from) // RFC 6409 §6.1
	}
	return err
}

// Recipient says whether the client may send to an address.
func (p *backend) Recipient(ctx context.Context, env *mail.Envelope, to mail.Address) error {
	if !p.dir.serves(to) {
		return p.mayRelay(ctx, env, to)
	}
	targets, err := p.dir.resolve(ctx, to)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if !t.limited {
			continue
		}
		if err := p.hasRoom(ctx, t.account, env.Options.Size); err != nil {
			return err
		}
	}
	return nil
}

// mayRelay lets mail out for users who logged in. In the lab, from which nothing
// can leave, it is enough to write from an address of the node.
func (p *backend) mayRelay(ctx context.Context, env *mail.Envelope, to mail.Address) error {
	if !env.Peer.User.IsNull() {
		return nil
	}
	if p.open && !env.From.IsNull() && p.dir.serves(env.From) {
		_, err := p.dir.resolve(ctx, env.From)
		return err
	}
	return mail.NewReply(550, mail.Enhanced{5, 7, 1},
		"Relaying denied: %s is not for %s, and you are not logged in", to, p.name)
}

func (p *backend) hasRoom(ctx context.Context, account string, size int64) error {
	u, err := p.store.Usage(ctx, account)
	if err != nil {
		return err
	}
	if u.MaxBytes > 0 && u.Bytes+size >= u.MaxBytes || u.MaxMessages > 0 && u.Messages >= u.MaxMessages {
		return mail.NewReply(452, mail.Enhanced{4, 2, 2}, "The mailbox of %s is full", account)
	}
	return nil
}

// Accept reads a message to its end and makes it durable: copies for local
// recipients and queue entries for the others, in one commit. When it returns
// nil the node is responsible for the message (RFC 5321 §4.2.5).
func (p *backend) Accept(ctx context.Context, env *mail.Envelope, text io.Reader) (string, error) {
	a, err := p.address(ctx, env)
	if err != nil {
		return "", err
	}
	staged, err := p.stage(ctx, env, text, len(a.Deposits) > 0)
	if err != nil {
		return "", smtpError(err)
	}
	defer staged.Discard()
	about, err := p.inspect(ctx, env, staged, &a)
	if err != nil {
		return "", smtpError(err)
	}
	success, err := p.success(ctx, env, staged)
	if err != nil {
		return "", smtpError(err)
	}
	size := staged.Size()
	if _, err := p.store.Accept(ctx, staged, a); err != nil {
		return "", smtpError(err)
	}
	p.report(env, a, about, size)
	if success != nil {
		if err := p.tell(context.WithoutCancel(ctx), env.ID, success); err != nil {
			p.note(env, "there is no report of success: "+err.Error())
		}
	}
	return env.ID, nil
}

// note tells the trace about a message.
func (p *backend) note(env *mail.Envelope, text string) {
	p.trace.Add(trace.Event{Node: p.name, Conn: env.Peer.Conn, Proto: trace.Store, Dir: trace.Self, Kind: trace.Note, Journey: env.ID, Text: text})
}

// address turns the envelope's recipients into deposits and queue entries.
func (p *backend) address(ctx context.Context, env *mail.Envelope) (store.Acceptance, error) {
	now := p.clock.Now()
	a := store.Acceptance{ID: env.ID, From: env.From, Options: env.Options, Time: now}
	local, remote := map[string]bool{}, map[mail.Address]bool{}
	for _, rcpt := range env.To {
		targets, err := p.dir.resolve(ctx, rcpt.Address)
		if err != nil {
			return a, err
		}
		for _, t := range targets {
			switch {
			case t.account == "" && !remote[t.remote]:
				remote[t.remote] = true
				out := p.onward(env, rcpt)
				out.Address = t.remote
				a.Relay = append(a.Relay, queue.Recipient{Recipient: out, Dest: t.remote.Route(), Due: now})
			case t.account != "" && !local[t.account]:
				local[t.account] = true
				a.Deposits = append(a.Deposits, mailbox.Delivery{User: t.account, Date: now})
			}
		}
	}
	if len(a.Deposits) == 0 && len(a.Relay) == 0 {
		return a, mail.NewReply(554, mail.Enhanced{5, 5, 1}, "The message has no valid recipient")
	}
	return a, nil
}

// stage writes the trace lines, then what a submission lacks, then the text.
func (p *backend) stage(ctx context.Context, env *mail.Envelope, text io.Reader, final bool) (store.Staged, error) {
	staged, err := p.store.Stage(ctx, env.Options.Size)
	if err != nil {
		return nil, err
	}
	buf := p.buffer()
	head := newHeaderReader(text, *buf)
	err = head.peek()
	if err == nil {
		_, err = io.WriteString(staged, p.preface(env, head, final))
	}
	if err == nil {
		_, err = head.WriteTo(staged)
	}
	*buf = head.buf[:0] // it may have grown
	p.buffers.Put(buf)
	if err != nil {
		staged.Discard()
		return nil, err
	}
	return staged, nil
}

// buffer is an empty one with room for mailbox.ScanBuffer or more; it goes back to
// p.buffers.
func (p *backend) buffer() *[]byte {
	if b, ok := p.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, message.ScanBuffer)
	return &b
}

// preface is what stands before the client's text.
func (p *backend) preface(env *mail.Envelope, head *headerReader, final bool) string {
	var b strings.Builder
	if final { // RFC 5321 §4.4: the last server notes the reverse-path
		b.WriteString("Return-Path: " + env.From.Path() + "\r\n")
	}
	r := mail.Received{
		Helo: env.Peer.Helo, Addr: env.Peer.Addr.Addr(), By: p.name,
		Protocol: env.Peer.Protocol(env.Options.UTF8), TLS: env.Peer.TLS, ID: env.ID, Time: p.clock.Now(),
	}
	if len(env.To) == 1 {
		r.For = env.To[0].Address
	}
	b.WriteString(r.String())
	if env.Peer.Submission || !env.Peer.User.IsNull() {
		b.WriteString(p.missing(env, head))
	}
	if !message.StartsWithField(head.head) {
		b.WriteString("\r\n") // a text without a header, as in the lecture, is all body
	}
	return b.String()
}

// missing is the fields that a submission should have had (RFC 6409 §8).
func (p *backend) missing(env *mail.Envelope, head *headerReader) string {
	var b strings.Builder
	if !message.HasField(head.head, "Date") {
		fmt.Fprintf(&b, "Date: %s\r\n", mail.Date(p.clock.Now()))
	}
	if !message.HasField(head.head, "Message-ID") {
		fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\n", env.ID, p.name)
	}
	if !message.HasField(head.head, "From") && !env.From.IsNull() {
		fmt.Fprintf(&b, "From: %s\r\n", env.From)
	}
	return b.String()
}

// inspect reads the structure once, for all later readers, and returns what the
// header says of the message. An error that is a *mail.Reply is about the message.
func (p *backend) inspect(ctx context.Context, env *mail.Envelope, staged store.Staged, a *store.Acceptance) (*message.Envelope, error) {
	buf := p.buffer()
	defer p.buffers.Put(buf)
	rec, err := message.ScanThrough(staged, staged.Size(), (*buf)[:message.ScanBuffer])
	if err != nil {
		return nil, err
	}
	size := rec.Root.Body - rec.Root.Header
	header := make([]byte, min(size, message.MaxHeaderSize))
	if n, err := staged.ReadAt(header, rec.Root.Header); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	} else if message.Hops(header[:n]) > message.MaxHops {
		return nil, mail.NewReply(554, mail.Enhanced{5, 4, 6}, "The message has passed more than %d servers: it goes in circles", message.MaxHops)
	}
	if err := p.author(ctx, env, header, size <= message.MaxHeaderSize); err != nil {
		return nil, err
	}
	a.Record = rec.Marshal()
	return rec.Root.Envelope, nil
}

// smtpError says in SMTP what a store said. What it does not know stays as it
// is and becomes 451 at the door.
func smtpError(err error) error {
	switch {
	case errors.Is(err, mailbox.ErrQuota):
		return mail.NewReply(452, mail.Enhanced{4, 2, 2}, "The mailbox is full")
	case errors.Is(err, mailbox.ErrFull):
		return mail.NewReply(452, mail.Enhanced{4, 3, 1}, "There is no room on the disk at this time")
	}
	return err
}
