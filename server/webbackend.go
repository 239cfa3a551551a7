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

// WebBackend is one or more nodes as the web sees them: mailboxes and accounts, found
// by the domain of the address, and queues, found by the name of the node. It
// fills the interfaces of web/api.
type WebBackend struct{ nodes []*webNode }

// webNode is what the pages need of one node.
type webNode struct {
	name        string
	backend     *backend
	admin       Admin
	imapBackend imapBackend
	trace       *trace.Log
	services    []*service
	size        int64
	recipients  int
	expire      time.Duration // age at which a waiting message goes back
}

// NewWebBackend serves the pages of nodes that have not been closed. It must not be
// asked anything after one of them stopped.
func NewWebBackend(nodes ...*Node) *WebBackend {
	o := &WebBackend{}
	for _, n := range nodes {
		l := n.o.Config.Limits
		o.nodes = append(o.nodes, &webNode{
			name: n.name, backend: n.backend, admin: n.Admin(), trace: n.o.Trace, services: n.services,
			imapBackend: imapBackend{Store: n.store, backend: n.backend, now: n.o.Host.Clock().Now},
			size:        l.MessageSize, recipients: l.Recipients, expire: time.Duration(n.o.Config.Relay.Expire),
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
func (o *WebBackend) MaxMessage() int64 {
	var most int64
	for _, d := range o.nodes {
		most = max(most, d.size)
	}
	return most
}

// node finds the node that serves an address.
func (o *WebBackend) node(address string) (*webNode, string, error) {
	a, err := mail.ParseAddress(address, true)
	if err != nil || a.Domain == "" {
		return nil, "", mailbox.ErrNotFound
	}
	for _, d := range o.nodes {
		if d.backend.dir.serves(a) {
			return d, mailbox.Canonical(a), nil
		}
	}
	return nil, "", mailbox.ErrNotFound
}

func (o *WebBackend) named(node string) (*webNode, error) {
	for _, d := range o.nodes {
		if d.name == node {
			return d, nil
		}
	}
	return nil, mailbox.ErrNotFound
}

// Login checks a reader's password, at the node of the address; a name alone is
// tried at the only node there is.
func (o *WebBackend) Login(ctx context.Context, peer netip.Addr, account, password string) (string, bool, error) {
	d, name, err := o.node(account)
	if err != nil {
		if len(o.nodes) != 1 {
			return "", false, nil
		}
		d, name = o.nodes[0], account
	}
	found, err := d.backend.login(ctx, mail.Peer{Addr: netip.AddrPortFrom(peer, 0), Service: trace.ServiceWeb}, name, password)
	var reply *mail.Reply
	if errors.As(err, &reply) && !reply.Temporary() {
		return "", false, nil
	}
	return found, err == nil, err
}

// CredentialVersion is another after each change of an account's password, "" without such an
// account. It takes the names that Login takes.
func (o *WebBackend) CredentialVersion(ctx context.Context, account string) (string, error) {
	d, name, err := o.node(account)
	if err != nil {
		if len(o.nodes) != 1 {
			return "", nil
		}
		d, name = o.nodes[0], account
	}
	a, err := d.backend.dir.account(ctx, name)
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
func (o *WebBackend) Mailbox(ctx context.Context, account string) (api.Mailbox, error) {
	d, name, err := o.node(account)
	if err != nil {
		return nil, err
	}
	if _, err := d.imapBackend.Account(ctx, name); err != nil {
		return nil, err
	}
	return webMailbox{d.imapBackend, d, name}, nil
}

// Accounts lists the addresses of all accounts.
func (o *WebBackend) Accounts(ctx context.Context) ([]string, error) {
	var out []string
	for _, d := range o.nodes {
		all, err := d.imapBackend.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			out = append(out, a.Address)
		}
	}
	return out, nil
}

// webMailbox is where one reader is served.
type webMailbox struct {
	imapBackend
	node    *webNode
	account string
}

// Limits are those of the node.
func (c webMailbox) Limits() (int64, int) { return c.node.size, c.node.recipients }

// Submit checks sender and recipients as the submission port does, then accepts.
func (c webMailbox) Submit(ctx context.Context, v api.Visit, env *mail.Envelope, text io.Reader) (id string, err error) {
	conn := c.enter(v, env.ID)
	defer func() { conn.leave(err) }()
	env.Peer.Conn, env.Peer.Service = conn.ID(), trace.ServiceWeb
	if v.Secure {
		env.Peer.TLS = "TLS"
	}
	p := c.node.backend
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
func (c webMailbox) Fetched(v api.Visit, id string) {
	if id == "" {
		return
	}
	conn := c.enter(v, id)
	conn.Event(trace.Event{Kind: trace.Fetched, Dir: trace.Self, Text: "given to the reader: message " + id})
	conn.leave(nil)
}

// visit is a request in the trace.
type visit struct{ *trace.Conn }

func (c webMailbox) enter(v api.Visit, journey string) visit {
	conn := c.node.trace.Open(c.node.name, trace.HTTP, v.Local, v.Remote)
	conn.Peer(c.account, trace.UserAgent)
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
