package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/mailbox/archive"
	"glassmail/store/bolt"
)

// Task is one act of care for the data. Paths are those of the node's machine.
type Task struct {
	Do     string `json:"do"`               // a key of tasks
	User   string `json:"user,omitempty"`   // export, import
	Format string `json:"format,omitempty"` // export, import: mbox, maildir, tar; import also eml
	Path   string `json:"path,omitempty"`   // export, import, backup
	Into   string `json:"into,omitempty"`   // import: one folder for all
	Texts  bool   `json:"texts,omitempty"`  // verify: read every text too
	What   string `json:"what,omitempty"`   // show: a message; see findMessage
}

// Outcome is what a task came to; each fills the fields that it has.
type Outcome struct {
	Findings *bolt.Findings    `json:"findings,omitempty"`
	Moved    *bolt.Compacted   `json:"compacted,omitempty"`
	Stats    *bolt.Stats       `json:"stats,omitempty"`
	Imported *archive.Imported `json:"imported,omitempty"`
	Shown    *bolt.Inspection  `json:"shown,omitempty"`
	Refused  []string          `json:"refused,omitempty"` // messages that could not be imported, and why; at most 100
	Changed  []string          `json:"changed,omitempty"` // what was imported otherwise than it stood there, and how; at most 100
}

// maintainer is a store that can be cared for while it works.
type maintainer interface {
	Verify(ctx context.Context, texts bool) (bolt.Findings, error)
	Repair(ctx context.Context) (bolt.Findings, error)
	Backup(ctx context.Context, dir string) error
	Compact(ctx context.Context, below float64) (bolt.Compacted, error)
	Stats() (bolt.Stats, error)
	Find(ctx context.Context, what string) (mail.ContentID, error)
	Inspect(ctx context.Context, id mail.ContentID) (bolt.Inspection, error)
}

// compactAll moves what is alive out of every segment in which something is not.
const compactAll = 1.0

// maxRefused bounds the lists of what an import refused, and of what it changed.
const maxRefused = 100

// Care does a task. progress, which may be nil, is told of long ones.
func (a *admin) Care(ctx context.Context, t Task, progress func(done, total int64)) (out Outcome, err error) {
	k, ok := a.store.(maintainer)
	if !ok {
		return out, errors.New("this store keeps nothing that needs care")
	}
	do, ok := map[string]func() error{
		"verify":  func() error { f, err := k.Verify(ctx, t.Texts); out.Findings = &f; return err },
		"repair":  func() error { f, err := k.Repair(ctx); out.Findings = &f; return err },
		"backup":  func() error { return k.Backup(ctx, t.Path) },
		"compact": func() error { c, err := k.Compact(ctx, compactAll); out.Moved = &c; return err },
		"stats":   func() error { s, err := k.Stats(); out.Stats = &s; return err },
		"show":    func() error { return a.show(ctx, k, t.What, &out) },
		"export":  func() error { return a.export(ctx, t, progress) },
		"import":  func() error { return a.importMail(ctx, t, progress, &out) },
	}[t.Do]
	if !ok {
		return out, fmt.Errorf("there is no task %q", t.Do)
	}
	return out, do()
}

func (a *admin) show(ctx context.Context, k maintainer, what string, out *Outcome) error {
	id, err := a.findMessage(ctx, k, what)
	if err != nil {
		return err
	}
	v, err := k.Inspect(ctx, id)
	out.Shown = &v
	return err
}

