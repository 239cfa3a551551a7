package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
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
	found, err := d.post.login(ctx, peer, name, password)
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
	env.Peer.Conn = conn.ID()
	if v.Secure {
		env.Peer.TLS = "TLS"
	}
	p := c.desk.post
	if err := p.Sender(ctx, env.Peer, env.From); err != nil {
		return "", err
	}
	for _, to := range env.To {
		if err := p.Recipient(ctx, env, to.Address); err != nil {
			return "", err
		}
	}
	return p.Accept(ctx, env, text)
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

// QueueEntries lists what waits at all nodes, the next to be due first.
func (o *Office) QueueEntries(ctx context.Context) ([]api.QueueEntry, error) {
	var out []api.QueueEntry
	for _, d := range o.desks {
		all, err := d.admin.Queue(ctx, "")
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			out = append(out, api.QueueEntry{Node: d.name, Expires: e.Accepted.Add(d.expire), Entry: e})
		}
	}
	slices.SortStableFunc(out, func(a, b api.QueueEntry) int { return a.Due.Compare(b.Due) })
	return out, nil
}

// QueueText is the beginning of the message of an entry.
func (o *Office) QueueText(ctx context.Context, node, id string) (string, error) {
	d, err := o.named(node)
	if err != nil {
		return "", err
	}
	return d.admin.QueueText(ctx, id)
}

// AmendQueue changes entries of one node.
func (o *Office) AmendQueue(ctx context.Context, node string, ids []string, a queue.Amendment) (int, error) {
	d, err := o.named(node)
	if err != nil {
		return 0, err
	}
	return d.admin.AmendQueue(ctx, ids, a)
}

// Depths tells how much each node holds.
func (o *Office) Depths(ctx context.Context) ([]api.Depth, error) {
	var out []api.Depth
	for _, d := range o.desks {
		one := api.Depth{Node: d.name}
		for e, err := range d.room.Entries(ctx, "") {
			if err != nil {
				return nil, err
			}
			one.Waiting++
			if e.Held {
				one.Held++
			}
			if one.Oldest.IsZero() || e.Accepted.Before(one.Oldest) {
				one.Oldest = e.Accepted
			}
		}
		accounts, err := d.admin.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range accounts {
			one.Accounts++
			one.Messages += a.Messages
			one.Bytes += a.Bytes
		}
		out = append(out, one)
	}
	return out, nil
}

// Clients lists the connections that clients have with the nodes.
func (o *Office) Clients(context.Context) []api.Client {
	var out []api.Client
	for _, d := range o.desks {
		seen := map[clients]bool{} // one server may serve several services
		for _, s := range d.services {
			if seen[s.clients] {
				continue
			}
			seen[s.clients] = true
			for _, c := range s.clients.Clients() {
				out = append(out, api.Client{Base: c.Event, Since: c.Since})
			}
		}
	}
	return out
}

// Cut ends the connection of a client.
func (o *Office) Cut(_ context.Context, conn uint64) error {
	for _, d := range o.desks {
		for _, s := range d.services {
			if s.clients.Cut(conn) {
				return nil
			}
		}
	}
	return mailbox.ErrNotFound
}

// Users lists the accounts of all nodes.
func (o *Office) Users(ctx context.Context) ([]api.User, error) {
	var out []api.User
	for _, d := range o.desks {
		all, err := d.admin.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			out = append(out, api.User{Address: a.Address, Node: d.name, Messages: a.Messages, Bytes: a.Bytes, MaxBytes: a.MaxBytes, Created: a.Created})
		}
	}
	return out, nil
}

// AddUser creates an account at the node of its domain.
func (o *Office) AddUser(ctx context.Context, address, password string, maxBytes int64) error {
	d, name, err := o.desk(address)
	if err != nil {
		return mailbox.ErrInvalid
	}
	return d.admin.AddAccount(ctx, name, password, maxBytes)
}

// RemoveUser removes an account with all its mail.
func (o *Office) RemoveUser(ctx context.Context, address string) error {
	d, name, err := o.desk(address)
	if err != nil {
		return err
	}
	return d.admin.RemoveAccount(ctx, name)
}

// Aliases lists the aliases of all nodes.
func (o *Office) Aliases(ctx context.Context) ([]mailbox.Alias, error) {
	var out []mailbox.Alias
	for _, d := range o.desks {
		all, err := d.admin.Aliases(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	return out, nil
}

// SetAlias creates, replaces or removes an alias at the node of its domain.
func (o *Office) SetAlias(ctx context.Context, address string, targets []string) error {
	named := address
	if strings.HasPrefix(address, "@") { // of a whole domain
		named = "x" + address
	}
	d, _, err := o.desk(named)
	switch {
	case err != nil && targets == nil:
		return err
	case err != nil:
		return mailbox.ErrInvalid
	}
	return d.admin.SetAlias(ctx, address, targets)
}

// SetUserPassword changes an account's password.
func (o *Office) SetUserPassword(ctx context.Context, address, password string) error {
	d, name, err := o.desk(address)
	if err != nil {
		return err
	}
	return d.admin.SetPassword(ctx, name, password)
}
