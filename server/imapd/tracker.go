package imapd

import (
	"errors"
	"slices"
	"strconv"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// selected is the folder a client looks at, as far as it has been told: view[i]
// is the UID behind sequence number i+1, and everything up to mod was announced.
// News is the difference between this and the store, so that nothing queues up
// while a client sleeps: a message costs 4 bytes.
type selected struct {
	folder   mailbox.Folder
	readOnly bool
	view     []mailbox.UID
	mod      mailbox.ModSeq
	late     []mailbox.UID                  // expunged, not told yet
	own      map[mailbox.UID]mailbox.ModSeq // changed by this session, which knows
}

// seq is the sequence number of a message, 0 if the client does not know it.
func (v *selected) seq(uid mailbox.UID) uint32 {
	if i, ok := slices.BinarySearch(v.view, uid); ok {
		return uint32(i + 1)
	}
	return 0
}

// last is the highest UID the client knows.
func (v *selected) last() mailbox.UID {
	if len(v.view) == 0 {
		return 0
	}
	return v.view[len(v.view)-1]
}

// know remembers changes that the session itself made and told, or was asked not
// to tell.
func (v *selected) know(c mailbox.Changed) {
	for i := range c.Messages {
		if m := &c.Messages[i]; m.ModSeq == c.ModSeq {
			if v.own == nil {
				v.own = map[mailbox.UID]mailbox.ModSeq{}
			}
			v.own[m.UID] = m.ModSeq
		}
	}
}

// remove takes messages out of the view and tells each with the sequence number
// it has at that moment (RFC 9051 §7.5.1). uids are sorted.
func (v *selected) remove(uids []mailbox.UID, tell func(seq uint32) error) error {
	if len(uids) == 0 {
		return nil
	}
	kept, k := v.view[:0], 0
	var failed error
	for _, uid := range v.view {
		for k < len(uids) && uids[k] < uid {
			k++
		}
		if k == len(uids) || uids[k] != uid {
			kept = append(kept, uid)
			continue
		}
		if failed == nil {
			failed = tell(uint32(len(kept) + 1))
		}
	}
	v.view = kept
	return failed
}

// Poll tells the client what happened to its folder.
func (s *session) Poll(_ *imapserver.UpdateWriter, expunge bool) error {
	if s.sel == nil {
		return nil
	}
	defer s.release()
	v := s.sel
	d, err := s.store().Since(s.ctx, v.folder.ID, v.mod)
	if err == nil && d.Gap {
		d.Expunged, err = s.missing()
	}
	switch {
	case errors.Is(err, mailbox.ErrNotFound):
		s.gone(err)
		return nil
	case err != nil: // nothing is lost: the next poll tells it
		s.f.w.Log.Note("no news of the folder: " + err.Error())
		return nil
	}
	s.enc.reset(s.utf8())
	if !expunge {
		v.late = append(v.late, d.Expunged...)
	} else {
		gone := append(v.late, d.Expunged...)
		slices.Sort(gone)
		v.late = nil
		v.remove(gone, s.enc.expunge)
	}
	s.news(d.Changed)
	v.mod, v.own = d.ModSeq, nil
	if len(s.enc.b) == 0 {
		return nil
	}
	return s.f.sendLines(s.enc.b)
}

// news writes new messages and changed flags.
func (s *session) news(changed []mailbox.Message) {
	v := s.sel
	last, grew := v.last(), false
	for i := range changed {
		m := &changed[i]
		if m.UID > last {
			v.view, grew = append(v.view, m.UID), true
			s.learn(m.Keywords)
			continue
		}
		if n := v.seq(m.UID); n != 0 && v.own[m.UID] != m.ModSeq {
			s.learn(m.Keywords)
			s.enc.flagsOf(n, m, true)
		}
	}
	if grew {
		s.enc.number("* ", int64(len(v.view))).text(" EXISTS\r\n")
	}
}

// learn tells of keywords that the client cannot know (RFC 9051 §7.3.5).
func (s *session) learn(keywords []string) {
	known := &s.sel.folder.Keywords
	fresh := false
	for _, k := range keywords {
		if !slices.Contains(*known, k) {
			*known, fresh = append(*known, k), true
		}
	}
	if fresh {
		s.enc.text("* FLAGS ").flags(allFlags, *known).text("\r\n")
	}
}

// missing lists what the client knows and the store no longer has.
func (s *session) missing() ([]mailbox.UID, error) {
	var gone []mailbox.UID
	i, view := 0, s.sel.view
	for m, err := range s.store().Messages(s.ctx, s.sel.folder.ID, mailbox.Range{}) {
		if err != nil {
			return nil, err
		}
		for ; i < len(view) && view[i] < m.UID; i++ {
			gone = append(gone, view[i])
		}
		if i < len(view) && view[i] == m.UID {
			i++
		}
	}
	return append(gone, view[i:]...), nil
}

// utf8 reports whether the client reads UTF-8 in quoted strings.
func (s *session) utf8() bool {
	c := s.conn.EnabledCaps()
	return c.Has(imap.CapIMAP4rev2) || c.Has(imap.CapUTF8Accept)
}

// resolve finds the messages of a client's set in its view, in UID order.
// RFC 9051 §9: a sequence number that does not exist is an error, a UID is not.
func (s *session) resolve(set imap.NumSet) ([]mailbox.UID, error) {
	v := s.sel
	if imap.IsSearchRes(set) {
		return intersect(s.saved, v.view), nil
	}
	uids := []mailbox.UID{} // not nil, which would mean all
	switch set := set.(type) {
	case imap.SeqSet:
		n := uint32(len(v.view))
		for _, r := range set {
			lo, hi := bounds(r.Start, r.Stop, n)
			if hi > n {
				return nil, bad("There is no message " + strconv.FormatUint(uint64(hi), 10))
			}
			if n > 0 {
				uids = append(uids, v.view[lo-1:hi]...)
			}
		}
	case imap.UIDSet:
		for _, r := range set {
			lo, hi := bounds(uint32(r.Start), uint32(r.Stop), uint32(v.last()))
			i, _ := slices.BinarySearch(v.view, mailbox.UID(lo))
			j, found := slices.BinarySearch(v.view, mailbox.UID(hi))
			if found {
				j++
			}
			if i < j {
				uids = append(uids, v.view[i:j]...)
			}
		}
	}
	slices.Sort(uids) // n:* may begin beyond the last
	return slices.Compact(uids), nil
}

// bounds orders a range; 0 stands for *, the last. RFC 9051 §9, seq-range.
func bounds(a, b, last uint32) (lo, hi uint32) {
	if a == 0 {
		a = last
	}
	if b == 0 {
		b = last
	}
	return min(a, b), max(a, b)
}

// intersect keeps what is in both of two sorted lists.
func intersect(a, b []mailbox.UID) []mailbox.UID {
	out := []mailbox.UID{}
	for _, uid := range a {
		if _, ok := slices.BinarySearch(b, uid); ok {
			out = append(out, uid)
		}
	}
	return out
}

// messages calls f with the present state of each message of a sorted list that
// the store still has, and returns how many those were.
func (s *session) messages(uids []mailbox.UID, f func(*mailbox.Message) error) (found int, err error) {
	const leap = 512 // messages passed over before it pays to begin anew
	for i := 0; i < len(uids); {
		i0, passed := i, 0
		for m, err := range s.store().Messages(s.ctx, s.sel.folder.ID, mailbox.Range{From: uids[i]}) {
			if err != nil {
				return found, err
			}
			for i < len(uids) && uids[i] < m.UID {
				i++
			}
			if i == len(uids) {
				return found, nil
			}
			if uids[i] != m.UID {
				if passed++; passed > leap && i > i0 {
					break
				}
				continue
			}
			found, passed = found+1, 0
			i++
			if err := f(&m); err != nil {
				return found, err
			}
			if i == len(uids) {
				return found, nil
			}
		}
		if passed <= leap || i == i0 {
			return found, nil // the folder ended
		}
	}
	return found, nil
}
