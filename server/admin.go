package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"glassmail/auth"
	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// Admin is what an operator can do to a node's data, while it runs (through its
// control socket, see DialControl) or while it is stopped (on the files, see
// NewAdmin).
type Admin interface {
	Accounts(ctx context.Context) ([]AccountInfo, error)
	// AddAccount creates an account with its standard folders. maxBytes 0 means
	// no limit. ErrExists.
	AddAccount(ctx context.Context, address, password string, maxBytes int64) error
	// SetPassword and RemoveAccount end the account's SMTP and IMAP connections, between
	// two commands or a second later.
	SetPassword(ctx context.Context, address, password string) error
	RemoveAccount(ctx context.Context, address string) error
	Aliases(ctx context.Context) ([]mailbox.Alias, error)
	// SetAlias creates or replaces; without targets it removes. The address
	// @hamburger.edu is that of all names in the domain that nobody has.
	SetAlias(ctx context.Context, address string, targets []string) error
	Folders(ctx context.Context, address string) ([]mailbox.Folder, error)
	// Queue lists waiting recipients; dest "" means all.
	Queue(ctx context.Context, dest string) ([]queue.Entry, error)
	// QueueText returns the beginning of the message of an entry, at most 64 KiB.
	QueueText(ctx context.Context, id string) (string, error)
	// AmendQueue returns how many entries there were; nil ids means all.
	AmendQueue(ctx context.Context, ids []string, a queue.Amendment) (int, error)
	// Care does a task; progress, which may be nil, is told of long ones.
	Care(ctx context.Context, t Task, progress func(done, total int64)) (Outcome, error)
}

// AccountInfo is an account as an operator sees it.
type AccountInfo struct {
	Address  string    `json:"address"`
	Messages int64     `json:"messages"`
	Bytes    int64     `json:"bytes"`
	MaxBytes int64     `json:"maxBytes"` // 0 means no limit
	Created  time.Time `json:"created"`
}

// maxQueueText is how much of a waiting message an operator is shown, in bytes.
const maxQueueText = 64 << 10

// standardFolders are made for every account (RFC 6154).
func standardFolders() []mailbox.FolderChange {
	return []mailbox.FolderChange{
		{New: "Drafts", Special: `\Drafts`},
		{New: "Sent", Special: `\Sent`},
		{New: "Junk", Special: `\Junk`},
		{New: "Trash", Special: `\Trash`},
		{New: "Archive", Special: `\Archive`},
	}
}

// NewAdmin works on an open store.
func NewAdmin(s store.Store, now func() time.Time) Admin { return &admin{store: s, now: now} }

type admin struct {
	store store.Store
	now   func() time.Time
	dir   *directory           // of the running node; nil if none runs
	end   func(account string) // ends its connections; nil if no node runs
}

func (a *admin) Accounts(ctx context.Context) ([]AccountInfo, error) {
	all, err := a.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]AccountInfo, 0, len(all))
	for _, one := range all {
		u, err := a.store.Usage(ctx, one.Address)
		if err != nil {
			return nil, fmt.Errorf("usage of %s: %w", one.Address, err)
		}
		out = append(out, AccountInfo{one.Address, u.Messages, u.Bytes, one.MaxBytes, one.Created})
	}
	return out, nil
}

func (a *admin) AddAccount(ctx context.Context, address, password string, maxBytes int64) error {
	key, err := canonical(address)
	if err != nil {
		return err
	}
	if _, domain, _ := strings.Cut(key, "@"); a.dir != nil && !a.dir.serves(mail.Address{Domain: domain}) {
		return fmt.Errorf("%s: this node takes mail for %s only; add the domain to its configuration first", key, strings.Join(a.dir.domains, ", "))
	}
	hash, err := auth.HashPassword(password)
	if err != nil {
		return err
	}
	account := mailbox.Account{Address: key, Password: hash, MaxBytes: maxBytes, Created: a.now()}
	return a.store.PutAccount(ctx, account, true, standardFolders()...)
}

func (a *admin) SetPassword(ctx context.Context, address, password string) error {
	account, err := a.account(ctx, address)
	if err != nil {
		return err
	}
	if account.Password, err = auth.HashPassword(password); err != nil {
		return err
	}
	if err := a.store.PutAccount(ctx, account, false); err != nil {
		return err
	}
	a.endSessions(account.Address)
	return nil
}

func (a *admin) endSessions(account string) {
	if a.end != nil {
		a.end(account)
	}
}

func (a *admin) account(ctx context.Context, address string) (mailbox.Account, error) {
	key, err := canonical(address)
	if err != nil {
		return mailbox.Account{}, err
	}
	return a.store.Account(ctx, key)
}

func (a *admin) RemoveAccount(ctx context.Context, address string) error {
	key, err := canonical(address)
	if err != nil {
		return err
	}
	if err := a.store.DeleteAccount(ctx, key); err != nil {
		return err
	}
	a.endSessions(key)
	return nil
}

func (a *admin) Aliases(ctx context.Context) ([]mailbox.Alias, error) { return a.store.Aliases(ctx) }

func (a *admin) SetAlias(ctx context.Context, address string, targets []string) error {
	key, err := aliasKey(address)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if _, err := mail.ParseAddress(t, true); err != nil {
			return fmt.Errorf("target %q is no address: %w", t, err)
		}
	}
	return a.store.PutAlias(ctx, mailbox.Alias{Address: key, Targets: targets})
}

func (a *admin) Folders(ctx context.Context, address string) ([]mailbox.Folder, error) {
	account, err := a.account(ctx, address)
	if err != nil {
		return nil, err
	}
	return a.store.Folders(ctx, account.Address)
}

func (a *admin) Queue(ctx context.Context, dest string) ([]queue.Entry, error) {
	var out []queue.Entry
	for e, err := range a.store.Entries(ctx, dest) {
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (a *admin) QueueText(ctx context.Context, id string) (string, error) {
	for e, err := range a.store.Entries(ctx, "") {
		if err != nil {
			return "", err
		}
		if e.ID != id {
			continue
		}
		m, err := a.store.Body(ctx, e.Body)
		if err != nil {
			return "", err
		}
		defer m.Close()
		b, err := io.ReadAll(io.NewSectionReader(m, 0, min(m.Size(), maxQueueText)))
		return string(b), err
	}
	return "", fmt.Errorf("queue entry %s: %w", id, mailbox.ErrNotFound)
}

func (a *admin) AmendQueue(ctx context.Context, ids []string, am queue.Amendment) (int, error) {
	return a.store.Amend(ctx, ids, am, a.now())
}

// aliasKey is canonical for the address of an alias, which may be a whole domain's.
func aliasKey(address string) (string, error) {
	if !strings.HasPrefix(address, "@") {
		return canonical(address)
	}
	key, err := canonical("x" + address)
	return strings.TrimPrefix(key, "x"), err
}

// canonical checks an address and brings it into the form of the store.
func canonical(address string) (string, error) {
	a, err := mail.ParseAddress(address, true)
	if err == nil && a.Domain == "" {
		err = errors.New("the @domain is missing")
	}
	if err != nil {
		return "", fmt.Errorf("%q is no address such as bob@hamburger.edu: %w", address, err)
	}
	return mailbox.Canonical(a), nil
}
