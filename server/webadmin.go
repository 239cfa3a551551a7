package server

import (
	"context"
	"slices"
	"strings"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/web/api"
)

// What an operator sees and does: queues, connections, accounts and aliases of all
// nodes.

// QueueEntries lists what waits at all nodes, the next to be due first.
func (o *WebBackend) QueueEntries(ctx context.Context) ([]api.QueueEntry, error) {
	var out []api.QueueEntry
	for _, d := range o.nodes {
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
func (o *WebBackend) QueueText(ctx context.Context, node, id string) (string, error) {
	d, err := o.named(node)
	if err != nil {
		return "", err
	}
	return d.admin.QueueText(ctx, id)
}

// AmendQueue changes entries of one node.
func (o *WebBackend) AmendQueue(ctx context.Context, node string, ids []string, a queue.Amendment) (int, error) {
	d, err := o.named(node)
	if err != nil {
		return 0, err
	}
	return d.admin.AmendQueue(ctx, ids, a)
}

// Depths tells how much each node holds.
func (o *WebBackend) Depths(ctx context.Context) ([]api.Depth, error) {
	var out []api.Depth
	for _, d := range o.nodes {
		one := api.Depth{Node: d.name}
		for e, err := range d.imapBackend.Entries(ctx, "") {
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
func (o *WebBackend) Clients(context.Context) []api.Client {
	var out []api.Client
	for _, d := range o.nodes {
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
func (o *WebBackend) Cut(_ context.Context, conn uint64) error {
	for _, d := range o.nodes {
		for _, s := range d.services {
			if s.clients.Cut(conn) {
				return nil
			}
		}
	}
	return mailbox.ErrNotFound
}

// Users lists the accounts of all nodes.
func (o *WebBackend) Users(ctx context.Context) ([]api.UserAccount, error) {
	var out []api.UserAccount
	for _, d := range o.nodes {
		all, err := d.admin.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			out = append(out, api.UserAccount{Address: a.Address, Node: d.name, Messages: a.Messages, Bytes: a.Bytes, MaxBytes: a.MaxBytes, Created: a.Created})
		}
	}
	return out, nil
}

// AddUser creates an account at the node of its domain.
func (o *WebBackend) AddUser(ctx context.Context, address, password string, maxBytes int64) error {
	d, name, err := o.node(address)
	if err != nil {
		return mailbox.ErrInvalid
	}
	return d.admin.AddAccount(ctx, name, password, maxBytes)
}

// RemoveUser removes an account with all its mail.
func (o *WebBackend) RemoveUser(ctx context.Context, address string) error {
	d, name, err := o.node(address)
	if err != nil {
		return err
	}
	return d.admin.RemoveAccount(ctx, name)
}

// Aliases lists the aliases of all nodes.
func (o *WebBackend) Aliases(ctx context.Context) ([]mailbox.Alias, error) {
	var out []mailbox.Alias
	for _, d := range o.nodes {
		all, err := d.admin.Aliases(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	return out, nil
}

// SetAlias creates, replaces or removes an alias at the node of its domain.
func (o *WebBackend) SetAlias(ctx context.Context, address string, targets []string) error {
	named := address
	if strings.HasPrefix(address, "@") { // of a whole domain
		named = "x" + address
	}
	d, _, err := o.node(named)
	switch {
	case err != nil && targets == nil:
		return err
	case err != nil:
		return mailbox.ErrInvalid
	}
	return d.admin.SetAlias(ctx, address, targets)
}

// SetUserPassword changes an account's password.
func (o *WebBackend) SetUserPassword(ctx context.Context, address, password string) error {
	d, name, err := o.node(address)
	if err != nil {
		return err
	}
	return d.admin.SetPassword(ctx, name, password)
}
