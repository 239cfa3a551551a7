package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"glassmail/mailbox"
	"glassmail/store"
)

// Change edits messages of one folder: flags, then copies, then expunge.
func (s *Store) Change(ctx context.Context, id mailbox.FolderID, c mailbox.Change) (mailbox.Changed, error) {
	if err := store.CheckKeywords(c.SetKeywords, c.AddKeywords); err != nil {
		return mailbox.Changed{}, err
	}
	if err := s.enter(ctx); err != nil {
		return mailbox.Changed{}, err
	}
	defer s.mu.Unlock()
	f, err := s.folder(id)
	if err != nil {
		return mailbox.Changed{}, err
	}
	var to *folder
	if c.CopyTo != 0 {
		if to, err = s.folder(c.CopyTo); err != nil {
			return mailbox.Changed{}, err
		}
	}
	if !f.room(c.SetKeywords, c.AddKeywords) {
		return mailbox.Changed{}, fmt.Errorf("more than %d keywords: %w", mailbox.MaxKeywords, mailbox.ErrInvalid)
	}
	if to != nil && s.over(to.user, growth(f, to, c)) {
		return mailbox.Changed{}, fmt.Errorf("account %q: %w", to.user, mailbox.ErrQuota)
	}
	return s.change(f, to, c), nil
}

// growth is by how much a copy enlarges what the owner of to has.
func growth(f, to *folder, c mailbox.Change) (n int64) {
	if c.Expunge && f.user == to.user {
		return 0
	}
	for _, m := range f.msgs {
		if ok, refused := selects(&c, &m); ok && !refused {
			n += m.Size
		}
	}
	return n
}

// selects reports whether c is about m, and whether UnchangedSince forbids it.
func selects(c *mailbox.Change, m *mailbox.Message) (ok, refused bool) {
	if c.UIDs != nil {
		if _, named := slices.BinarySearch(c.UIDs, m.UID); !named {
			return false, false
		}
	}
	if c.OnlyDeleted && m.Flags&mailbox.Deleted == 0 {
		return false, false
	}
	return true, c.UnchangedSince != 0 && m.ModSeq > c.UnchangedSince
}

// change cannot fail: everything was checked. All it does to one folder has one
// mod-sequence.
func (s *Store) change(f, to *folder, c mailbox.Change) (out mailbox.Changed) {
	mod := f.ModSeq + 1
	kept := make([]mailbox.Message, 0, len(f.msgs))
	touched := false
	var chosen []mailbox.Message
	for _, m := range f.msgs {
		ok, refused := selects(&c, &m)
		if refused {
			out.Refused = append(out.Refused, m.UID)
		}
		if !ok || refused {
			kept = append(kept, m)
			continue
		}
		if f.edit(&m, &c) {
			m.ModSeq, touched = mod, true
		}
		chosen = append(chosen, m)
		if !c.Expunge {
			kept = append(kept, m)
			out.Messages = append(out.Messages, m)
		}
	}
	f.msgs = kept
	if to != nil {
		out.Copies = s.copy(to, chosen, mod, to == f)
	}
	if c.Expunge && len(chosen) > 0 {
		touched = true
		out.Expunged = s.expunge(f, chosen, mod)
	}
	if touched || to == f && len(chosen) > 0 {
		f.ModSeq = mod
		f.notify()
	}
	out.ModSeq = f.ModSeq
	return out
}

// copy puts copies into a folder; within one folder they share mod.
func (s *Store) copy(to *folder, ms []mailbox.Message, mod mailbox.ModSeq, same bool) (copies []mailbox.Copy) {
	if len(ms) == 0 {
		return nil
	}
	if !same {
		to.ModSeq++
		mod = to.ModSeq
	}
	for _, m := range ms {
		from := m.UID
		s.bodies[number(m.Body)].refs++
		m.ModSeq, m.Keywords = mod, to.learn(m.Keywords)
		copies = append(copies, mailbox.Copy{From: from, To: to.put(m)})
	}
	to.notify()
	return copies
}

// expunge buries messages that have left f.msgs.
func (s *Store) expunge(f *folder, ms []mailbox.Message, mod mailbox.ModSeq) (uids []mailbox.UID) {
	for _, m := range ms {
		f.gone = append(f.gone, tombstone{m.UID, mod})
		f.Messages--
		f.count(m.Flags, m.Size, -1)
		s.unref(number(m.Body))
		uids = append(uids, m.UID)
	}
	f.thin()
	return uids
}

// edit gives m its new flags and keywords and reports whether they differ.
func (f *folder) edit(m *mailbox.Message, c *mailbox.Change) bool {
	flags, words := m.Flags, m.Keywords
	if c.Set != nil {
		flags, words = *c.Set, f.learn(c.SetKeywords)
	}
	flags = flags&^c.Remove | c.Add
	if len(c.RemoveKeywords) > 0 {
		words = slices.DeleteFunc(slices.Clone(words), func(k string) bool {
			return slices.ContainsFunc(c.RemoveKeywords, func(x string) bool { return strings.EqualFold(k, x) })
		})
	}
	if len(c.AddKeywords) > 0 {
		words = f.learn(append(slices.Clone(words), c.AddKeywords...))
	}
	if flags == m.Flags && slices.Equal(words, m.Keywords) {
		return false
	}
	f.count(m.Flags, m.Size, -1)
	m.Flags, m.Keywords = flags, words
	f.count(m.Flags, m.Size, 1)
	return true
}
