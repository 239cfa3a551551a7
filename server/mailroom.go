package server

import (
	"context"
	"io"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/store"
)

// mailroom is the node as IMAP sees it: the mailboxes, logins, and a door for
// messages that users bring themselves.
type mailroom struct {
	store.Store
	post *post // for Login only
	now  func() time.Time
}

// Login returns the account that a user name and password belong to. A refusal
// is a *mail.Reply.
func (m mailroom) Login(ctx context.Context, user, password string, peer mail.Peer) (string, error) {
	return m.post.login(ctx, peer, user, password)
}

// Append puts a message of about size bytes into a folder, and returns when
// readers can see it.
func (m mailroom) Append(ctx context.Context, d mailbox.Deposit, size int64, text io.Reader) (mailbox.Placed, error) {
	staged, err := m.Stage(ctx, size)
	if err != nil {
		return mailbox.Placed{}, err
	}
	defer staged.Discard()
	if _, err := io.Copy(staged, text); err != nil {
		return mailbox.Placed{}, err
	}
	rec, err := mailbox.Scan(staged, staged.Size())
	if err != nil {
		return mailbox.Placed{}, err
	}
	placed, err := m.Accept(ctx, staged, store.Acceptance{
		Deposits: []mailbox.Deposit{d}, Record: rec.Marshal(), Time: m.now(), Wait: true,
	})
	if err != nil {
		return mailbox.Placed{}, err
	}
	if len(placed) == 0 { // the account was removed meanwhile
		return mailbox.Placed{}, mailbox.ErrNotFound
	}
	return placed[0], nil
}
