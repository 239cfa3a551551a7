package storetest

import (
	"fmt"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// OpenDir opens the store that is in a folder, and makes it if there is none.
type OpenDir func(t *testing.T, dir string) store.Store

// RunDurable runs Run, and besides what holds across Close and reopening.
func RunDurable(t *testing.T, open OpenDir) {
	Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
	t.Run("Reopen", func(t *testing.T) {
		for _, x := range []struct {
			name string
			run  func(t *testing.T, dir string, open OpenDir)
		}{
			{"everything is there again", reopenAll},
			{"many times", reopenOften},
			{"numbers go on", reopenNumbers},
			{"leases are forgotten", reopenLeases},
			{"after Close", afterClose},
		} {
			t.Run(x.name, func(t *testing.T) { x.run(t, t.TempDir(), open) })
		}
	})
}

func reopenAll(t *testing.T, dir string, open OpenDir) {
	k := newKit(t, open(t, dir))
	f := k.fill(bob, 5)
	k.change(f, mailbox.Change{UIDs: []mailbox.UID{2}, Add: mailbox.Flagged, AddKeywords: []string{"todo"}})
	mod := k.folder(bob, "INBOX").ModSeq
	k.change(f, mailbox.Change{UIDs: []mailbox.UID{3}, Expunge: true})
	k.must(k.PutAccount(k.ctx, mailbox.Account{Address: bob, Password: "p", MaxBytes: 1 << 20, Created: at(3)}, false))
	k.must(k.PutAlias(k.ctx, mailbox.Alias{Address: "all@x", Targets: []string{alice, bob}}))
	k.create(bob, "a/b")
	yes := true
	_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a/b", Subscribe: &yes})
	k.must(err)
	large := blob(700 << 10)
	p := k.accept(large, store.Acceptance{ID: "large", Wait: true, Record: []byte("rec"), Deposits: []mailbox.Delivery{{User: alice}}})
	k.enqueue("m1", to("a", "x.org", 5), to("b", "x.org", 5))
	k.must(k.Settle(k.ctx, k.leaseOne(at(5)), []queue.Result{result("a", "x.org", queue.Deferred, 7)}, nil))
	before := describe(k)
	k.must(k.Close())

	k = reuse(t, open(t, dir))
	if after := describe(k); after != before {
		t.Fatalf("after reopening:\n%s\nbefore:\n%s", after, before)
	}
	d, err := k.Since(k.ctx, f, mod)
	k.must(err)
	sameUIDs(k, "expunged", d.Expunged, 3)
	m := k.messages(p[0].Folder)[0]
	if k.text(m.Body) != large {
		t.Fatal("a large text differs")
	}
	r, err := k.Record(k.ctx, m.Body)
	k.must(err)
	equal(k, "record", string(r), "rec")
	again := k.accept("x", store.Acceptance{ID: "large", Wait: true, Deposits: []mailbox.Delivery{{User: alice}}})
	if len(again) != 1 || again[0] != p[0] {
		t.Fatalf("a repetition was placed %+v, first %+v", again, p)
	}
	a, err := k.Alias(k.ctx, "all@x")
	k.must(err)
	equal(k, "targets", fmt.Sprint(a.Targets), fmt.Sprint([]string{alice, bob}))
	jobs, _ := k.lease(at(6), 9, nil)
	if len(jobs) != 1 || fmt.Sprint(locals(jobs[0])) != "[b]" {
		t.Fatalf("jobs are %+v", jobs)
	}
	equal(k, "recipients", fmt.Sprint(locals(k.leaseOne(at(7)))), "[a]")
}

// describe writes down everything that can be asked.
func describe(k *kit) (s string) {
	accounts, err := k.Accounts(k.ctx)
	k.must(err)
	for _, a := range accounts {
		a.Created = a.Created.UTC()
		s += fmt.Sprintf("%+v\n", a)
		fs, err := k.Folders(k.ctx, a.Address)
		k.must(err)
		for _, f := range fs {
			s += fmt.Sprintf(" %+v\n", f)
			for _, m := range k.messages(f.ID) {
				m.Date = m.Date.UTC()
				s += fmt.Sprintf("  %+v %d\n", m, len(k.text(m.Body)))
			}
		}
	}
	for _, e := range k.entries("") {
		e.Accepted, e.Due = e.Accepted.UTC(), e.Due.UTC()
		s += fmt.Sprintf("%+v\n", e)
	}
	return s
}

func reopenOften(t *testing.T, dir string, open OpenDir) {
	k := newKit(t, open(t, dir))
	for i := range 10 {
		for j := range 5 {
			k.accept(fmt.Sprintf("text %d-%d", i, j), store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}})
		}
		k.must(k.Close())
		k = reuse(t, open(t, dir))
		equal(k, "messages", k.folder(bob, "INBOX").Messages, uint32(5*(i+1)))
	}
	for i, m := range k.messages(k.folder(bob, "INBOX").ID) {
		equal(k, "UID", m.UID, mailbox.UID(i+1))
		equal(k, "text", k.text(m.Body), fmt.Sprintf("text %d-%d", i/5, i%5))
	}
}

