package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
	"glassmail/store"
)

func notFound(what, name string) error {
	return fmt.Errorf("%s %q: %w", what, name, mailbox.ErrNotFound)
}

func accountRow(a *mailbox.Account) []byte {
	b := binary.AppendVarint(nil, a.MaxBytes)
	b = appendString(b, a.Password)
	return appendTime(b, a.Created)
}

func parseAccount(address, row []byte) (mailbox.Account, error) {
	d := decoder{b: row}
	a := mailbox.Account{Address: string(address), MaxBytes: d.int(), Password: d.string(), Created: d.time()}
	return a, d.err
}

// accountLimit is MaxBytes alone.
func accountLimit(row []byte) int64 {
	d := decoder{b: row}
	return d.int()
}

// Account finds one.
func (s *Store) Account(ctx context.Context, address string) (a mailbox.Account, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	return s.account(address)
}

func (s *Store) account(address string) (mailbox.Account, error) {
	a, known, generation := s.accounts.find(address)
	if known {
		return a, s.alive()
	}
	err := s.view(func(tx *bbolt.Tx) (err error) {
		v := tx.Bucket([]byte(bucketAccount)).Get([]byte(address))
		if v == nil {
			return notFound("account", address)
		}
		a, err = parseAccount([]byte(address), v)
		return err
	})
	if err == nil {
		s.accounts.keep(a, generation)
	}
	return a, err
}

// Accounts lists all, by address.
func (s *Store) Accounts(ctx context.Context) (all []mailbox.Account, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketAccount)).ForEach(func(k, v []byte) error {
			a, err := parseAccount(k, v)
			all = append(all, a)
			return err
		})
	})
	return all, err
}

// PutAccount creates the account with its INBOX and folders in one commit, or
// changes it; the time of creation stays unless a.Created says otherwise.
func (s *Store) PutAccount(ctx context.Context, a mailbox.Account, create bool, folders ...mailbox.FolderChange) error {
	if err := store.CheckAddress(a.Address); err != nil {
		return err
	}
	folders, err := store.PlanFolders(folders)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	return s.update(func(w *writer) error {
		b := w.bucket(bucketAccount)
		old := b.Get([]byte(a.Address))
		if old != nil && create {
			return refusal{fmt.Errorf("account %q: %w", a.Address, mailbox.ErrExists)}
		}
		if old == nil {
			if err := w.firstFolders(a.Address, folders); err != nil {
				return err
			}
		}
		switch was, err := parseAccount(nil, old); {
		case !a.Created.IsZero():
		case old != nil && err == nil:
			a.Created = was.Created
		default:
			a.Created = s.o.Now()
		}
		w.accounts = true
		return b.Put([]byte(a.Address), accountRow(&a))
	})
}

// firstFolders makes the folders of a new account; one that is named twice is made
// once.
func (w *writer) firstFolders(user string, folders []mailbox.FolderChange) error {
	if _, err := w.makeFolder(user, mailbox.Inbox, nameRow{subscribed: true}); err != nil {
		return err
	}
	for _, f := range folders {
		if w.bucket(bucketName).Get(nameKey(user, f.New)) != nil {
			continue
		}
		if err := w.create(user, f.New, nameRow{subscribed: true, special: f.Special}); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAccount removes the account and all its mail. The mail is gone at once;
// the room it took is given back bit by bit.
func (s *Store) DeleteAccount(ctx context.Context, address string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.update(func(w *writer) error {
		b := w.bucket(bucketAccount)
		if b.Get([]byte(address)) == nil {
			return refusal{notFound("account", address)}
		}
		w.accounts = true
		var names []string
		err := eachName(w.tx, address, func(name string, _ nameRow) error {
			names = append(names, name)
			return nil
		})
		for _, name := range names {
			if err == nil {
				err = w.dropFolder(address, name)
			}
		}
		if err != nil {
			return err
		}
		return b.Delete([]byte(address))
	})
}

// Alias finds one.
func (s *Store) Alias(ctx context.Context, address string) (a mailbox.Alias, err error) {
	if err := ctx.Err(); err != nil {
		return a, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketAlias)).Get([]byte(address))
		if v == nil {
			return notFound("alias", address)
		}
		d := decoder{b: v}
		a = mailbox.Alias{Address: address, Targets: d.strings()}
		return d.err
	})
	return a, err
}

// Aliases lists all, by address.
func (s *Store) Aliases(ctx context.Context) (all []mailbox.Alias, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketAlias)).ForEach(func(k, v []byte) error {
			d := decoder{b: v}
			all = append(all, mailbox.Alias{Address: string(k), Targets: d.strings()})
			return d.err
		})
	})
	return all, err
}

// PutAlias creates or replaces; without targets it removes.
func (s *Store) PutAlias(ctx context.Context, a mailbox.Alias) error {
	if err := store.CheckAddress(a.Address); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	row := appendStrings(nil, a.Targets)
	return s.update(func(w *writer) error {
		b := w.bucket(bucketAlias)
		if len(a.Targets) > 0 {
			return b.Put([]byte(a.Address), row)
		}
		if b.Get([]byte(a.Address)) == nil {
			return refusal{notFound("alias", a.Address)}
		}
		return b.Delete([]byte(a.Address))
	})
}
