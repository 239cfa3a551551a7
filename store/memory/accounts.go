package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"glassmail/mailbox"
	"glassmail/store"
)

// Account finds one.
func (s *Store) Account(ctx context.Context, address string) (mailbox.Account, error) {
	if err := s.enter(ctx); err != nil {
		return mailbox.Account{}, err
	}
	defer s.mu.Unlock()
	a := s.accounts[address]
	if a == nil {
		return mailbox.Account{}, fmt.Errorf("account %q: %w", address, mailbox.ErrNotFound)
	}
	return a.Account, nil
}

// Accounts lists all, by address.
func (s *Store) Accounts(ctx context.Context) ([]mailbox.Account, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var all []mailbox.Account
	for _, k := range slices.Sorted(maps.Keys(s.accounts)) {
		all = append(all, s.accounts[k].Account)
	}
	return all, nil
}

// PutAccount creates the account with its INBOX and folders, or changes it; the
// time of creation stays unless a.Created says otherwise.
func (s *Store) PutAccount(ctx context.Context, a mailbox.Account, create bool, folders ...mailbox.FolderChange) error {
	if err := store.CheckAddress(a.Address); err != nil {
		return err
	}
	folders, err := store.PlanFolders(folders)
	if err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	old := s.accounts[a.Address]
	switch {
	case old != nil && create:
		return fmt.Errorf("account %q: %w", a.Address, mailbox.ErrExists)
	case old != nil && a.Created.IsZero():
		a.Created = old.Created
	case a.Created.IsZero():
		a.Created = s.now()
	}
	if old != nil {
		old.Account = a
		return nil
	}
	s.accounts[a.Address] = &account{Account: a, folders: map[string]*folder{}}
	s.makeFolder(a.Address, mailbox.Inbox).Subscribed = true
	made := s.accounts[a.Address]
	for _, c := range folders {
		if made.folders[c.New] != nil {
			continue
		}
		f, err := s.create(made, c.New, c.Special)
		if err != nil {
			return err
		}
		f.Subscribed = true
	}
	return nil
}

// DeleteAccount removes the account and all its mail.
func (s *Store) DeleteAccount(ctx context.Context, address string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	a := s.accounts[address]
	if a == nil {
		return fmt.Errorf("account %q: %w", address, mailbox.ErrNotFound)
	}
	for _, f := range a.folders {
		s.dropFolder(f)
	}
	delete(s.accounts, address)
	return nil
}

// Alias finds one.
func (s *Store) Alias(ctx context.Context, address string) (mailbox.Alias, error) {
	if err := s.enter(ctx); err != nil {
		return mailbox.Alias{}, err
	}
	defer s.mu.Unlock()
	a, ok := s.aliases[address]
	if !ok {
		return mailbox.Alias{}, fmt.Errorf("alias %q: %w", address, mailbox.ErrNotFound)
	}
	a.Targets = slices.Clone(a.Targets)
	return a, nil
}

// Aliases lists all, by address.
func (s *Store) Aliases(ctx context.Context) ([]mailbox.Alias, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	all := slices.SortedFunc(maps.Values(s.aliases), func(a, b mailbox.Alias) int { return cmp.Compare(a.Address, b.Address) })
	for i := range all {
		all[i].Targets = slices.Clone(all[i].Targets)
	}
	return all, nil
}

// PutAlias creates or replaces; without targets it removes.
func (s *Store) PutAlias(ctx context.Context, a mailbox.Alias) error {
	if err := store.CheckAddress(a.Address); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if len(a.Targets) > 0 {
		a.Targets = slices.Clone(a.Targets)
		s.aliases[a.Address] = a
		return nil
	}
	if _, ok := s.aliases[a.Address]; !ok {
		return fmt.Errorf("alias %q: %w", a.Address, mailbox.ErrNotFound)
	}
	delete(s.aliases, a.Address)
	return nil
}
