package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/netip"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/trace"
	"glassmail/web/api"
)

// Office is one or more nodes as the web sees them: mailboxes and accounts, found
// by the domain of the address, and queues, found by the name of the node. It
// fills the interfaces of web/api.
type Office struct{ desks []*desk }

// desk is what the office needs of one node.
type desk struct {
	name       string
	post       *post
	admin      Admin
	room       mailroom
	trace      *trace.Log
	services   []*service
	size       int64
	recipients int
	expire     time.Duration // age at which a waiting message goes back
}

// NewOffice opens an office over nodes that have not been closed. It must not be
// asked anything after one of them stopped.
func NewOffice(nodes ...*Node) *Office {
	o := &Office{}
	for _, n := range nodes {
		l := n.o.Config.Limits
		o.desks = append(o.desks, &desk{
			name: n.name, post: n.post, admin: n.Admin(), trace: n.o.Trace, services: n.services,
			room: mailroom{Store: n.store, post: n.post, now: n.o.Host.Clock().Now},
			size: l.MessageSize, recipients: l.Recipients, expire: time.Duration(n.o.Config.Relay.Expire),
		})
	}
	return o
}

// Describe lists the nodes for the pages. users, which may be nil, are names and
// passwords that are no secret, by node.
func Describe(users map[string]map[string]string, nodes ...*Node) []api.Node {
	var out []api.Node
	for _, n := range nodes {
		one := api.Node{Name: n.name, Domains: n.o.Config.Domains, Addrs: map[string][]string{}, Users: users[n.name]}
		for _, s := range n.o.Config.Listen.All() {
			if at := n.Addrs(s.Key); len(at) > 0 {
				one.Addrs[s.Key] = at
			}
		}
		out = append(out, one)
	}
	return out
}

// MaxMessage is the size of the largest message that any of the nodes takes.
func (o *Office) MaxMessage() int64 {
	var most int64
	for _, d := range o.desks {
		most = max(most, d.size)
	}
	return most
}

// desk finds the node that serves an address.
func (o *Office) desk(address string) (*desk, string, error) {
	a, err := mail.ParseAddress(address, true)
	if err != nil || a.Domain == "" {
		return nil, "", mailbox.ErrNotFound
	}
	for _, d := range o.desks {
		if d.post.dir.serves(a) {
			return d, mailbox.Canonical(a), nil
		}
	}
	return nil, "", mailbox.ErrNotFound
}

func (o *Office) named(node string) (*desk, error) {
	for _, d := range o.desks {
		if d.name == node {
			return d, nil
		}
	}
	return nil, mailbox.ErrNotFound
}

// Login checks a reader's password, at the node of the address; a name alone is
// tried at the only node there is.
func (o *Office) Login(ctx context.Context, peer netip.Addr, account, password string) (string, bool, error) {
	d, name, err := o.desk(account)
	if err != nil {
		if len(o.desks) != 1 {
			return "", false, nil
		}
		d, name = o.desks[0], account
	}
	found, err := d.post.login(ctx, mail.Peer{Addr: netip.AddrPortFrom(peer, 0), Service: trace.ServiceWeb}, name, password)
	var reply *mail.Reply
	if errors.As(err, &reply) && !reply.Temporary() {
		return "", false, nil
	}
	return found, err == nil, err
}

// Stamp is another after each change of an account's password, "" without such an
// account. It takes the names that Login takes.
func (o *Office) Stamp(ctx context.Context, account string) (string, error) {
	d, name, err := o.desk(account)
	if err != nil {
		if len(o.desks) != 1 {
			return "", nil
		}
		d, name = o.desks[0], account
	}
	a, err := d.post.dir.account(ctx, name)
	if errors.Is(err, mailbox.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(a.Password + a.Created.String()))
	return string(sum[:]), nil
}

// Mailbox opens the mail of an account.
func (o *Office) Mailbox(ctx context.Context, account string) (api.Mailbox, error) {
	d, name, err := o.desk(account)
	if err != nil {
		return nil, err
	}
	if _, err := d.room.Account(ctx, name); err != nil {
		return nil, err
	}
	return counter{d.room, d}, nil
}

// Accounts lists the addresses of all accounts.
func (o *Office) Accounts(ctx context.Context) ([]string, error) {
	var out []string
	for _, d := range o.desks {
		all, err := d.room.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			out = append(out, a.Address)
		}
	}
	return out, nil
}

// counter is where one reader is served.
type counter struct {
	mailroom
	desk *desk
}

// Limits are those of the node.
func (c counter) Limits() (int64, int) { return c.desk.size, c.desk.recipients }

// Submit checks sender and recipients as the submission port does, then accepts.
func (c counter) Submit(ctx context.Context, v api.Visit, env *mail.Envelope, text io.Reader) (id string, err error) {
	conn := c.enter(v, env.ID)
	defer func() { conn.leave(err) }()
	env.Peer.Conn, env.Peer.Service = conn.ID(), trace.ServiceWeb
	if v.Secure {
		env.Peer.TLS = "TLS"
	}
	p := c.desk.post
	if err := p.Sender(ctx, env.Peer, env.From); err != nil {
		return "", conn.refused(env, "MAIL", "", err)
	}
	for _, to := range env.To {
		if err := p.Recipient(ctx, env, to.Address); err != nil {
			return "", conn.refused(env, "RCPT", to.String(), err)
		}
	}
	if id, err = p.Accept(ctx, env, text); err != nil {
		return "", conn.refused(env, "DATA", "", err)
	}
	return id, nil
}

// Fetched is the end of a message's journey, as a FETCH of IMAP is.
func (c counter) Fetched(v api.Visit, id string) {
	if id == "" {
		return
	}
	conn := c.enter(v, id)
	conn.Event(trace.Event{Kind: trace.Fetched, Dir: trace.Self, Text: "given to the reader: message " + id})
	conn.leave(nil)
}

// visit is a request in the trace.
type visit struct{ *trace.Conn }

func (c counter) enter(v api.Visit, journey string) visit {
	conn := c.desk.trace.Open(c.desk.name, trace.HTTP, v.Local, v.Remote)
	conn.Secure(v.Secure)
	conn.Journey(journey)
	conn.Line(trace.Client, v.Request)
	return visit{conn}
}

// leave tells the answer.
func (v visit) leave(err error) {
	var reply *mail.Reply
	switch {
	case err == nil:
		v.Line(trace.Server, "HTTP/1.1 200 OK")
	case errors.As(err, &reply) && !reply.Temporary():
		v.Line(trace.Server, "HTTP/1.1 422 Unprocessable Entity")
	default:
		v.Line(trace.Server, "HTTP/1.1 503 Service Unavailable")
	}
	v.Close("the answer was sent")
}
