package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"glassmail/mailbox"
	"glassmail/store"
)

// snapshot is a copy of the folder's state that nobody changes.
func (f *folder) snapshot() mailbox.Folder {
	c := f.Folder
	c.Keywords = slices.Clone(c.Keywords)
	return c
}

func (s *Store) account(user string) (*account, error) {
	a := s.accounts[user]
	if a == nil {
		return nil, fmt.Errorf("account %q: %w", user, mailbox.ErrNotFound)
	}
	return a, nil
}

func (a *account) folder(name string) (*folder, error) {
	f := a.folders[name]
	if f == nil {
		return nil, fmt.Errorf("folder %q: %w", name, mailbox.ErrNotFound)
	}
	return f, nil
}

// Folders lists a user's folders in the order of their names.
func (s *Store) Folders(ctx context.Context, user string) ([]mailbox.Folder, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return nil, err
	}
	var all []mailbox.Folder
	for _, name := range slices.Sorted(maps.Keys(a.folders)) {
		all = append(all, a.folders[name].snapshot())
	}
	return all, nil
}

// Folder finds one by name.
func (s *Store) Folder(ctx context.Context, user, name string) (mailbox.Folder, error) {
	if err := s.enter(ctx); err != nil {
		return mailbox.Folder{}, err
	}
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return mailbox.Folder{}, err
	}
	if canonical, err := mailbox.FolderName(name); err == nil {
		name = canonical
	}
	f, err := a.folder(name)
	if err != nil {
		return mailbox.Folder{}, err
	}
	return f.snapshot(), nil
}

// Usage returns what the user's messages take up and what they may.
func (s *Store) Usage(ctx context.Context, user string) (mailbox.Usage, error) {
	if err := s.enter(ctx); err != nil {
		return mailbox.Usage{}, err
	}
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return mailbox.Usage{}, err
	}
	return a.usage(), nil
}

func (a *account) usage() mailbox.Usage {
	u := mailbox.Usage{MaxBytes: a.MaxBytes}
	for _, f := range a.folders {
		u.Bytes += f.Size
		u.Messages += int64(f.Messages)
	}
	return u
}

// over reports that more bytes do not fit into a user's quota.
func (s *Store) over(user string, more int64) bool {
	u := s.accounts[user].usage()
	return u.MaxBytes > 0 && more > 0 && u.Bytes+more > u.MaxBytes
}

// ChangeFolder creates, renames, deletes or (un)subscribes.
func (s *Store) ChangeFolder(ctx context.Context, user string, c mailbox.FolderChange) (mailbox.Folder, error) {
	action, old, name, err := store.Plan(c)
	if err != nil {
		return mailbox.Folder{}, err
	}
	if err := s.enter(ctx); err != nil {
		return mailbox.Folder{}, err
	}
	defer s.mu.Unlock()
	a, err := s.account(user)
	if err != nil {
		return mailbox.Folder{}, err
	}
	var f *folder
	if action != store.Create {
		if f, err = a.folder(old); err != nil {
			return mailbox.Folder{}, err
		}
	}
	switch action {
	case store.Create:
		f, err = s.create(a, name, c.Special)
	case store.Rename:
		f, err = s.rename(a, f, name)
	case store.Delete:
		delete(a.folders, old)
		s.dropFolder(f)
	case store.Subscribe:
		f.Subscribed = *c.Subscribe
	}
	if err != nil {
		return mailbox.Folder{}, err
	}
	return f.snapshot(), nil
}

func (s *Store) create(a *account, name, special string) (*folder, error) {
	if a.folders[name] != nil {
		return nil, fmt.Errorf("folder %q: %w", name, mailbox.ErrExists)
	}
	if err := s.makeParents(a, name, 1); err != nil {
		return nil, err
	}
	f := s.makeFolder(a.Address, name)
	f.Special = special
	return f, nil
}

// makeParents makes the levels above a folder that are missing, if there is room for
// them and for so many folders besides.
func (s *Store) makeParents(a *account, name string, besides int) error {
	var missing []string
	for _, up := range store.Levels(name) {
		if a.folders[up] == nil {
			missing = append(missing, up)
		}
	}
	if more := len(missing) + besides; more > 0 {
		if err := store.RoomForFolders(len(a.folders), more); err != nil {
			return err
		}
	}
	for _, up := range missing {
		s.makeFolder(a.Address, up)
	}
	return nil
}

func (s *Store) makeFolder(user, name string) *folder {
	s.last++
	s.validity = max(s.validity+1, uint32(s.now().Unix()))
	f := &folder{
		user:  user,
		watch: map[chan struct{}]struct{}{},
		Folder: mailbox.Folder{
			ID: mailbox.FolderID(s.last), Name: name, UIDValidity: s.validity, UIDNext: 1, ModSeq: 1,
		},
	}
	s.folders[f.ID] = f
	s.accounts[user].folders[name] = f
	return f
}

// rename moves a folder and all below it to another name; of INBOX it moves the
// messages only (RFC 9051 §6.3.6).
func (s *Store) rename(a *account, f *folder, name string) (*folder, error) {
	if a.folders[name] != nil {
		return nil, fmt.Errorf("folder %q: %w", name, mailbox.ErrExists)
	}
	if f.Name == mailbox.Inbox {
		if err := s.makeParents(a, name, 1); err != nil {
			return nil, err
		}
		to := s.makeFolder(a.Address, name)
		s.change(f, to, mailbox.Change{CopyTo: to.ID, Expunge: true})
		return to, nil
	}
	moved := map[string]*folder{name: f}
	for n, g := range a.folders {
		if rest, below := strings.CutPrefix(n, f.Name+"/"); below {
			to, err := mailbox.FolderName(name + "/" + rest)
			if err != nil {
				return nil, err
			}
			moved[to] = g
		}
	}
	for to := range moved {
		if a.folders[to] != nil && moved[to] != a.folders[to] {
			return nil, fmt.Errorf("folder %q: %w", to, mailbox.ErrExists)
		}
	}
	if err := s.makeParents(a, name, 0); err != nil {
		return nil, err
	}
	for _, g := range moved {
		delete(a.folders, g.Name)
	}
	for to, g := range moved {
		g.Name, a.folders[to] = to, g
	}
	return f, nil
}

// dropFolder forgets a folder that has no name any more.
func (s *Store) dropFolder(f *folder) {
	for i := range f.msgs {
		s.unref(number(f.msgs[i].Body))
	}
	delete(s.folders, f.ID)
	f.notify()
}
