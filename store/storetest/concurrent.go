package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// concurrent lets deliverers, readers, a relay and an operator loose on one store,
// then counts everything.
func concurrent(k *kit) {
	const deliverers, each = 8, 60
	var wg sync.WaitGroup
	var stop atomic.Bool
	spawn := func(f func()) {
		wg.Add(1)
		go func() { defer wg.Done(); f() }()
	}
	inbox := k.folder(bob, "INBOX").ID
	archive := k.create(bob, "archive").ID

	var delivering sync.WaitGroup
	for g := range deliverers {
		delivering.Add(1)
		spawn(func() {
			defer delivering.Done()
			for i := range each {
				a := store.Acceptance{
					ID: fmt.Sprintf("%d-%d", g, i), From: sender(), Wait: i%3 == 0,
					Deposits: []mailbox.Delivery{{User: bob, Folder: inbox}, {User: alice}},
					Relay:    []queue.Recipient{to(fmt.Sprintf("r%d-%d", g, i), fmt.Sprintf("d%d.org", i%3), 0)},
				}
				st, err := k.Stage(k.ctx, 0)
				if err != nil {
					k.Error(err)
					return
				}
				fmt.Fprintf(st, "text %d-%d", g, i)
				if _, err := k.Accept(k.ctx, st, a); err != nil {
					k.Error(err)
					return
				}
			}
		})
	}
	var settled atomic.Int64
	for range 2 {
		spawn(func() { relay(k, &stop, &settled) })
	}
	spawn(func() { reader(k, &stop, inbox, archive) })
	spawn(func() {
		for !stop.Load() {
			for _, f := range []mailbox.FolderID{inbox, archive} {
				last := mailbox.UID(0)
				for m, err := range k.Messages(k.ctx, f, mailbox.Range{}) {
					if err != nil || m.UID <= last {
						k.Errorf("UID %d after %d: %v", m.UID, last, err)
						return
					}
					last = m.UID
				}
			}
		}
	})
	delivering.Wait()
	k.eventually("everything is relayed", func() bool { return settled.Load() == deliverers*each })
	stop.Store(true)
	wg.Wait()

	k.deposit(bob, inbox, "last")
	total := k.folder(bob, "INBOX").Messages + k.folder(bob, "archive").Messages
	equal(k, "bob's messages", total, deliverers*each+1)
	equal(k, "alice's messages", k.folder(alice, "INBOX").Messages, deliverers*each)
	equal(k, "entries", len(k.entries("")), 0)
	seen := map[string]bool{}
	for _, m := range k.messages(k.folder(alice, "INBOX").ID) {
		text := k.text(m.Body)
		if seen[text] {
			k.Fatalf("%q is there twice", text)
		}
		seen[text] = true
	}
}

// relay leases and settles until told to stop.
func relay(k *kit, stop *atomic.Bool, settled *atomic.Int64) {
	for !stop.Load() {
		jobs, _, err := k.Lease(k.ctx, at(1), 8, time.Hour, nil)
		if err != nil {
			k.Error(err)
			return
		}
		for _, j := range jobs {
			var rs []queue.Result
			for _, r := range j.Recipients {
				rs = append(rs, queue.Result{Address: r.Address, Status: queue.Delivered})
			}
			if err := k.Settle(k.ctx, j, rs, nil); err != nil {
				k.Error(err)
				return
			}
			settled.Add(1)
		}
		if len(jobs) == 0 {
			select {
			case <-k.Wake():
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// reader moves messages to and fro, flags them, and reads them.
func reader(k *kit, stop *atomic.Bool, a, b mailbox.FolderID) {
	rng := rand.New(rand.NewPCG(1, 2))
	for !stop.Load() {
		if rng.IntN(2) == 0 {
			a, b = b, a
		}
		n := 0
		for m, err := range k.Messages(k.ctx, a, mailbox.Range{}) {
			if err != nil {
				k.Error(err)
				return
			}
			c := mailbox.Change{UIDs: []mailbox.UID{m.UID}, Add: mailbox.Seen}
			if rng.IntN(2) == 0 {
				c = mailbox.Change{UIDs: []mailbox.UID{m.UID}, CopyTo: b, Expunge: true}
			}
			if body, err := k.Body(k.ctx, m.Body); err == nil {
				body.ReadAt(make([]byte, 4), 0)
				body.Close()
			} else {
				k.Error(err)
				return
			}
			if _, err := k.Change(k.ctx, a, c); err != nil {
				k.Error(err)
				return
			}
			if n++; n == 5 {
				break
			}
		}
	}
}
