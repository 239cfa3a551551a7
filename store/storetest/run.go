// Package storetest is what every store.Store must do: one suite for all engines.
//
// Run plays single rules and a random walk beside a simple model. RunDurable adds
// what an engine with files must do across Close and reopening.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// Open makes a fresh, empty store that is closed by the test.
type Open func(t *testing.T) store.Store

// Run runs the whole suite over stores that open makes.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Accounts", accountTests},
		{"Folders", folderTests},
		{"Accept", acceptTests},
		{"Messages", messageTests},
		{"Queue", queueTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, x := range group.tests {
				t.Run(x.name, func(t *testing.T) { x.run(newKit(t, open(t))) })
			}
		})
	}
	t.Run("Concurrent", func(t *testing.T) { concurrent(newKit(t, open(t))) })
	t.Run("Model", func(t *testing.T) { model(t, open) })
}

type test struct {
	name string
	run  func(*kit)
}

// kit is a store with two accounts, and the words in which tests are written.
type kit struct {
	testing.TB
	store.Store
	ctx context.Context
}

const (
	alice = "alice@crepes.fr"
	bob   = "bob@hamburger.edu"
)

func newKit(t testing.TB, s store.Store) *kit {
	k := &kit{TB: t, Store: s, ctx: context.Background()}
	for _, a := range []string{alice, bob} {
		k.must(s.PutAccount(k.ctx, mailbox.Account{Address: a, Password: "x"}, true))
	}
	t.Cleanup(func() { s.Close() })
	return k
}

// reuse is a kit for a store that has its accounts already.
func reuse(t testing.TB, s store.Store) *kit {
	t.Cleanup(func() { s.Close() })
	return &kit{TB: t, Store: s, ctx: context.Background()}
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *kit) wants(err, target error) {
	k.Helper()
	if !errors.Is(err, target) {
		k.Fatalf("error is %v, want %v", err, target)
	}
}

func equal[T comparable](k *kit, what string, got, want T) {
	k.Helper()
	if got != want {
		k.Fatalf("%s is %v, want %v", what, got, want)
	}
}

func (k *kit) folder(user, name string) mailbox.Folder {
	k.Helper()
	f, err := k.Folder(k.ctx, user, name)
	k.must(err)
	return f
}

func (k *kit) create(user, name string) mailbox.Folder {
	k.Helper()
	f, err := k.ChangeFolder(k.ctx, user, mailbox.FolderChange{New: name})
	k.must(err)
	return f
}

func (k *kit) stage(text string) store.Staged {
	k.Helper()
	st, err := k.Stage(k.ctx, int64(len(text)))
	k.must(err)
	_, err = io.WriteString(st, text)
	k.must(err)
	return st
}

func (k *kit) accept(text string, a store.Acceptance) []mailbox.Appended {
	k.Helper()
	p, err := k.Accept(k.ctx, k.stage(text), a)
	k.must(err)
	return p
}

// deposit puts a text into a user's folder and waits until it is there.
func (k *kit) deposit(user string, f mailbox.FolderID, text string) mailbox.Appended {
	k.Helper()
	p := k.accept(text, store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{{User: user, Folder: f}}})
	if len(p) != 1 {
		k.Fatalf("placed %v, want one place", p)
	}
	return p[0]
}

// fill deposits n messages into a user's INBOX.
func (k *kit) fill(user string, n int) mailbox.FolderID {
	k.Helper()
	f := k.folder(user, mailbox.Inbox)
	for i := range n {
		k.deposit(user, f.ID, fmt.Sprintf("message %d\r\n", i))
	}
	return f.ID
}

func (k *kit) messages(f mailbox.FolderID) (ms []mailbox.Message) {
	k.Helper()
	for m, err := range k.Messages(k.ctx, f, mailbox.Range{}) {
		k.must(err)
		ms = append(ms, m)
	}
	return ms
}

func (k *kit) change(f mailbox.FolderID, c mailbox.Change) mailbox.Changed {
	k.Helper()
	out, err := k.Change(k.ctx, f, c)
	k.must(err)
	return out
}

func (k *kit) text(id mail.ContentID) string {
	k.Helper()
	b, err := k.Body(k.ctx, id)
	k.must(err)
	defer b.Close()
	got := make([]byte, b.Size())
	_, err = b.ReadAt(got, 0)
	if err != nil && err != io.EOF {
		k.Fatal(err)
	}
	return string(got)
}

// gone waits until a text cannot be opened any more. Engines may give room back
// behind the caller's back.
func (k *kit) gone(id mail.ContentID) {
	k.Helper()
	k.eventually("the text is gone", func() bool {
		b, err := k.Body(k.ctx, id)
		if err == nil {
			b.Close()
		}
		return errors.Is(err, mailbox.ErrNotFound)
	})
}

// eventually waits for what may come a moment later.
func (k *kit) eventually(what string, ok func() bool) {
	k.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			k.Fatalf("it did not happen: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func uids(ms []mailbox.Message) (us []mailbox.UID) {
	for _, m := range ms {
		us = append(us, m.UID)
	}
	return us
}

func sameUIDs(k *kit, what string, got []mailbox.UID, want ...mailbox.UID) {
	k.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		k.Fatalf("%s are %v, want %v", what, got, want)
	}
}

func flags(f mailbox.Flags) *mailbox.Flags { return &f }

// at is a time of the tests, some minutes after a fixed instant.
func at(minutes int) time.Time {
	return time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// to is a recipient at a destination, due after some minutes.
func to(local, dest string, minutes int) queue.Recipient {
	return queue.Recipient{
		Recipient: mail.Recipient{Address: mail.Address{Local: local, Domain: dest}, Notify: []string{"FAILURE"}, ORcpt: "rfc822;x"},
		Dest:      dest, Due: at(minutes),
	}
}

func sender() mail.Address { return mail.Address{Local: "alice", Domain: "crepes.fr"} }

// blob is a text larger than any engine keeps inline.
func blob(n int) string {
	return string(bytes.Repeat([]byte("0123456789abcde\n"), n/16))
}
