package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"glassmail/mailbox"
	"glassmail/store"
)

// snapshot is a folder in the words of mailbox.
func (r *folderRow) snapshot(name string, n nameRow) mailbox.Folder {
	return mailbox.Folder{
		ID: n.id, Name: name, UIDValidity: r.validity, UIDNext: r.next, ModSeq: r.mod,
		Messages: r.count, Unseen: r.unseen, Deleted: r.marked, Size: r.size,
		Subscribed: n.subscribed, Special: n.special, Keywords: slices.Clone(r.words),
	}
}

// Folders lists a user's folders in the order of their names.
func (s *Store) Folders(ctx context.Context, user string) (all []mailbox.Folder, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte(bucketAccount)).Get([]byte(user)) == nil {
			return notFound("account", user)
		}
		box := tx.Bucket([]byte(bucketBox))
		return eachName(tx, user, func(name string, n nameRow) error {
			r, err := parseFolder(box.Get(folderKey(n.id)))
			if err != nil {
				return fmt.Errorf("folder %q: %w", name, err)
			}
			all = append(all, r.snapshot(name, n))
			return nil
		})
	})
	return all, err
}

// Folder finds one by name.
func (s *Store) Folder(ctx context.Context, user, name string) (f mailbox.Folder, err error) {
	if err := ctx.Err(); err != nil {
		return f, err
	}
	if canonical, err := mailbox.FolderName(name); err == nil {
		name = canonical
	}
	err = s.view(func(tx *bbolt.Tx) error {
		v := tx.Bucket([]byte(bucketName)).Get(nameKey(user, name))
		if v == nil || strings.Contains(user, "\x00") {
			return notFound("folder", name)
		}
		n, err := parseName(v)
		if err != nil {
			return err
		}
		r, err := parseFolder(tx.Bucket([]byte(bucketBox)).Get(folderKey(n.id)))
		if err != nil {
			return fmt.Errorf("folder %q: %w", name, err)
		}
		f = r.snapshot(name, n)
		return nil
	})
	return f, err
}

// ChangeFolder creates, renames, deletes or (un)subscribes.
func (s *Store) ChangeFolder(ctx context.Context, user string, c mailbox.FolderChange) (mailbox.Folder, error) {
	action, old, name, err := store.Plan(c)
	if err != nil {
		return mailbox.Folder{}, err
	}
	if err := ctx.Err(); err != nil {
		return mailbox.Folder{}, err
	}
	var out mailbox.Folder
	err = s.update(func(w *writer) (err error) {
		out, err = w.changeFolder(user, action, old, name, c)
		return err
	})
	return out, err
}

func (w *writer) changeFolder(user string, action store.Action, old, name string, c mailbox.FolderChange) (out mailbox.Folder, err error) {
	if w.bucket(bucketAccount).Get([]byte(user)) == nil {
		return out, refusal{notFound("account", user)}
	}
	if action != store.Create {
		if w.bucket(bucketName).Get(nameKey(user, old)) == nil {
			return out, refusal{notFound("folder", old)}
		}
		if out, err = w.snapshot(user, old); err != nil {
			return out, err
		}
	}
	switch action {
	case store.Create:
		err = w.create(user, name, nameRow{special: c.Special})
		old = name
	case store.Rename:
		err = w.rename(user, old, name)
		old = name
	case store.Delete:
		return out, w.dropFolder(user, old)
	case store.Subscribe:
		n := nameRow{id: out.ID, subscribed: *c.Subscribe, special: out.Special}
		err = w.bucket(bucketName).Put(nameKey(user, old), n.bytes())
	}
	if err != nil {
		return out, err
	}
	return w.snapshot(user, old)
}

func (w *writer) snapshot(user, name string) (mailbox.Folder, error) {
	n, err := parseName(w.bucket(bucketName).Get(nameKey(user, name)))
	if err != nil {
		return mailbox.Folder{}, err
	}
	r, err := w.folder(n.id)
	if err != nil || r == nil {
		return mailbox.Folder{}, fmt.Errorf("folder %q: %w: %w", name, ErrDamaged, err)
	}
	return r.snapshot(name, n), nil
}

