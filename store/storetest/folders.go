package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"glassmail/mailbox"
)

func (k *kit) names(user string) (names []string) {
	k.Helper()
	fs, err := k.Folders(k.ctx, user)
	k.must(err)
	for _, f := range fs {
		names = append(names, f.Name)
	}
	return names
}

func (k *kit) hasNames(user string, want ...string) {
	k.Helper()
	if got := k.names(user); !slices.Equal(got, want) {
		k.Fatalf("folders are %q, want %q", got, want)
	}
}

var folderTests = []test{
	{"create with parents", func(k *kit) {
		f := k.create(bob, "work/2026/march")
		equal(k, "name", f.Name, "work/2026/march")
		k.hasNames(bob, "INBOX", "work", "work/2026", "work/2026/march")
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{New: "work"})
		k.wants(err, mailbox.ErrExists)
		_, err = k.ChangeFolder(k.ctx, "nobody@x", mailbox.FolderChange{New: "a"})
		k.wants(err, mailbox.ErrNotFound)
		k.hasNames(alice, "INBOX")
	}},
	{"INBOX has no case", func(k *kit) { // RFC 9051 §5.1
		equal(k, "inbox", k.folder(bob, "inBox").ID, k.folder(bob, "INBOX").ID)
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{New: "Inbox"})
		k.wants(err, mailbox.ErrExists)
		equal(k, "child", k.create(bob, "inbox/sub").Name, "INBOX/sub")
		k.create(bob, "inboxes")
		k.hasNames(bob, "INBOX", "INBOX/sub", "inboxes")
		k.create(bob, "Work")
		k.create(bob, "work") // other names do have it
	}},
	{"names that cannot be", func(k *kit) {
		for _, n := range []string{"/", "/a", "a/", "a//b", "a\x00", "a\nb", "\xff", strings.Repeat("x", mailbox.MaxFolderName+1)} {
			_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{New: n})
			k.wants(err, mailbox.ErrInvalid)
		}
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{})
		k.wants(err, mailbox.ErrInvalid)
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{New: "x", Special: "Sent"})
		k.wants(err, mailbox.ErrInvalid)
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "INBOX", Delete: true})
		k.wants(err, mailbox.ErrInvalid)
		k.create(bob, strings.Repeat("é", mailbox.MaxFolderName/2))
		k.create(bob, "Entwürfe & mehr")
	}},
	{"rename with children", func(k *kit) {
		f := k.create(bob, "a/b/c")
		k.deposit(bob, f.ID, "text")
		k.create(bob, "ab")
		got, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", New: "x/y"})
		k.must(err)
		equal(k, "name", got.Name, "x/y")
		k.hasNames(bob, "INBOX", "ab", "x", "x/y", "x/y/b", "x/y/b/c")
		g := k.folder(bob, "x/y/b/c")
		if g.ID != f.ID || g.UIDValidity != f.UIDValidity || g.Messages != 1 {
			k.Fatalf("renamed: %+v, was %+v", g, f)
		}
	}},
	{"rename refused", func(k *kit) {
		k.create(bob, "a/x")
		k.create(bob, "b/x")
		for _, c := range []struct {
			old, new string
			want     error
		}{
			{"a", "b", mailbox.ErrExists},
			{"a", "a", mailbox.ErrExists},
			{"a", "a/b", mailbox.ErrInvalid},
			{"nix", "b", mailbox.ErrNotFound},
			{"a", "inbox", mailbox.ErrExists},
			{"a", "c//d", mailbox.ErrInvalid},
		} {
			_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: c.old, New: c.new})
			k.wants(err, c.want)
		}
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "b", Delete: true})
		k.must(err)
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", New: "b"})
		k.wants(err, mailbox.ErrExists) // b/x is there still
		long := strings.Repeat("y", mailbox.MaxFolderName-1)
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", New: long})
		k.wants(err, mailbox.ErrInvalid) // long/x would be too long
		k.hasNames(bob, "INBOX", "a", "a/x", "b/x")
	}},
	{"rename INBOX moves its messages", func(k *kit) { // RFC 9051 §6.3.6
		id := k.fill(bob, 3)
		k.change(id, mailbox.Change{UIDs: []mailbox.UID{2}, Add: mailbox.Seen, AddKeywords: []string{"todo"}})
		k.create(bob, "INBOX/sub")
		f, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "INBOX", New: "old/mail"})
		k.must(err)
		if f.ID == id || f.Messages != 3 || f.Unseen != 2 {
			k.Fatalf("the new folder is %+v", f)
		}
		ms := k.messages(f.ID)
		sameUIDs(k, "UIDs", uids(ms), 1, 2, 3)
		if !slices.Equal(ms[1].Keywords, []string{"todo"}) || ms[1].Flags != mailbox.Seen {
			k.Fatalf("moved message is %+v", ms[1])
		}
		inbox := k.folder(bob, "INBOX")
		if inbox.ID != id || inbox.Messages != 0 || inbox.Size != 0 || inbox.UIDNext != 4 {
			k.Fatalf("INBOX is %+v", inbox)
		}
		k.hasNames(bob, "INBOX", "INBOX/sub", "old", "old/mail")
		equal(k, "text", k.text(ms[0].Body), "message 0\r\n")
	}},
	{"delete", func(k *kit) {
		f := k.create(bob, "a")
		k.create(bob, "a/b")
		p := k.deposit(bob, f.ID, "text")
		body := k.messages(p.Folder)[0].Body
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
		k.must(err)
		k.hasNames(bob, "INBOX", "a/b")
		u, err := k.Usage(k.ctx, bob)
		k.must(err)
		equal(k, "usage", u, mailbox.Usage{})
		for _, err := range []error{
			func() error { _, err := k.Change(k.ctx, f.ID, mailbox.Change{}); return err }(),
			func() error { _, err := k.Since(k.ctx, f.ID, 0); return err }(),
			func() error { _, err := k.Folder(k.ctx, bob, "a"); return err }(),
			func() error {
				_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
				return err
			}(),
		} {
			k.wants(err, mailbox.ErrNotFound)
		}
		for _, err := range k.Messages(k.ctx, f.ID, mailbox.Range{}) {
			k.wants(err, mailbox.ErrNotFound)
		}
		k.gone(body)
	}},
	{"UIDVALIDITY is never repeated for a name", func(k *kit) { // RFC 9051 §2.3.1.1
		last := uint32(0)
		ids := map[mailbox.FolderID]bool{}
		for range 20 {
			f := k.create(bob, "again")
			if f.UIDValidity <= last || ids[f.ID] {
				k.Fatalf("UIDVALIDITY %d after %d, number %d", f.UIDValidity, last, f.ID)
			}
			last, ids[f.ID] = f.UIDValidity, true
			_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "again", Delete: true})
			k.must(err)
		}
	}},
	{"subscribe and special use", func(k *kit) {
		f, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{New: "Sent", Special: `\Sent`}) // RFC 6154
		k.must(err)
		equal(k, "special use", f.Special, `\Sent`)
		equal(k, "subscribed", f.Subscribed, false)
		for _, yes := range []bool{true, false, true} {
			f, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "Sent", Subscribe: &yes})
			k.must(err)
			equal(k, "subscribed", f.Subscribed, yes)
			equal(k, "subscribed, read again", k.folder(bob, "Sent").Subscribed, yes)
		}
		f, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "Sent", New: "Gesendet"})
		k.must(err)
		if f.Special != `\Sent` || !f.Subscribed {
			k.Fatalf("renamed: %+v", f)
		}
	}},
	{"one user's folders are not another's", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: "bob@hamburger.ed"}, true))
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: "bob@hamburger.edu.x"}, true))
		k.create("bob@hamburger.edu.x", "x")
		k.create("bob@hamburger.ed", "y")
		k.hasNames(bob, "INBOX")
	}},
	{"a deleted folder's watchers wake", func(k *kit) {
		f := k.create(bob, "a")
		ctx, cancel := context.WithCancel(k.ctx)
		defer cancel()
		w := k.Watch(ctx, f.ID)
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
		k.must(err)
		<-w
		<-k.Watch(ctx, f.ID) // of a folder that is not there: at once
	}},
	{"a mail for a vanished folder goes to INBOX", func(k *kit) {
		f := k.create(bob, "a")
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
		k.must(err)
		inbox := k.folder(bob, "INBOX").ID
		equal(k, "folder", k.deposit(bob, f.ID, "x").Folder, inbox)
		equal(k, "folder", k.deposit(bob, 0, "x").Folder, inbox)
		hers := k.create(alice, "b").ID
		equal(k, "folder", k.deposit(bob, hers, "not hers").Folder, inbox)
	}},
	{"many folders", func(k *kit) {
		for i := range 200 {
			k.create(bob, fmt.Sprintf("f%03d", i))
		}
		equal(k, "number of folders", len(k.names(bob)), 201)
	}},
	{"too many folders", func(k *kit) {
		levels := func(n int) string { return strings.Repeat("/x", n) }
		const deep = 400 // levels made by one change
		have := 1
		for i := 0; have+deep <= mailbox.MaxFolders; i++ {
			k.create(bob, fmt.Sprintf("f%d", i)+levels(deep-1))
			have += deep
		}
		room := mailbox.MaxFolders - have
		refused := func(c mailbox.FolderChange) {
			k.Helper()
			_, err := k.ChangeFolder(k.ctx, bob, c)
			k.wants(err, mailbox.ErrTooMany)
			equal(k, "number of folders", len(k.names(bob)), have)
		}
		refused(mailbox.FolderChange{New: "last" + levels(room)})
		k.create(bob, "last"+levels(room-2))
		have = mailbox.MaxFolders - 1
		refused(mailbox.FolderChange{Old: "INBOX", New: "a/b"})
		refused(mailbox.FolderChange{Old: "last", New: "a/b/c"})
		_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "last", New: "a/b"})
		k.must(err)
		have++
		refused(mailbox.FolderChange{New: "one more"})
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a/b", New: "b"}) // takes no room
		k.must(err)
		_, err = k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
		k.must(err)
		k.create(bob, "one more")
		k.create(alice, "her own")
	}},
}