func reopenNumbers(t *testing.T, dir string, open OpenDir) {
	k := newKit(t, open(t, dir))
	f := k.create(bob, "a")
	k.deposit(bob, f.ID, "x")
	k.change(f.ID, mailbox.Change{Expunge: true})
	body := k.deposit(bob, 0, "y")
	id := k.messages(body.Folder)[0].Body
	k.change(body.Folder, mailbox.Change{Expunge: true})
	_, err := k.ChangeFolder(k.ctx, bob, mailbox.FolderChange{Old: "a", Delete: true})
	k.must(err)
	k.must(k.Close())
	k = reuse(t, open(t, dir))
	g := k.create(bob, "a")
	if g.ID == f.ID || g.UIDValidity <= f.UIDValidity {
		t.Fatalf("folder %+v, an earlier one was %+v", g, f)
	}
	p := k.deposit(bob, 0, "z")
	equal(k, "UID", p.UID, body.UID+1)
	if m := k.messages(p.Folder)[0]; m.Body == id {
		t.Fatalf("two texts are called %s", id)
	}
}

func reopenLeases(t *testing.T, dir string, open OpenDir) {
	k := newKit(t, open(t, dir))
	k.enqueue("m1", to("a", "x.org", 5))
	j := k.leaseOne(at(5))
	k.must(k.Close())
	k = reuse(t, open(t, dir))
	again := k.leaseOne(at(5)) // RFC 5321 §4.5.4.1: the attempt is repeated
	done := []queue.Result{result("a", "x.org", queue.Delivered, 0)}
	k.wants(k.Settle(k.ctx, j, done, nil), queue.ErrStale)
	k.must(k.Settle(k.ctx, again, done, nil))
}

func afterClose(t *testing.T, dir string, open OpenDir) {
	k := newKit(t, open(t, dir))
	f := k.fill(bob, 1)
	st := k.stage("x")
	m := k.messages(f)[0]
	body, err := k.Body(k.ctx, m.Body)
	k.must(err)
	k.must(k.Close())
	k.must(k.Close())
	if _, err := body.ReadAt(make([]byte, 1), 0); err != nil {
		t.Fatalf("a text that was open: %v", err)
	}
	k.must(body.Close())
	st.Discard()
	_, stage := k.Stage(k.ctx, 0)
	_, folders := k.Folders(k.ctx, bob)
	_, change := k.Change(k.ctx, f, mailbox.Change{Add: mailbox.Seen})
	_, _, lease := k.Lease(k.ctx, at(0), 1, time.Minute, nil)
	_, text := k.Body(k.ctx, m.Body)
	for i, err := range []error{stage, folders, change, lease, text, k.PutAccount(k.ctx, mailbox.Account{Address: "x@x"}, false)} {
		if err == nil {
			t.Fatalf("operation %d works on a closed store", i)
		}
	}
}