func (w *writer) create(user, name string, n nameRow) error {
	if w.bucket(bucketName).Get(nameKey(user, name)) != nil {
		return refusal{fmt.Errorf("folder %q: %w", name, mailbox.ErrExists)}
	}
	if err := w.makeParents(user, name, 1); err != nil {
		return err
	}
	_, err := w.makeFolder(user, name, n)
	return err
}

// makeParents makes the levels above a folder that are missing, if there is room for
// them and for so many folders besides.
func (w *writer) makeParents(user, name string, besides int) error {
	var missing []string
	for _, up := range store.Levels(name) {
		if w.bucket(bucketName).Get(nameKey(user, up)) == nil {
			missing = append(missing, up)
		}
	}
	more := len(missing) + besides
	if more == 0 {
		return nil
	}
	if err := store.RoomForFolders(w.countNames(user), more); err != nil {
		return refusal{err}
	}
	for _, up := range missing {
		if _, err := w.makeFolder(user, up, nameRow{}); err != nil {
			return err
		}
	}
	return nil
}

// countNames counts the folders of a user.
func (w *writer) countNames(user string) (n int) {
	prefix := nameKey(user, "")
	c := w.bucket(bucketName).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		n++
	}
	return n
}

// makeFolder makes a folder with a number and a UIDVALIDITY that no folder had.
func (w *writer) makeFolder(user, name string, n nameRow) (mailbox.FolderID, error) {
	id, err := w.count(metaFolder)
	if err != nil {
		return 0, err
	}
	validity, err := w.validityNow()
	if err != nil {
		return 0, err
	}
	n.id = mailbox.FolderID(id)
	w.cache.folders[n.id] = &folderRow{validity: validity, next: 1, mod: 1, owner: user}
	w.touch(n.id)
	return n.id, w.bucket(bucketName).Put(nameKey(user, name), n.bytes())
}

// rename moves a folder and all below it to another name; only rows of names
// change. Of INBOX it moves the messages (RFC 9051 §6.3.6).
func (w *writer) rename(user, old, name string) error {
	b := w.bucket(bucketName)
	if b.Get(nameKey(user, name)) != nil {
		return refusal{fmt.Errorf("folder %q: %w", name, mailbox.ErrExists)}
	}
	if old == mailbox.Inbox {
		return w.moveInbox(user, name)
	}
	type step struct {
		from, to string
		row      []byte
	}
	steps := []step{{old, name, bytes.Clone(b.Get(nameKey(user, old)))}}
	prefix := nameKey(user, old+"/")
	c := b.Cursor()
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		rest := string(k[len(prefix):])
		to, err := mailbox.FolderName(name + "/" + rest)
		if err != nil {
			return refusal{err}
		}
		if b.Get(nameKey(user, to)) != nil {
			return refusal{fmt.Errorf("folder %q: %w", to, mailbox.ErrExists)}
		}
		steps = append(steps, step{old + "/" + rest, to, bytes.Clone(v)})
	}
	if err := w.makeParents(user, name, 0); err != nil {
		return err
	}
	for _, s := range steps {
		if err := b.Delete(nameKey(user, s.from)); err != nil {
			return err
		}
		if err := b.Put(nameKey(user, s.to), s.row); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) moveInbox(user, name string) error {
	n, err := parseName(w.bucket(bucketName).Get(nameKey(user, mailbox.Inbox)))
	if err != nil {
		return err
	}
	if err := w.makeParents(user, name, 1); err != nil {
		return err
	}
	to, err := w.makeFolder(user, name, nameRow{})
	if err != nil {
		return err
	}
	_, err = w.change(n.id, mailbox.Change{CopyTo: to, Expunge: true}, false)
	return err
}

// dropFolder makes a folder disappear and leaves its messages to be purged.
func (w *writer) dropFolder(user, name string) error {
	k := nameKey(user, name)
	n, err := parseName(w.bucket(bucketName).Get(k))
	if err != nil {
		return err
	}
	if err := w.bucket(bucketName).Delete(k); err != nil {
		return err
	}
	if err := w.box.Delete(folderKey(n.id)); err != nil {
		return err
	}
	delete(w.cache.folders, n.id)
	w.touched[n.id] = true
	w.purge = true
	return w.bucket(bucketDoomed).Put(key64(uint64(n.id)), nil)
}
