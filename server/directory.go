package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
)

// maxAliasDepth bounds aliases that point to aliases.
const maxAliasDepth = 10

// maxTargets bounds the mailboxes and addresses that one recipient stands for.
const maxTargets = 1000

// directory knows who has a mailbox here.
type directory struct {
	domains  []string // canonical
	accounts mailbox.Accounts
}

// target is where mail for a recipient goes: to an account here, or on to an
// address elsewhere.
type target struct {
	account string
	limited bool // the account has a quota
	remote  mail.Address
}

// serves reports whether mail for a's domain is delivered here. An address
// without a domain, <postmaster>, is (RFC 5321 §4.5.1).
func (d *directory) serves(a mail.Address) bool {
	if a.Domain == "" {
		return true
	}
	route := a.Route()
	for _, own := range d.domains {
		if own == route {
			return true
		}
	}
	return false
}

// resolve finds where mail for a goes. The error is a *mail.Reply if nobody has
// that name here.
func (d *directory) resolve(ctx context.Context, a mail.Address) ([]target, error) {
	r := resolution{d: d, seen: map[string]bool{}}
	if err := r.add(ctx, a, 0); err != nil {
		return nil, err
	}
	if len(r.targets) == 0 { // its aliases lead to one another only
		return nil, mail.NewReply(550, mail.Enhanced{5, 4, 6}, "%s: its aliases lead in a circle", a)
	}
	return r.targets, nil
}

// resolution follows one recipient's aliases, each address once.
type resolution struct {
	d       *directory
	seen    map[string]bool
	targets []target
}

func (r *resolution) add(ctx context.Context, a mail.Address, depth int) error {
	if !r.d.serves(a) {
		return r.append(target{remote: a})
	}
	if a.Domain == "" && len(r.d.domains) > 0 {
		a.Domain = r.d.domains[0]
	}
	key := mailbox.Canonical(a)
	if r.seen[key] {
		return nil
	}
	r.seen[key] = true
	if depth > maxAliasDepth {
		return mail.NewReply(550, mail.Enhanced{5, 4, 6}, "%s: its aliases lead on and on", a)
	}
	account, err := r.d.accounts.Account(ctx, key)
	if err == nil {
		return r.append(target{account: key, limited: account.MaxBytes > 0})
	}
	if !errors.Is(err, mailbox.ErrNotFound) {
		return err
	}
	return r.alias(ctx, a, key, depth)
}

// alias tries the aliases, then the name without its detail (bob+shop is bob), then
// the alias of all names of the domain, then the one account for postmaster.
func (r *resolution) alias(ctx context.Context, a mail.Address, key string, depth int) error {
	alias, err := r.d.accounts.Alias(ctx, key)
	if err == nil {
		return r.follow(ctx, alias.Targets, depth)
	}
	if !errors.Is(err, mailbox.ErrNotFound) {
		return err
	}
	if base, detail := mailbox.Detail(a); detail != "" {
		return r.add(ctx, base, depth+1)
	}
	alias, err = r.d.accounts.Alias(ctx, key[strings.LastIndexByte(key, '@'):])
	if err == nil {
		return r.follow(ctx, alias.Targets, depth)
	}
	if !errors.Is(err, mailbox.ErrNotFound) {
		return err
	}
	if strings.EqualFold(a.Local, "postmaster") {
		return r.postmaster(ctx)
	}
	return mail.NewReply(550, mail.Enhanced{5, 1, 1}, "%s: there is no such user here", a)
}

// follow adds the members of an alias. One that is gone does not keep the mail
// from the others; only if all are gone the sender hears of it.
func (r *resolution) follow(ctx context.Context, targets []string, depth int) error {
	var gone *mail.Reply
	before := len(r.targets)
	for _, t := range targets {
		next, err := mail.ParseAddress(t, true)
		if err != nil {
			return fmt.Errorf("alias target %q: %w", t, err)
		}
		err = r.add(ctx, next, depth+1)
		if err != nil && (!errors.As(err, &gone) || gone.Temporary()) {
			return err
		}
	}
	if gone != nil && len(r.targets) == before {
		return gone
	}
	return nil
}

// postmaster is the first account when no alias says otherwise: a server must
// take mail for it (RFC 5321 §4.5.1).
func (r *resolution) postmaster(ctx context.Context) error {
	all, err := r.d.accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return mail.NewReply(550, mail.Enhanced{5, 1, 1}, "there is no user here yet, so there is no postmaster")
	}
	return r.append(target{account: all[0].Address, limited: all[0].MaxBytes > 0})
}

func (r *resolution) append(t target) error {
	for _, have := range r.targets {
		if have == t {
			return nil
		}
	}
	if len(r.targets) == maxTargets {
		return mail.NewReply(452, mail.Enhanced{4, 5, 3}, "an alias stands for more than %d mailboxes", maxTargets)
	}
	r.targets = append(r.targets, t)
	return nil
}

// account finds the account that a user name logs in to: an address, or the part
// before the @ if that is unique among the domains of the node.
func (d *directory) account(ctx context.Context, user string) (mailbox.Account, error) {
	if strings.Contains(user, "@") {
		key, ok := mailbox.CanonicalString(user)
		if !ok {
			return mailbox.Account{}, mailbox.ErrNotFound
		}
		return d.accounts.Account(ctx, key)
	}
	var found []mailbox.Account
	for _, domain := range d.domains {
		key, ok := mailbox.CanonicalString(user + "@" + domain)
		if !ok {
			continue
		}
		a, err := d.accounts.Account(ctx, key)
		if err == nil {
			found = append(found, a)
		} else if !errors.Is(err, mailbox.ErrNotFound) {
			return mailbox.Account{}, err
		}
	}
	if len(found) != 1 {
		return mailbox.Account{}, mailbox.ErrNotFound
	}
	return found[0], nil
}

// counted is the name under which failed logins are counted: an account's address for
// all its spellings. It is made from the spelling alone, so that a name without an account
// is counted as one that has an account would be; a name without a domain is counted with
// the first. What is no address is no account's name, and is counted as it is.
func (d *directory) counted(user string) string {
	if !strings.Contains(user, "@") && len(d.domains) > 0 {
		user += "@" + d.domains[0]
	}
	if key, ok := mailbox.CanonicalString(user); ok {
		return key
	}
	return user
}

// maySend reports whether the account may write from as its reverse-path: its
// own address, with any detail, or an alias that leads to it.
func (d *directory) maySend(ctx context.Context, account string, from mail.Address) (bool, error) {
	if from.IsNull() {
		return true, nil
	}
	if !d.serves(from) {
		return false, nil
	}
	targets, err := d.resolve(ctx, from)
	var reply *mail.Reply
	if errors.As(err, &reply) {
		return false, nil
	}
	for _, t := range targets {
		if t.account == account {
			return true, err
		}
	}
	return false, err
}
