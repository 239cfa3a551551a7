package server

import (
	"context"
	"io"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/store"
)

// imapBackend is the node as IMAP sees it: the mailboxes, logins, and a door for
// messages that users bring themselves.
type imapBackend struct {
	store.Store
	backend *backend // for Login only
	now     func() time.Time
}

// Login returns the account that a user name and password belong to. A refusal
// is a *mail.Reply.
func (m imapBackend) Login(ctx context.Context, user, password string, peer mail.Peer) (string, error) {
	return m.backend.login(ctx, peer, user, password)
}

// Append puts a message of about size bytes into a folder, and returns when
// readers can see it.
func (m imapBackend) Append(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error) {
	staged, err := m.Stage(ctx, size)
	if err != nil {
		return mailbox.Appended{}, err
	}
	defer staged.Discard()
	if _, err := io.Copy(staged, text); err != nil {
		return mailbox.Appended{}, err
	}
	rec, err := message.Scan(staged, staged.Size())
	if err != nil {
		return mailbox.Appended{}, err
	}
	placed, err := m.Accept(ctx, staged, store.Acceptance{
		Deposits: []mailbox.Delivery{d}, Record: rec.Marshal(), Time: m.now(), Wait: true,
	})
	if err != nil {
		return mailbox.Appended{}, err
	}
	if len(placed) == 0 { // the account was removed meanwhile
		return mailbox.Appended{}, mailbox.ErrNotFound
	}
	return placed[0], nil
}
