package storetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

var acceptTests = []test{
	{"what was accepted is what is read", func(k *kit) {
		f := k.folder(bob, "INBOX")
		text := "Subject: crepes\r\n\r\nDo you like ketchup?\r\n"
		p := k.accept(text, store.Acceptance{
			ID: "m1", From: sender(), Time: at(0), Wait: true, Record: []byte("record"),
			Deposits: []mailbox.Delivery{{
				User: bob, Folder: f.ID, Flags: mailbox.Seen | mailbox.Draft, Keywords: []string{"$Junk", "b"}, Date: at(7),
			}},
		})
		want := mailbox.Appended{Folder: f.ID, UIDValidity: f.UIDValidity, UID: 1, ModSeq: f.ModSeq + 1}
		if len(p) != 1 || p[0] != want {
			k.Fatalf("placed %+v, want %+v", p, want)
		}
		m := k.messages(f.ID)[0]
		equal(k, "text", k.text(m.Body), text)
		r, err := k.Record(k.ctx, m.Body)
		k.must(err)
		equal(k, "record", string(r), "record")
		if m.UID != 1 || m.ModSeq != want.ModSeq || m.Flags != mailbox.Seen|mailbox.Draft ||
			!slices.Equal(m.Keywords, []string{"$Junk", "b"}) || !m.Date.Equal(at(7)) || m.Size != int64(len(text)) {
			k.Fatalf("message is %+v", m)
		}
		g := k.folder(bob, "INBOX")
		if g.Messages != 1 || g.Unseen != 0 || g.Size != m.Size || g.UIDNext != 2 || !slices.Equal(g.Keywords, []string{"$Junk", "b"}) {
			k.Fatalf("folder is %+v", g)
		}
	}},
	{"an empty text", func(k *kit) {
		p := k.deposit(bob, 0, "")
		m := k.messages(p.Folder)[0]
		equal(k, "size", m.Size, 0)
		equal(k, "text", k.text(m.Body), "")
	}},
	{"large texts", func(k *kit) {
		for _, n := range []int{255 << 10, 256 << 10, 256<<10 + 16, 1 << 20, 3<<20 + 16} {
			text := blob(n)
			for _, hint := range []int64{0, int64(len(text)), 10} {
				st, err := k.Stage(k.ctx, hint)
				k.must(err)
				for rest := text; rest != ""; {
					cut := min(len(rest), 70001)
					_, err := io.WriteString(st, rest[:cut])
					k.must(err)
					rest = rest[cut:]
				}
				equal(k, "size", st.Size(), int64(len(text)))
				p, err := k.Accept(k.ctx, st, store.Acceptance{Wait: true, Record: []byte("r"), Deposits: []mailbox.Delivery{{User: bob}}})
				k.must(err)
				ms := k.messages(p[0].Folder)
				if got := k.text(ms[len(ms)-1].Body); got != text {
					k.Fatalf("a text of %d bytes came back with %d", len(text), len(got))
				}
				r, err := k.Record(k.ctx, ms[len(ms)-1].Body)
				k.must(err)
				equal(k, "record", string(r), "r")
			}
		}
	}},
	{"reading back while it comes in", func(k *kit) {
		st, err := k.Stage(k.ctx, 0)
		k.must(err)
		defer st.Discard()
		text := blob(600 << 10)
		for i := 0; i < len(text); i += 100 << 10 {
			_, err := io.WriteString(st, text[i:min(i+100<<10, len(text))])
			k.must(err)
			size := int(st.Size())
			for _, off := range []int{0, size - 1, size / 2, max(0, size-130<<10)} {
				b := make([]byte, min(200<<10, size-off))
				if n, err := st.ReadAt(b, int64(off)); n != len(b) || err != nil && err != io.EOF {
					k.Fatalf("ReadAt %d: %d, %v", off, n, err)
				}
				if string(b) != text[off:off+len(b)] {
					k.Fatalf("ReadAt %d reads something else", off)
				}
			}
			if n, err := st.ReadAt(make([]byte, 2), int64(size-1)); n != 1 || err != io.EOF {
				k.Fatalf("at the end: %d, %v", n, err)
			}
		}
	}},
	{"discard", func(k *kit) {
		for _, n := range []int{10, 600 << 10} {
			st := k.stage(blob(n))
			st.Discard()
			st.Discard()
			_, err := k.Accept(k.ctx, st, store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}})
			k.wants(err, mailbox.ErrInvalid)
		}
		st := k.stage("text")
		_, err := k.Accept(k.ctx, st, store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{{User: bob}}})
		k.must(err)
		st.Discard() // deferred by everybody
		_, err = k.Accept(k.ctx, st, store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}})
		k.wants(err, mailbox.ErrInvalid)
		ms := k.messages(k.folder(bob, "INBOX").ID)
		equal(k, "messages", len(ms), 1)
		equal(k, "text", k.text(ms[0].Body), "text")
	}},
	{"several folders are one step", func(k *kit) {
		a := k.create(bob, "a").ID
		inbox := k.folder(bob, "INBOX").ID
		hers := k.folder(alice, "INBOX").ID
		p := k.accept("text", store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{
			{User: bob, Folder: a}, {User: alice, Folder: hers}, {User: bob, Folder: inbox}, {User: bob, Folder: a},
		}})
		if len(p) != 4 || p[0].Folder != a || p[1].Folder != hers || p[2].Folder != inbox || p[3].Folder != a {
			k.Fatalf("placed %+v", p)
		}
		if p[0].UID != 1 || p[3].UID != 2 || p[0].ModSeq != p[3].ModSeq {
			k.Fatalf("two copies in one folder: %+v and %+v", p[0], p[3])
		}
		bodies := map[mail.ContentID]bool{}
		for _, f := range []mailbox.FolderID{a, inbox, hers} {
			for _, m := range k.messages(f) {
				bodies[m.Body] = true
			}
		}
		equal(k, "bodies of one message", len(bodies), 1)
	}},
	{"refused means nothing happened", func(k *kit) {
		for _, a := range []store.Acceptance{
			{ID: "x", Deposits: []mailbox.Delivery{{User: bob}, {User: "nobody@x"}}, Relay: []queue.Recipient{to("c", "x.org", 0)}},
			{ID: "x", Deposits: []mailbox.Delivery{{User: bob, Keywords: []string{"a b"}}}},
			{ID: "x", Deposits: []mailbox.Delivery{{User: bob}}, Record: make([]byte, store.MaxRecord+1)},
		} {
			a.Wait = true
			if _, err := k.Accept(k.ctx, k.stage("text"), a); err == nil {
				k.Fatalf("accepted %+v", a)
			}
		}
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 0)
		equal(k, "entries", len(k.entries("")), 0)
		k.accept("text", store.Acceptance{ID: "x", Wait: true, Deposits: []mailbox.Delivery{{User: bob}}}) // the ID is free
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 1)
	}},
	{"a repeated ID is the same delivery", func(k *kit) {
		a := store.Acceptance{ID: "m1", Wait: true, Deposits: []mailbox.Delivery{{User: bob}, {User: alice}}, Relay: []queue.Recipient{to("c", "x.org", 0)}}
		p := k.accept("text", a)
		a.Deposits = a.Deposits[:1]
		again := k.accept("text again", a)
		if !slices.Equal(p, again) {
			k.Fatalf("placed %+v, then %+v", p, again)
		}
		a.Wait = false
		k.accept("text again", a)
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 1)
		equal(k, "entries", len(k.entries("")), 1)
		a.ID = ""
		k.accept("text", a)
		a.Wait = true
		k.accept("text", a)
		equal(k, "messages of no ID", k.folder(bob, "INBOX").Messages, 3)
	}},
	{"a repetition at the same time", func(k *kit) {
		done := make(chan error, 8)
		for range 8 {
			st := k.stage("text")
			go func() {
				_, err := k.Accept(k.ctx, st, store.Acceptance{ID: "m1", Deposits: []mailbox.Delivery{{User: bob}}})
				done <- err
			}()
		}
		for range 8 {
			k.must(<-done)
		}
		k.deposit(bob, 0, "the last")
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 2)
	}},
	{"without Wait it shows soon, and watchers are told", func(k *kit) {
		f := k.folder(bob, "INBOX").ID
		ctx, cancel := context.WithCancel(k.ctx)
		defer cancel()
		w := k.Watch(ctx, f)
		if p := k.accept("text", store.Acceptance{Deposits: []mailbox.Delivery{{User: bob, Folder: f}}}); p != nil {
			k.Fatalf("placed %+v without waiting", p)
		}
		<-w
		k.eventually("the message shows", func() bool { return k.folder(bob, "INBOX").Messages == 1 })
	}},
	{"a cancelled context", func(k *kit) {
		ctx, cancel := context.WithCancel(k.ctx)
		cancel()
		if _, err := k.Stage(ctx, 0); err == nil {
			k.Fatal("staged")
		}
		_, err := k.Accept(ctx, k.stage("x"), store.Acceptance{Deposits: []mailbox.Delivery{{User: bob}}})
		k.wants(err, context.Canceled)
		equal(k, "messages", k.folder(bob, "INBOX").Messages, 0)
	}},
	{"nothing to do", func(k *kit) {
		p := k.accept("text", store.Acceptance{ID: "m1", Wait: true})
		equal(k, "places", len(p), 0)
	}},
	{"bodies that are not there", func(k *kit) {
		for _, id := range []mail.ContentID{"", "x", "00000001", "ffffffffffffffff", "1", "../x", "+1"} {
			_, err := k.Body(k.ctx, id)
			k.wants(err, mailbox.ErrNotFound)
			_, err = k.Record(k.ctx, id)
			k.wants(err, mailbox.ErrNotFound)
		}
	}},
	{"an open text outlives its messages", func(k *kit) {
		for _, n := range []int{100, 600 << 10} {
			text := blob(n)
			p := k.deposit(bob, 0, text)
			ms := k.messages(p.Folder)
			b, err := k.Body(k.ctx, ms[0].Body)
			k.must(err)
			k.change(p.Folder, mailbox.Change{Expunge: true})
			k.gone(ms[0].Body)
			got := make([]byte, b.Size())
			if _, err := b.ReadAt(got, 0); err != nil && err != io.EOF || string(got) != text {
				k.Fatalf("reading after expunge: %v, equal %v", err, string(got) == text)
			}
			k.must(b.Close())
		}
	}},
	{"many recipients", func(k *kit) {
		var a store.Acceptance
		for i := range 500 {
			user := fmt.Sprintf("u%03d@x", i)
			k.must(k.PutAccount(k.ctx, mailbox.Account{Address: user}, true))
			a.Deposits = append(a.Deposits, mailbox.Delivery{User: user})
			a.Relay = append(a.Relay, to(fmt.Sprintf("r%03d", i), "x.org", 0))
		}
		a.Wait = true
		equal(k, "places", len(k.accept(strings.Repeat("x", 1000), a)), 500)
		equal(k, "entries", len(k.entries("x.org")), 500)
	}},
}
