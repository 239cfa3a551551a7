package storetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"glassmail/mailbox"
	"glassmail/store"
)

// model plays random operations on a store and on maps and slices, and compares.
func model(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		defer s.Close()
		k := &kit{TB: fatal{t, rt}, Store: s, ctx: context.Background()}
		m := &walk{k: k, rt: rt, users: map[string]map[string]*box{}, past: map[mailbox.FolderID]snapshot{}}
		for _, u := range []string{alice, bob} {
			k.must(s.PutAccount(k.ctx, mailbox.Account{Address: u}, true))
			m.users[u] = map[string]*box{}
			m.made(u, k.folder(u, "INBOX"))
			m.users[u]["INBOX"].subscribed = true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"deposit":   m.deposit,
			"flags":     m.flags,
			"copy":      m.copy,
			"expunge":   m.expunge,
			"create":    m.create,
			"rename":    m.rename,
			"delete":    m.delete,
			"subscribe": m.subscribe,
			"":          m.compare,
		})
	})
}

// fatal is a TB whose failures are the property's.
type fatal struct {
	testing.TB
	rt *rapid.T
}

func (f fatal) Helper()                      {}
func (f fatal) Fatal(args ...any)            { f.rt.Fatal(args...) }
func (f fatal) Fatalf(s string, args ...any) { f.rt.Fatalf(s, args...) }

// walk is the model's state.
type walk struct {
	k     *kit
	rt    *rapid.T
	n     int
	users map[string]map[string]*box
	past  map[mailbox.FolderID]snapshot // of some earlier moment
}

type box struct {
	id         mailbox.FolderID
	validity   uint32
	next       mailbox.UID
	subscribed bool
	msgs       []letter
}

type letter struct {
	uid   mailbox.UID
	flags mailbox.Flags
	words map[string]bool
	text  string
}

// snapshot is what a client remembers of a folder.
type snapshot struct {
	mod  mailbox.ModSeq
	next mailbox.UID
	msgs map[mailbox.UID]string
}

func (l letter) String() string {
	return fmt.Sprintf("%d %05b %v %q", l.uid, l.flags, slices.Sorted(maps.Keys(l.words)), l.text)
}

func (b *box) add(l letter) {
	l.uid = b.next
	l.words = maps.Clone(l.words)
	b.next++
	b.msgs = append(b.msgs, l)
}

func (m *walk) made(user string, f mailbox.Folder) {
	m.users[user][f.Name] = &box{id: f.ID, validity: f.UIDValidity, next: 1}
	for _, up := range store.Levels(f.Name) {
		if m.users[user][up] == nil {
			m.made(user, m.k.folder(user, up))
		}
	}
}

var (
	someFlags = rapid.Custom(func(t *rapid.T) mailbox.Flags { return mailbox.Flags(rapid.IntRange(0, 31).Draw(t, "flags")) })
	someWords = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "$Junk"}), 0, 2, rapid.ID[string])
	someName  = rapid.SampledFrom([]string{"a", "b", "a/b", "a/b/c", "b/c", "d/e/f"})
)

func (m *walk) user(t *rapid.T) string {
	return rapid.SampledFrom([]string{alice, bob}).Draw(t, "user")
}

func (m *walk) box(t *rapid.T) (user, name string, b *box) {
	user = m.user(t)
	name = rapid.SampledFrom(slices.Sorted(maps.Keys(m.users[user]))).Draw(t, "folder")
	return user, name, m.users[user][name]
}

// some UIDs, of messages that are there and of others; nil means all.
func (b *box) some(t *rapid.T) []mailbox.UID {
	if rapid.IntRange(0, 3).Draw(t, "all") == 0 {
		return nil
	}
	us := rapid.SliceOfNDistinct(rapid.IntRange(1, int(b.next)), 0, 4, rapid.ID[int]).Draw(t, "UIDs")
	slices.Sort(us)
	out := []mailbox.UID{}
	for _, u := range us {
		out = append(out, mailbox.UID(u))
	}
	return out
}

// choose splits a box's messages by UIDs.
func (b *box) choose(us []mailbox.UID, f func(*letter) bool) (chosen []*letter) {
	for i := range b.msgs {
		if (us == nil || slices.Contains(us, b.msgs[i].uid)) && (f == nil || f(&b.msgs[i])) {
			chosen = append(chosen, &b.msgs[i])
		}
	}
	return chosen
}

func words(ws []string) map[string]bool {
	set := map[string]bool{}
	for _, w := range ws {
		set[w] = true
	}
	return set
}

