package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"glassmail/mailbox"
	"glassmail/store"
)

// Change edits messages of one folder: flags, then copies, then expunge. It is one
// index transaction: who changes very many messages, and can do it in parts, lets
// deliveries through by parts of some thousand.
func (s *Store) Change(ctx context.Context, id mailbox.FolderID, c mailbox.Change) (out mailbox.Changed, err error) {
	if err := store.CheckKeywords(c.SetKeywords, c.AddKeywords); err != nil {
		return out, err
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	err = s.update(func(w *writer) (err error) {
		out, err = w.change(id, c, true)
		return err
	})
	if err != nil {
		return mailbox.Changed{}, err
	}
	return out, nil
}

// edit is one change on its way through the index.
type edit struct {
	*mailbox.Change
	w    *writer
	id   mailbox.FolderID
	f    *folderRow
	to   *folderRow // nil: no copies
	mod  mailbox.ModSeq
	set  uint64 // keyword bits
	add  uint64
	take uint64
	rows []chosenRow
	out  mailbox.Changed

	names contentNames
}

type chosenRow struct {
	uid mailbox.UID
	messageRow
}

// change does all of a change with one mod-sequence in each folder. With check it
// refuses what the quota has no room for.
func (w *writer) change(id mailbox.FolderID, c mailbox.Change, check bool) (mailbox.Changed, error) {
	e := &edit{Change: &c, w: w, id: id}
	if err := e.begin(); err != nil {
		return e.out, err
	}
	if e.to != nil && check {
		if err := e.checkQuota(); err != nil {
			return e.out, err
		}
	}
	if len(e.rows) == 0 {
		e.out.ModSeq = e.f.mod
		return e.out, nil
	}
	// From here on nothing is refused.
	e.set, _ = e.f.learn(c.SetKeywords)
	e.add, _ = e.f.learn(c.AddKeywords)
	for _, k := range c.RemoveKeywords {
		if i := e.f.word(k); i >= 0 {
			e.take |= 1 << i
		}
	}
	touched, err := e.flags()
	e.names.give(e.out.Messages)
	if err == nil && e.to != nil {
		err = e.copy()
		touched = touched || c.CopyTo == id
	}
	if err == nil && c.Expunge {
		err = e.expunge()
		touched = true
	}
	if touched {
		e.f.mod = e.mod
		w.touch(id)
	}
	e.out.ModSeq = e.f.mod
	return e.out, err
}

// begin looks everything up and chooses the messages.
func (e *edit) begin() (err error) {
	if e.f, err = e.w.folder(e.id); err != nil {
		return err
	}
	if e.f == nil {
		return refusal{noFolder(e.id)}
	}
	if e.CopyTo != 0 {
		if e.to, err = e.w.folder(e.CopyTo); err != nil {
			return err
		}
		if e.to == nil {
			return refusal{noFolder(e.CopyTo)}
		}
	}
	probe := folderRow{words: slices.Clone(e.f.words)}
	_, fits := probe.learn(e.SetKeywords)
	_, fits2 := probe.learn(e.AddKeywords)
	if !fits || !fits2 {
		return refusal{fmt.Errorf("more than %d keywords: %w", mailbox.MaxKeywords, mailbox.ErrInvalid)}
	}
	e.mod = e.f.mod + 1
	e.choose()
	return nil
}

// choose collects the rows that the change is about.
func (e *edit) choose() {
	first := messageKey(e.id, 1)
	c := e.w.box.Cursor()
	named := e.UIDs
	if named != nil {
		e.rows = make([]chosenRow, 0, min(len(named), int(e.f.count)))
	} else {
		e.rows = make([]chosenRow, 0, e.f.count)
	}
	k, v := c.Seek(first)
	for k != nil && bytes.Equal(k[:9], first[:9]) {
		uid := uidOf(k)
		if named != nil {
			i, hit := slices.BinarySearch(named, uid)
			if named = named[i:]; len(named) == 0 {
				return
			}
			if !hit {
				k, v = c.Seek(messageKey(e.id, named[0]))
				continue
			}
		}
		e.consider(uid, parseMessage(v))
		k, v = c.Next()
	}
}

func (e *edit) consider(uid mailbox.UID, r messageRow) {
	if e.OnlyDeleted && r.flags&mailbox.Deleted == 0 {
		return
	}
	if e.UnchangedSince != 0 && r.mod > e.UnchangedSince { // RFC 7162 §3.1.3
		e.out.Refused = append(e.out.Refused, uid)
		return
	}
	e.rows = append(e.rows, chosenRow{uid, r})
}

// checkQuota refuses copies that do not fit. Moving within one account needs no room.
func (e *edit) checkQuota() error {
	if e.Expunge && e.to.owner == e.f.owner {
		return nil
	}
	limit := accountLimit(e.w.bucket(bucketAccount).Get([]byte(e.to.owner)))
	if limit <= 0 || len(e.rows) == 0 {
		return nil
	}
	used, err := e.w.usage(e.to.owner)
	if err != nil {
		return err
	}
	used += e.w.s.quota.of(e.to.owner)
	for i := range e.rows {
		used += int64(e.rows[i].size)
	}
	if used > limit {
		return refusal{fmt.Errorf("account %q: %w", e.to.owner, mailbox.ErrQuota)}
	}
	return nil
}

// flags writes the rows whose flags or keywords differ, unless they go anyway.
func (e *edit) flags() (touched bool, err error) {
	for i := range e.rows {
		r := &e.rows[i]
		flags, words := r.flags, r.words
		if e.Set != nil {
			flags, words = *e.Set, e.set
		}
		flags, words = flags&^e.Remove|e.Add, words&^e.take|e.add
		if flags != r.flags || words != r.words {
			touched = true
			e.f.tally(r.flags, r.size, -1)
			r.flags, r.words, r.mod = flags, words, e.mod
			e.f.tally(r.flags, r.size, 1)
			if !e.Expunge {
				if err := e.w.box.Put(messageKey(e.id, r.uid), r.bytes()); err != nil {
					return touched, err
				}
			}
		}
		if !e.Expunge {
			e.out.Messages = append(e.out.Messages, r.message(r.uid, e.f.words))
			e.names.add(r.body)
		}
	}
	return touched, nil
}

// copy appends the chosen messages to the other folder.
func (e *edit) copy() error {
	mod := e.mod
	if e.CopyTo != e.id {
		e.to.mod++
		mod = e.to.mod
	}
	e.out.Copies = make([]mailbox.Copy, 0, len(e.rows))
	var from, to uint64 // keywords there and here; neighbours mostly have the same
	for i := range e.rows {
		m := e.rows[i].messageRow
		if m.words != from {
			from = m.words
			to, _ = e.to.learn(spell(from, e.f.words))
		}
		m.mod = mod
		if m.words = to; from == 0 {
			m.words = 0
		}
		if !e.Expunge { // a move leaves the number of references as it is
			if err := e.w.refs(m.body, 1); err != nil {
				return err
			}
		}
		p, err := e.w.append(e.CopyTo, e.to, &m)
		if err != nil {
			return err
		}
		e.out.Copies = append(e.out.Copies, mailbox.Copy{From: e.rows[i].uid, To: p})
	}
	return nil
}

// expunge removes the chosen messages and remembers their UIDs.
func (e *edit) expunge() error {
	e.out.Expunged = make([]mailbox.UID, 0, len(e.rows))
	for i := range e.rows {
		r := &e.rows[i]
		if err := e.w.box.Delete(messageKey(e.id, r.uid)); err != nil {
			return err
		}
		e.f.count--
		e.f.tally(r.flags, r.size, -1)
		e.out.Expunged = append(e.out.Expunged, r.uid)
		if e.to == nil {
			if err := e.w.refs(r.body, -1); err != nil {
				return err
			}
		}
	}
	return e.w.bury(e.id, e.f, e.out.Expunged, e.mod)
}