// findMessage finds a message by the ID that the reply to DATA and the logs have,
// by the number of its text, or as ACCOUNT/FOLDER/UID.
func (a *admin) findMessage(ctx context.Context, k maintainer, what string) (mail.ContentID, error) {
	user, rest, ok := strings.Cut(what, "/")
	if !ok {
		return k.Find(ctx, what)
	}
	cut := strings.LastIndexByte(rest, '/')
	uid, err := strconv.ParseUint(rest[cut+1:], 10, 32)
	if cut < 0 || err != nil || uid == 0 {
		return "", fmt.Errorf("message %s: write ACCOUNT/FOLDER/UID, as in bob@hamburger.edu/INBOX/1", what)
	}
	account, err := a.account(ctx, user)
	if err != nil {
		return "", err
	}
	f, err := a.store.Folder(ctx, account.Address, rest[:cut])
	if err != nil {
		return "", err
	}
	for m, err := range a.store.Messages(ctx, f.ID, mailbox.Range{From: mailbox.UID(uid)}) {
		if err != nil {
			return "", err
		}
		if m.UID == mailbox.UID(uid) {
			return m.Body, nil
		}
		break
	}
	return "", fmt.Errorf("message %d of folder %s of %s: %w", uid, f.Name, account.Address, mailbox.ErrNotFound)
}

func (a *admin) export(ctx context.Context, t Task, progress func(done, total int64)) error {
	account, err := a.account(ctx, t.User)
	if err != nil {
		return err
	}
	to, finish, err := createArchive(t.Format, t.Path)
	if err != nil {
		return fmt.Errorf("export to %s: %w", t.Path, err)
	}
	if err := errors.Join(archive.Export(ctx, a.store, account.Address, to, progress), to.Close(), finish()); err != nil {
		return fmt.Errorf("export to %s: %w", t.Path, err)
	}
	return nil
}

// createArchive makes what an export goes to. A tar file is never overwritten.
func createArchive(format, path string) (a archive.Archive, finish func() error, err error) {
	nothing := func() error { return nil }
	switch format {
	case "mbox":
		a, err = archive.CreateMbox(path)
		return a, nothing, err
	case "maildir":
		a, err = archive.CreateMaildir(path)
		return a, nothing, err
	case "tar":
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, nothing, err
		}
		return archive.CreateTar(f), func() error { return errors.Join(f.Sync(), f.Close()) }, nil
	}
	return nil, nothing, fmt.Errorf("there is no format %q; it may be mbox, maildir or tar", format)
}

func (a *admin) importMail(ctx context.Context, t Task, progress func(done, total int64), out *Outcome) error {
	account, err := a.account(ctx, t.User)
	if err != nil {
		return err
	}
	from, finish, err := openCollection(t.Format, t.Path)
	if err != nil {
		return fmt.Errorf("import from %s: %w", t.Path, err)
	}
	list := func(to *[]string) func(name, why string) {
		return func(name, why string) {
			if len(*to) < maxRefused {
				*to = append(*to, mail.Printable(fmt.Sprintf("%.300s: %s", name, why), '?'))
			}
		}
	}
	refused := list(&out.Refused)
	room := imapBackend{Store: a.store, now: a.now}
	done, err := archive.Import(ctx, a.store, account.Address, from, archive.ImportOptions{
		Into: t.Into, Append: room.Append, Progress: progress,
		Refused: func(name string, err error) { refused(name, err.Error()) },
		Changed: list(&out.Changed),
	})
	out.Imported = &done
	if err := errors.Join(err, from.Close(), finish()); err != nil {
		return fmt.Errorf("import from %s: after %d added, %d that were there already and %d refused: %w", t.Path, done.Added, done.Known, done.Refused, err)
	}
	return nil
}

func openCollection(format, path string) (c *archive.Collection, finish func() error, err error) {
	nothing := func() error { return nil }
	switch format {
	case "mbox":
		c, err = archive.OpenMbox(path)
	case "maildir":
		c, err = archive.OpenMaildir(path)
	case "eml":
		c, err = archive.OpenEML(path)
	case "tar":
		info, err := os.Stat(path) // first: to open a pipe is to wait for its writer
		if err == nil {
			err = archive.RegularFile(path, info)
		}
		if err != nil {
			return nil, nothing, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, nothing, err
		}
		return archive.OpenTar(f, info.Size()), f.Close, nil
	default:
		err = fmt.Errorf("there is no format %q; it may be mbox, maildir, tar or eml", format)
	}
	return c, nothing, err
}