func (m *walk) deposit(t *rapid.T) {
	m.n++
	text := fmt.Sprintf("text %d %s", m.n, strings.Repeat("x", rapid.IntRange(0, 50).Draw(t, "size")))
	var a store.Acceptance
	var boxes []*box
	for range rapid.IntRange(1, 3).Draw(t, "copies") {
		user, _, b := m.box(t)
		d := mailbox.Delivery{User: user, Folder: b.id, Flags: someFlags.Draw(t, "flags"), Keywords: someWords.Draw(t, "words")}
		a.Deposits = append(a.Deposits, d)
		boxes = append(boxes, b)
	}
	a.Wait = true
	placed := m.k.accept(text, a)
	for i, b := range boxes {
		if p := placed[i]; p.Folder != b.id || p.UID != b.next || p.UIDValidity != b.validity {
			t.Fatalf("placed %+v, want UID %d of %+v", p, b.next, b)
		}
		b.add(letter{flags: a.Deposits[i].Flags, words: words(a.Deposits[i].Keywords), text: text})
	}
}

func (m *walk) flags(t *rapid.T) {
	_, _, b := m.box(t)
	c := mailbox.Change{UIDs: b.some(t), Add: someFlags.Draw(t, "add"), Remove: someFlags.Draw(t, "remove")}
	if rapid.Bool().Draw(t, "set") {
		f := someFlags.Draw(t, "to")
		c.Set, c.SetKeywords = &f, someWords.Draw(t, "words to")
	}
	c.AddKeywords, c.RemoveKeywords = someWords.Draw(t, "add words"), someWords.Draw(t, "remove words")
	chosen := b.choose(c.UIDs, nil)
	out := m.k.change(b.id, c)
	for i, l := range chosen {
		if c.Set != nil {
			l.flags, l.words = *c.Set, words(c.SetKeywords)
		}
		l.flags = l.flags&^c.Remove | c.Add
		for _, w := range c.RemoveKeywords {
			delete(l.words, w)
		}
		for _, w := range c.AddKeywords {
			l.words[w] = true
		}
		if out.Messages[i].UID != l.uid || out.Messages[i].Flags != l.flags {
			t.Fatalf("changed %+v, want %v", out.Messages[i], l)
		}
	}
	equal(m.k, "changed messages", len(out.Messages), len(chosen))
}

func (m *walk) copy(t *rapid.T) {
	_, _, b := m.box(t)
	_, _, to := m.box(t)
	c := mailbox.Change{UIDs: b.some(t), CopyTo: to.id, Expunge: rapid.Bool().Draw(t, "move")}
	var copies []letter
	for _, l := range b.choose(c.UIDs, nil) {
		copies = append(copies, *l)
	}
	out := m.k.change(b.id, c)
	equal(m.k, "copies", len(out.Copies), len(copies))
	for i, l := range copies {
		if x := out.Copies[i]; x.From != l.uid || x.To.UID != to.next || x.To.Folder != to.id {
			t.Fatalf("copy %+v of %v", x, l)
		}
		to.add(l)
	}
	if c.Expunge {
		m.remove(b, copies)
	}
}

func (m *walk) remove(b *box, gone []letter) {
	b.msgs = slices.DeleteFunc(b.msgs, func(l letter) bool {
		return slices.ContainsFunc(gone, func(g letter) bool { return g.uid == l.uid })
	})
}

func (m *walk) expunge(t *rapid.T) {
	_, _, b := m.box(t)
	c := mailbox.Change{UIDs: b.some(t), OnlyDeleted: rapid.Bool().Draw(t, "only deleted"), Expunge: true}
	var gone []letter
	for _, l := range b.choose(c.UIDs, func(l *letter) bool { return !c.OnlyDeleted || l.flags&mailbox.Deleted != 0 }) {
		gone = append(gone, *l)
	}
	out := m.k.change(b.id, c)
	equal(m.k, "expunged", len(out.Expunged), len(gone))
	m.remove(b, gone)
}

func (m *walk) create(t *rapid.T) {
	user, name := m.user(t), someName.Draw(t, "name")
	f, err := m.k.ChangeFolder(m.k.ctx, user, mailbox.FolderChange{New: name})
	if m.users[user][name] != nil {
		m.k.wants(err, mailbox.ErrExists)
		return
	}
	m.k.must(err)
	m.made(user, f)
}

func (m *walk) rename(t *rapid.T) {
	user, old, b := m.box(t)
	name := someName.Draw(t, "to")
	f, err := m.k.ChangeFolder(m.k.ctx, user, mailbox.FolderChange{Old: old, New: name})
	boxes := m.users[user]
	if old == "INBOX" && boxes[name] == nil {
		m.k.must(err)
		m.made(user, f)
		for _, l := range b.msgs {
			boxes[name].add(l)
		}
		b.msgs = nil
		return
	}
	moved := map[string]*box{}
	clash := boxes[name] != nil
	for n, x := range boxes {
		if rest, below := strings.CutPrefix(n+"/", old+"/"); below && old != "INBOX" {
			to := strings.TrimSuffix(name+"/"+rest, "/")
			moved[to] = x
			clash = clash || boxes[to] != nil
		}
	}
	switch {
	case strings.HasPrefix(name, old+"/"):
		m.k.wants(err, mailbox.ErrInvalid)
		return
	case clash:
		m.k.wants(err, mailbox.ErrExists)
		return
	}
	m.k.must(err)
	maps.DeleteFunc(boxes, func(_ string, x *box) bool {
		return slices.Contains(slices.Collect(maps.Values(moved)), x)
	})
	maps.Copy(boxes, moved)
	for _, up := range store.Levels(name) {
		if boxes[up] == nil {
			m.made(user, m.k.folder(user, up))
		}
	}
}

