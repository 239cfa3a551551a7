package imapd

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// maxCriteria bounds how many keys one SEARCH has, and how deep they nest.
const maxCriteria = 500

// Search finds messages (RFC 9051 §6.4.4).
func (s *session) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (*imap.SearchData, error) {
	if o.ReturnSave {
		s.saved = nil // RFC 5182 §2.1: also if the command fails
	}
	keys := 0
	if err := s.prepare(c, &keys); err != nil {
		return nil, err
	}
	var found []mailbox.UID
	_, err := s.messages(s.sel.view, func(m *mailbox.Message) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		e := examined{s: s, m: m}
		defer e.close()
		ok, err := e.matches(c)
		if ok {
			found = append(found, m.UID)
		}
		return err
	})
	if err != nil {
		return nil, s.fail(err)
	}
	if o.ReturnSave {
		s.saved = toSave(found, o)
	}
	if o.ReturnSave && strings.Contains(strings.ToUpper(s.line()), "RETURN (SAVE)") {
		found = nil // RFC 5182 §2.1: nothing is returned
	}
	return s.results(kind, found), nil
}

// toSave is what $ stands for later (RFC 5182 §2.4): all, unless only the lowest
// or highest was asked for.
func toSave(found []mailbox.UID, o *imap.SearchOptions) []mailbox.UID {
	if o.ReturnAll || o.ReturnCount || len(found) == 0 || !o.ReturnMin && !o.ReturnMax {
		return found
	}
	var out []mailbox.UID
	if o.ReturnMin {
		out = append(out, found[0])
	}
	if last := found[len(found)-1]; o.ReturnMax && (len(out) == 0 || out[0] != last) {
		out = append(out, last)
	}
	return out
}

// results tells what was found in the client's numbers.
func (s *session) results(kind imapserver.NumKind, found []mailbox.UID) *imap.SearchData {
	d := &imap.SearchData{Count: uint32(len(found))}
	var seqs imap.SeqSet
	var uids imap.UIDSet
	for _, uid := range found {
		n := uint32(uid)
		if kind == imapserver.NumKindSeq {
			n = s.sel.seq(uid)
			seqs = appendSeq(seqs, n)
		} else {
			uids = appendUID(uids, imap.UID(uid))
		}
		if d.Min == 0 {
			d.Min = n
		}
		d.Max = n
	}
	d.All = seqs
	if kind == imapserver.NumKindUID {
		d.All = uids
	}
	return d
}

// appendSeq adds a number above all others.
func appendSeq(set imap.SeqSet, n uint32) imap.SeqSet {
	if k := len(set); k > 0 && set[k-1].Stop+1 == n {
		set[k-1].Stop = n
		return set
	}
	return append(set, imap.SeqRange{Start: n, Stop: n})
}

// prepare checks criteria, folds their texts once for all messages, and puts the
// client's sets of numbers into ranges of UIDs.
func (s *session) prepare(c *imap.SearchCriteria, keys *int) error {
	*keys += 1 + len(c.Header) + len(c.Body) + len(c.Text) + len(c.Flag) + len(c.NotFlag)
	if *keys > maxCriteria {
		return refuse(imap.ResponseCodeLimit, "That search has too many keys")
	}
	for i := range c.Header {
		c.Header[i].Value = fold(c.Header[i].Value)
	}
	for _, l := range [][]string{c.Body, c.Text} {
		for i := range l {
			l[i] = fold(l[i])
		}
	}
	for _, set := range c.SeqNum {
		c.UID = append(c.UID, s.uidSet(set))
	}
	c.SeqNum = nil
	for i, set := range c.UID {
		if imap.IsSearchRes(set) {
			c.UID[i] = asUIDSet(s.saved)
		} else if set.Dynamic() {
			c.UID[i] = static(set, imap.UID(s.sel.last()))
		}
	}
	for i := range c.Not {
		if err := s.prepare(&c.Not[i], keys); err != nil {
			return err
		}
	}
	for i := range c.Or {
		for j := range c.Or[i] {
			if err := s.prepare(&c.Or[i][j], keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// uidSet translates sequence numbers; those that do not exist match nothing.
func (s *session) uidSet(set imap.SeqSet) imap.UIDSet {
	n := uint32(len(s.sel.view))
	out := imap.UIDSet{}
	for _, r := range set {
		lo, hi := bounds(r.Start, r.Stop, n)
		if lo = max(lo, 1); lo <= min(hi, n) {
			out = append(out, imap.UIDRange{Start: imap.UID(s.sel.view[lo-1]), Stop: imap.UID(s.sel.view[min(hi, n)-1])})
		}
	}
	return sorted(out)
}

// static replaces * by the highest UID.
func static(set imap.UIDSet, last imap.UID) imap.UIDSet {
	out := make(imap.UIDSet, 0, len(set))
	for _, r := range set {
		lo, hi := bounds(uint32(r.Start), uint32(r.Stop), uint32(last))
		if hi > 0 {
			out = append(out, imap.UIDRange{Start: imap.UID(max(lo, 1)), Stop: imap.UID(hi)})
		}
	}
	return sorted(out)
}

func sorted(set imap.UIDSet) imap.UIDSet {
	slices.SortFunc(set, func(a, b imap.UIDRange) int { return int(int64(a.Start) - int64(b.Start)) })
	return set
}

func asUIDSet(uids []mailbox.UID) imap.UIDSet {
	set := imap.UIDSet{}
	for _, uid := range uids {
		set = appendUID(set, imap.UID(uid))
	}
	return set
}

// inSet looks a UID up in ranges sorted by where they begin.
func inSet(set imap.UIDSet, uid imap.UID) bool {
	for _, r := range set {
		if r.Start > uid {
			return false
		}
		if uid <= r.Stop {
			return true
		}
	}
	return false
}
