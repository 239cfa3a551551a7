package storetest

import (
	"slices"

	"glassmail/mailbox"
	"glassmail/store"
)

var accountTests = []test{
	{"put and find", func(k *kit) {
		a := mailbox.Account{Address: "carol@crepes.fr", Password: "$secret", MaxBytes: 1000, Created: at(1)}
		k.must(k.PutAccount(k.ctx, a, true))
		got, err := k.Account(k.ctx, a.Address)
		k.must(err)
		equal(k, "password", got.Password, a.Password)
		equal(k, "limit", got.MaxBytes, a.MaxBytes)
		if !got.Created.Equal(a.Created) {
			k.Fatalf("created %v, want %v", got.Created, a.Created)
		}
		inbox := k.folder(a.Address, "INBOX")
		if !inbox.Subscribed || inbox.UIDNext != 1 || inbox.ModSeq == 0 {
			k.Fatalf("a new INBOX is %+v", inbox)
		}
		k.wants(k.PutAccount(k.ctx, a, true), mailbox.ErrExists)
		a.Password = ""
		k.must(k.PutAccount(k.ctx, a, false))
		got, err = k.Account(k.ctx, a.Address)
		k.must(err)
		equal(k, "password of a locked account", got.Password, "")
		equal(k, "INBOX after the change", k.folder(a.Address, "INBOX").ID, inbox.ID)
	}},
	{"folders of a new account", func(k *kit) {
		a := mailbox.Account{Address: "carol@crepes.fr"}
		first := []mailbox.FolderChange{{New: "Sent", Special: `\Sent`}, {New: "a/b"}, {New: "Sent"}, {New: "inbox/c"}}
		k.must(k.PutAccount(k.ctx, a, true, first...))
		var names []string
		all, err := k.Folders(k.ctx, a.Address)
		k.must(err)
		for _, f := range all {
			names = append(names, f.Name)
		}
		if !slices.Equal(names, []string{"INBOX", "INBOX/c", "Sent", "a", "a/b"}) {
			k.Fatalf("folders are %q", names)
		}
		if f := k.folder(a.Address, "Sent"); !f.Subscribed || f.Special != `\Sent` {
			k.Fatalf("Sent is %+v", f)
		}
		k.must(k.PutAccount(k.ctx, a, false, mailbox.FolderChange{New: "late"}))
		_, err = k.Folder(k.ctx, a.Address, "late")
		k.wants(err, mailbox.ErrNotFound)
		for _, bad := range []mailbox.FolderChange{{New: "/x"}, {Old: "Sent", Delete: true}, {}} {
			k.wants(k.PutAccount(k.ctx, mailbox.Account{Address: "d@x"}, true, bad), mailbox.ErrInvalid)
		}
		_, err = k.Account(k.ctx, "d@x")
		k.wants(err, mailbox.ErrNotFound)
	}},
	{"created stays", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: "d@x", Created: at(5)}, true))
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: "d@x", Password: "p"}, false))
		a, err := k.Account(k.ctx, "d@x")
		k.must(err)
		if !a.Created.Equal(at(5)) {
			k.Fatalf("created %v", a.Created)
		}
	}},
	{"list is sorted", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: "aa@x"}, false))
		all, err := k.Accounts(k.ctx)
		k.must(err)
		var names []string
		for _, a := range all {
			names = append(names, a.Address)
		}
		if !slices.Equal(names, []string{"aa@x", alice, bob}) {
			k.Fatalf("accounts are %q", names)
		}
	}},
	{"delete takes the mail", func(k *kit) {
		p := k.deposit(bob, 0, "hello")
		body := k.messages(p.Folder)[0].Body
		before := k.folder(bob, "INBOX").UIDValidity
		k.must(k.DeleteAccount(k.ctx, bob))
		_, err := k.Account(k.ctx, bob)
		k.wants(err, mailbox.ErrNotFound)
		_, err = k.Folders(k.ctx, bob)
		k.wants(err, mailbox.ErrNotFound)
		_, err = k.Folder(k.ctx, bob, "INBOX")
		k.wants(err, mailbox.ErrNotFound)
		_, err = k.Usage(k.ctx, bob)
		k.wants(err, mailbox.ErrNotFound)
		k.gone(body)
		k.wants(k.DeleteAccount(k.ctx, bob), mailbox.ErrNotFound)
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: bob}, true))
		f := k.folder(bob, "INBOX")
		if f.UIDValidity <= before || f.Messages != 0 {
			k.Fatalf("the new INBOX is %+v, UIDVALIDITY was %d", f, before)
		}
	}},
	{"bad addresses", func(k *kit) {
		for _, a := range []string{"", "a\x00b", string(make([]byte, 600)), "\xff@x"} {
			k.wants(k.PutAccount(k.ctx, mailbox.Account{Address: a}, false), mailbox.ErrInvalid)
			k.wants(k.PutAlias(k.ctx, mailbox.Alias{Address: a, Targets: []string{alice}}), mailbox.ErrInvalid)
		}
	}},
	{"aliases", func(k *kit) {
		_, err := k.Alias(k.ctx, "all@x")
		k.wants(err, mailbox.ErrNotFound)
		k.must(k.PutAlias(k.ctx, mailbox.Alias{Address: "info@x", Targets: []string{bob}}))
		k.must(k.PutAlias(k.ctx, mailbox.Alias{Address: "all@x", Targets: []string{alice}}))
		k.must(k.PutAlias(k.ctx, mailbox.Alias{Address: "all@x", Targets: []string{alice, bob}}))
		a, err := k.Alias(k.ctx, "all@x")
		k.must(err)
		if !slices.Equal(a.Targets, []string{alice, bob}) || a.Address != "all@x" {
			k.Fatalf("alias is %+v", a)
		}
		all, err := k.Aliases(k.ctx)
		k.must(err)
		if len(all) != 2 || all[0].Address != "all@x" || all[1].Address != "info@x" {
			k.Fatalf("aliases are %+v", all)
		}
		k.must(k.PutAlias(k.ctx, mailbox.Alias{Address: "all@x"}))
		k.wants(k.PutAlias(k.ctx, mailbox.Alias{Address: "all@x"}), mailbox.ErrNotFound)
	}},
	{"quota", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: bob, MaxBytes: 100}, false))
		f := k.folder(bob, "INBOX").ID
		k.deposit(bob, f, string(make([]byte, 60)))
		u, err := k.Usage(k.ctx, bob)
		k.must(err)
		equal(k, "usage", u, mailbox.Usage{Bytes: 60, Messages: 1, MaxBytes: 100})

		fifty := store.Acceptance{Deposits: []mailbox.Delivery{{User: alice}, {User: bob}}}
		_, err = k.Accept(k.ctx, k.stage(string(make([]byte, 50))), fifty)
		k.wants(err, mailbox.ErrQuota)
		equal(k, "alice's messages after a refusal", k.folder(alice, "INBOX").Messages, 0)

		archive := k.create(bob, "archive").ID
		_, err = k.Change(k.ctx, f, mailbox.Change{CopyTo: archive})
		k.wants(err, mailbox.ErrQuota)
		equal(k, "copies after a refusal", k.folder(bob, "archive").Messages, 0)
		k.change(f, mailbox.Change{CopyTo: archive, Expunge: true}) // a move needs no room
		k.deposit(bob, f, string(make([]byte, 40)))
		_, err = k.Accept(k.ctx, k.stage("x"), store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}})
		k.wants(err, mailbox.ErrQuota)
		k.change(archive, mailbox.Change{Expunge: true})
		k.deposit(bob, f, string(make([]byte, 60)))
	}},
	{"quota without waiting", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: bob, MaxBytes: 100}, false))
		a := store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}}
		k.accept(string(make([]byte, 60)), a)
		_, err := k.Accept(k.ctx, k.stage(string(make([]byte, 60))), a)
		k.wants(err, mailbox.ErrQuota)
		k.accept(string(make([]byte, 40)), a)
	}},
}