func (m *walk) delete(t *rapid.T) {
	user, name, _ := m.box(t)
	_, err := m.k.ChangeFolder(m.k.ctx, user, mailbox.FolderChange{Old: name, Delete: true})
	if name == "INBOX" {
		m.k.wants(err, mailbox.ErrInvalid)
		return
	}
	m.k.must(err)
	delete(m.users[user], name)
}

func (m *walk) subscribe(t *rapid.T) {
	user, name, b := m.box(t)
	b.subscribed = rapid.Bool().Draw(t, "subscribe")
	_, err := m.k.ChangeFolder(m.k.ctx, user, mailbox.FolderChange{Old: name, Subscribe: &b.subscribed})
	m.k.must(err)
}

// compare holds the store to the model, and Since to what changed.
func (m *walk) compare(t *rapid.T) {
	for _, user := range []string{alice, bob} {
		fs, err := m.k.Folders(m.k.ctx, user)
		m.k.must(err)
		var bytes, count int64
		for _, f := range fs {
			b := m.users[user][f.Name]
			if b == nil || b.id != f.ID || b.validity != f.UIDValidity || b.next != f.UIDNext || b.subscribed != f.Subscribed {
				t.Fatalf("folder %+v, want %+v", f, b)
			}
			m.compareBox(t, f, b)
			bytes += f.Size
			count += int64(f.Messages)
		}
		equal(m.k, "folders", len(fs), len(m.users[user]))
		u, err := m.k.Usage(m.k.ctx, user)
		m.k.must(err)
		equal(m.k, "usage", u, mailbox.Usage{Bytes: bytes, Messages: count})
	}
}

func (m *walk) compareBox(t *rapid.T, f mailbox.Folder, b *box) {
	now := snapshot{f.ModSeq, f.UIDNext, map[mailbox.UID]string{}}
	var unseen, deleted uint32
	var size int64
	ms := m.k.messages(f.ID)
	for i, x := range ms {
		got := letter{x.UID, x.Flags, words(x.Keywords), m.k.text(x.Body)}
		if i >= len(b.msgs) || got.String() != b.msgs[i].String() {
			t.Fatalf("folder %q has %v, want %v", f.Name, got, b.msgs)
		}
		if x.ModSeq > f.ModSeq {
			t.Fatalf("message %+v in folder %+v", x, f)
		}
		now.msgs[x.UID] = fmt.Sprint(x.Flags, x.Keywords)
		size += x.Size
		if x.Flags&mailbox.Seen == 0 {
			unseen++
		}
		if x.Flags&mailbox.Deleted != 0 {
			deleted++
		}
	}
	if int(f.Messages) != len(b.msgs) || len(ms) != len(b.msgs) || f.Unseen != unseen || f.Deleted != deleted || f.Size != size {
		t.Fatalf("folder %+v has %d messages, %d unseen, %d deleted, %d bytes", f, len(b.msgs), unseen, deleted, size)
	}
	m.compareSince(t, f.ID, now)
}

// compareSince brings the remembered state up to date by Since and compares.
func (m *walk) compareSince(t *rapid.T, f mailbox.FolderID, now snapshot) {
	old, ok := m.past[f]
	if !ok {
		m.past[f] = now
		return
	}
	d, err := m.k.Since(m.k.ctx, f, old.mod)
	m.k.must(err)
	if now.mod < old.mod || d.ModSeq != now.mod || d.UIDNext != now.next || d.Gap {
		t.Fatalf("since %d: %+v, want %d and UIDNEXT %d", old.mod, d, now.mod, now.next)
	}
	got := maps.Clone(old.msgs)
	if !slices.IsSorted(d.Expunged) || !slices.IsSortedFunc(d.Changed, func(a, b mailbox.Message) int { return cmp.Compare(a.UID, b.UID) }) {
		t.Fatalf("not sorted: %+v", d)
	}
	for _, x := range d.Changed {
		got[x.UID] = fmt.Sprint(x.Flags, x.Keywords)
	}
	for _, u := range d.Expunged {
		delete(got, u)
	}
	if !maps.Equal(got, now.msgs) {
		t.Fatalf("since %d gives %v, the folder has %v", old.mod, got, now.msgs)
	}
	if rapid.IntRange(0, 2).Draw(t, "forget") == 0 {
		m.past[f] = now
	}
}
