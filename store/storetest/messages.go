package storetest

import (
	"context"
	"fmt"
	"slices"

	"glassmail/mailbox"
	"glassmail/store"
)

var messageTests = []test{
	{"flags", func(k *kit) {
		f := k.fill(bob, 4)
		mod := k.folder(bob, "INBOX").ModSeq
		c := k.change(f, mailbox.Change{UIDs: []mailbox.UID{1, 3, 99}, Add: mailbox.Seen | mailbox.Flagged})
		if c.ModSeq != mod+1 || len(c.Messages) != 2 || c.Messages[0].ModSeq != mod+1 || c.Messages[1].ModSeq != mod+1 {
			k.Fatalf("changed %+v, mod-sequence was %d", c, mod)
		}
		sameUIDs(k, "changed UIDs", uids(c.Messages), 1, 3)
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, Remove: mailbox.Seen})
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{2}, Set: flags(mailbox.Deleted)})
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{3}, Set: flags(0), Add: mailbox.Answered, Remove: mailbox.Flagged})
		want := []mailbox.Flags{mailbox.Flagged, mailbox.Deleted, mailbox.Answered, 0}
		for i, m := range k.messages(f) {
			equal(k, fmt.Sprintf("flags of %d", m.UID), m.Flags, want[i])
		}
		g := k.folder(bob, "INBOX")
		if g.Unseen != 4 || g.Deleted != 1 || g.Messages != 4 {
			k.Fatalf("folder is %+v", g)
		}
	}},
	{"a change of nothing has no mod-sequence", func(k *kit) {
		f := k.fill(bob, 2)
		k.change(f, mailbox.Change{Add: mailbox.Seen})
		mod := k.folder(bob, "INBOX").ModSeq
		c := k.change(f, mailbox.Change{Add: mailbox.Seen})
		equal(k, "mod-sequence", c.ModSeq, mod)
		equal(k, "messages told", len(c.Messages), 2)
		c = k.change(f, mailbox.Change{UIDs: []mailbox.UID{}, Add: mailbox.Draft})
		equal(k, "messages told of none", len(c.Messages), 0)
		equal(k, "mod-sequence", k.folder(bob, "INBOX").ModSeq, mod)
	}},
	{"keywords", func(k *kit) {
		f := k.fill(bob, 2)
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, AddKeywords: []string{"$Forwarded", "todo"}})
		c := k.change(f, mailbox.Change{UIDs: []mailbox.UID{1, 2}, AddKeywords: []string{"TODO"}})
		equal(k, "keywords of 1", fmt.Sprint(c.Messages[0].Keywords), "[$Forwarded todo]")
		equal(k, "keywords of 2", fmt.Sprint(c.Messages[1].Keywords), "[todo]")
		c = k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, RemoveKeywords: []string{"$forwarded", "never"}})
		equal(k, "keywords of 1", fmt.Sprint(c.Messages[0].Keywords), "[todo]")
		c = k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, Set: flags(mailbox.Seen), SetKeywords: []string{"new"}})
		equal(k, "keywords of 1", fmt.Sprint(c.Messages[0].Keywords), "[new]")
		c = k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, Set: flags(0)})
		equal(k, "keywords of 1", fmt.Sprint(c.Messages[0].Keywords), "[]")
		equal(k, "keywords of the folder", fmt.Sprint(k.folder(bob, "INBOX").Keywords), "[$Forwarded todo new]")
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{77}, AddKeywords: []string{"nobody"}})
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{1}, Add: mailbox.Seen})
		equal(k, "keywords of the folder", fmt.Sprint(k.folder(bob, "INBOX").Keywords), "[$Forwarded todo new]")
		for _, bad := range []string{"", "a b", `\Seen`, "a(", string(make([]byte, 65))} {
			_, err := k.Change(k.ctx, f, mailbox.Change{AddKeywords: []string{bad}})
			k.wants(err, mailbox.ErrInvalid)
		}
	}},
	{"too many keywords", func(k *kit) {
		f := k.fill(bob, 1)
		var all []string
		for i := range mailbox.MaxKeywords {
			all = append(all, fmt.Sprintf("k%d", i))
		}
		c := k.change(f, mailbox.Change{AddKeywords: all})
		equal(k, "keywords", fmt.Sprint(c.Messages[0].Keywords), fmt.Sprint(all))
		mod := c.ModSeq
		_, err := k.Change(k.ctx, f, mailbox.Change{AddKeywords: []string{"one"}, Add: mailbox.Seen})
		k.wants(err, mailbox.ErrInvalid)
		_, err = k.Change(k.ctx, f, mailbox.Change{Set: flags(0), SetKeywords: []string{"onemore"}})
		k.wants(err, mailbox.ErrInvalid)
		equal(k, "mod-sequence after refusals", k.folder(bob, "INBOX").ModSeq, mod)
		// A mail that comes in loses the keyword, not its life.
		k.accept("x", store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{{User: bob, Folder: f, Keywords: []string{"onemore", "K1"}}}})
		equal(k, "keywords of the new mail", fmt.Sprint(k.messages(f)[1].Keywords), "[k1]")
	}},
	{"UNCHANGEDSINCE", func(k *kit) { // RFC 7162 §3.1.3
		f := k.fill(bob, 3)
		mod := k.folder(bob, "INBOX").ModSeq
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{2}, Add: mailbox.Seen})
		c := k.change(f, mailbox.Change{UnchangedSince: mod, Add: mailbox.Flagged})
		sameUIDs(k, "refused", c.Refused, 2)
		sameUIDs(k, "changed", uids(c.Messages), 1, 3)
		equal(k, "flags of 2", k.messages(f)[1].Flags, mailbox.Seen)
	}},
	{"copy", func(k *kit) {
		f := k.fill(bob, 3)
		to := k.create(bob, "to")
		k.deposit(bob, to.ID, "first")
		before := k.folder(bob, "INBOX")
		k.change(to.ID, mailbox.Change{AddKeywords: []string{"other"}})
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{3}, Add: mailbox.Flagged, AddKeywords: []string{"a", "other"}})
		mod := k.folder(bob, "to").ModSeq
		c := k.change(f, mailbox.Change{UIDs: []mailbox.UID{1, 3}, CopyTo: to.ID})
		if len(c.Copies) != 2 || c.Copies[0].From != 1 || c.Copies[0].To.UID != 2 || c.Copies[1].From != 3 || c.Copies[1].To.UID != 3 {
			k.Fatalf("copies %+v", c.Copies)
		}
		if p := c.Copies[0].To; p.Folder != to.ID || p.UIDValidity != to.UIDValidity || p.ModSeq != mod+1 || c.Copies[1].To.ModSeq != mod+1 {
			k.Fatalf("copies %+v", c.Copies)
		}
		equal(k, "mod-sequence of the source", c.ModSeq, before.ModSeq+1)
		src, dst := k.messages(f), k.messages(to.ID)
		if dst[2].Body != src[2].Body || dst[2].Flags != mailbox.Flagged || !dst[2].Date.Equal(src[2].Date) {
			k.Fatalf("copy %+v of %+v", dst[2], src[2])
		}
		equal(k, "keywords of the copy", fmt.Sprint(dst[2].Keywords), "[other a]")
		k.change(f, mailbox.Change{Expunge: true})
		equal(k, "text of a copy", k.text(dst[1].Body), "message 0\r\n")
		k.gone(src[1].Body)
		k.change(to.ID, mailbox.Change{Expunge: true})
		k.gone(dst[1].Body)
	}},
	{"copy into the same folder", func(k *kit) {
		f := k.fill(bob, 2)
		mod := k.folder(bob, "INBOX").ModSeq
		c := k.change(f, mailbox.Change{CopyTo: f, Add: mailbox.Seen})
		sameUIDs(k, "UIDs", uids(k.messages(f)), 1, 2, 3, 4)
		equal(k, "mod-sequence", c.ModSeq, mod+1)
		for _, m := range k.messages(f) {
			if m.ModSeq != mod+1 || m.Flags != mailbox.Seen {
				k.Fatalf("message %+v", m)
			}
		}
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 4)
		equal(k, "unseen", k.folder(bob, "INBOX").Unseen, 0)
	}},
	{"move", func(k *kit) { // RFC 6851
		f := k.fill(bob, 3)
		to := k.create(bob, "to")
		body := k.messages(f)[1].Body
		c := k.change(f, mailbox.Change{UIDs: []mailbox.UID{2}, CopyTo: to.ID, Expunge: true})
		sameUIDs(k, "expunged", c.Expunged, 2)
		equal(k, "messages that remain", len(c.Messages), 0)
		sameUIDs(k, "source", uids(k.messages(f)), 1, 3)
		equal(k, "text", k.text(body), "message 1\r\n")
		k.change(to.ID, mailbox.Change{Expunge: true})
		k.gone(body)
	}},
	{"to a folder that is not there", func(k *kit) {
		f := k.fill(bob, 1)
		_, err := k.Change(k.ctx, f, mailbox.Change{CopyTo: 9999, Add: mailbox.Seen, Expunge: true})
		k.wants(err, mailbox.ErrNotFound)
		if ms := k.messages(f); len(ms) != 1 || ms[0].Flags != 0 {
			k.Fatalf("after a refusal: %+v", ms)
		}
	}},
	{"expunge", func(k *kit) {
		f := k.fill(bob, 5)
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{2, 4}, Add: mailbox.Deleted})
		mod := k.folder(bob, "INBOX").ModSeq
		c := k.change(f, mailbox.Change{UIDs: []mailbox.UID{1, 2}, OnlyDeleted: true, Expunge: true})
		sameUIDs(k, "expunged by UID", c.Expunged, 2)
		equal(k, "mod-sequence", c.ModSeq, mod+1)
		c = k.change(f, mailbox.Change{OnlyDeleted: true, Expunge: true})
		sameUIDs(k, "expunged", c.Expunged, 4)
		sameUIDs(k, "left", uids(k.messages(f)), 1, 3, 5)
		g := k.folder(bob, "INBOX")
		if g.Messages != 3 || g.Deleted != 0 || g.Unseen != 3 || g.Size != 33 || g.UIDNext != 6 {
			k.Fatalf("folder is %+v", g)
		}
		k.change(f, mailbox.Change{Expunge: true})
		equal(k, "UID after everything went", k.deposit(bob, f, "x").UID, 6)
	}},
	{"since", func(k *kit) {
		f := k.fill(bob, 4)
		mod := k.folder(bob, "INBOX").ModSeq
		d, err := k.Since(k.ctx, f, mod)
		k.must(err)
		if d.ModSeq != mod || d.UIDNext != 5 || len(d.Changed)+len(d.Expunged) != 0 || d.Gap {
			k.Fatalf("nothing happened, but %+v", d)
		}
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{2}, Add: mailbox.Seen})
		k.change(f, mailbox.Change{UIDs: []mailbox.UID{1, 3}, Expunge: true})
		k.deposit(bob, f, "new")
		d, err = k.Since(k.ctx, f, mod)
		k.must(err)
		sameUIDs(k, "changed", uids(d.Changed), 2, 5)
		sameUIDs(k, "expunged", d.Expunged, 1, 3)
		equal(k, "mod-sequence", d.ModSeq, mod+3)
		equal(k, "UIDNEXT", d.UIDNext, 6)
		d, err = k.Since(k.ctx, f, mod+1)
		k.must(err)
		sameUIDs(k, "changed later", uids(d.Changed), 5)
		var later []mailbox.UID
		for m, err := range k.Messages(k.ctx, f, mailbox.Range{Since: mod + 1}) {
			k.must(err)
			later = append(later, m.UID)
		}
		sameUIDs(k, "changed later, by Messages", later, 5)
	}},
	{"expunged UIDs are forgotten with a gap", func(k *kit) {
		f := k.folder(bob, "INBOX").ID
		seen := k.folder(bob, "INBOX").ModSeq
		gap := false
		for range 40 {
			ds := make([]mailbox.Delivery, 500)
			for i := range ds {
				ds[i] = mailbox.Delivery{User: bob, Folder: f}
			}
			k.accept("x", store.Acceptance{Wait: true, Deposits: ds})
			ms := k.messages(f)
			k.change(f, mailbox.Change{UIDs: uids(ms)[:250], Expunge: true})
			mod := k.folder(bob, "INBOX").ModSeq
			c := k.change(f, mailbox.Change{Expunge: true})
			d, err := k.Since(k.ctx, f, mod)
			k.must(err)
			if d.Gap || !slices.Equal(d.Expunged, c.Expunged) {
				k.Fatalf("right after expunge: gap %v, %d UIDs, want %d", d.Gap, len(d.Expunged), len(c.Expunged))
			}
			d, err = k.Since(k.ctx, f, seen)
			k.must(err)
			if gap = d.Gap; gap {
				break
			}
		}
		if !gap {
			k.Fatal("20,000 expunged UIDs are remembered: there is no bound")
		}
	}},
	{"one very large expunge", func(k *kit) {
		f := k.folder(bob, "INBOX").ID
		seen := k.folder(bob, "INBOX").ModSeq
		ds := make([]mailbox.Delivery, 20000)
		for i := range ds {
			ds[i] = mailbox.Delivery{User: bob, Folder: f}
		}
		k.accept("x", store.Acceptance{Wait: true, Deposits: ds})
		equal(k, "expunged", len(k.change(f, mailbox.Change{Expunge: true}).Expunged), len(ds))
		d, err := k.Since(k.ctx, f, seen)
		k.must(err)
		if !d.Gap && len(d.Expunged) != len(ds) {
			k.Fatalf("no gap, and %d of %d UIDs", len(d.Expunged), len(ds))
		}
		k.fill(bob, 1)
		mod := k.folder(bob, "INBOX").ModSeq
		k.change(f, mailbox.Change{Expunge: true})
		d, err = k.Since(k.ctx, f, mod)
		k.must(err)
		equal(k, "gap", d.Gap, false)
		sameUIDs(k, "expunged", d.Expunged, 20001)
	}},
	{"watch", func(k *kit) {
		f := k.fill(bob, 1)
		other := k.create(bob, "other").ID
		ctx, cancel := context.WithCancel(k.ctx)
		w, v := k.Watch(ctx, f), k.Watch(ctx, f)
		k.change(f, mailbox.Change{Add: mailbox.Seen})
		<-w
		<-v
		k.change(f, mailbox.Change{CopyTo: other})
		o := k.Watch(ctx, other)
		k.change(f, mailbox.Change{CopyTo: other})
		<-o
		for range 5 { // coalesced, and nobody waits for a reader
			k.deposit(bob, f, "x")
		}
		<-w
		cancel()
		k.eventually("a watch that ended is silent", func() bool {
			select {
			case <-w:
			default:
			}
			k.deposit(bob, f, "x")
			select {
			case <-w:
				return false
			default:
				return true
			}
		})
	}},
	{"changes while iterating", func(k *kit) {
		f := k.folder(bob, "INBOX").ID
		ds := make([]mailbox.Delivery, 5000)
		for i := range ds {
			ds[i] = mailbox.Delivery{User: bob, Folder: f}
		}
		k.accept("x", store.Acceptance{Wait: true, Deposits: ds})
		n, last := 0, mailbox.UID(0)
		for m, err := range k.Messages(k.ctx, f, mailbox.Range{From: 11}) {
			k.must(err)
			if m.UID <= last {
				k.Fatalf("UID %d after %d", m.UID, last)
			}
			last = m.UID
			if n++; n == 100 { // the store does not wait for this loop
				k.change(f, mailbox.Change{UIDs: []mailbox.UID{m.UID + 1, 4999}, Expunge: true})
				k.create(bob, "made meanwhile")
			}
		}
		if n < 4988 || n > 4990 {
			k.Fatalf("%d messages", n)
		}
		n = 0
		for range k.Messages(k.ctx, f, mailbox.Range{}) {
			if n++; n == 3 {
				break
			}
		}
	}},
}
