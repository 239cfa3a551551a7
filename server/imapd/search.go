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
	criteria, err := s.criteria(c, &keys)
	if err != nil {
		return nil, err
	}
	matcher := mailbox.NewMatcher(criteria)
	var found []mailbox.UID
	_, err = s.messages(s.sel.view, func(m *mailbox.Message) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		at := *m
		at.Date = m.Date.UTC() // days are told apart in UTC
		ok, err := matcher.Match(s.ctx, s.store(), at)
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

// criteria puts the client's keys into the mailbox's words, and its sets of
// numbers into ranges of UIDs.
func (s *session) criteria(c *imap.SearchCriteria, keys *int) (mailbox.Criteria, error) {
	*keys += 1 + len(c.Header) + len(c.Body) + len(c.Text) + len(c.Flag) + len(c.NotFlag)
	if *keys > maxCriteria {
		return mailbox.Criteria{}, refuse(imap.ResponseCodeLimit, "That search has too many keys")
	}
	out := mailbox.Criteria{
		UIDs:  s.within(c),
		Since: c.Since, Before: c.Before, SentSince: c.SentSince, SentBefore: c.SentBefore,
		Larger: c.Larger, Smaller: c.Smaller, Body: c.Body, Text: c.Text,
	}
	out.With, out.WithKeywords = splitFlags(c.Flag)
	out.Without, out.WithoutKeywords = splitFlags(c.NotFlag)
	for _, h := range c.Header {
		out.Header = append(out.Header, mailbox.HeaderCriterion{Name: h.Key, Text: h.Value})
	}
	for i := range c.Not {
		not, err := s.criteria(&c.Not[i], keys)
		if err != nil {
			return out, err
		}
		out.Not = append(out.Not, not)
	}
	for i := range c.Or {
		var pair [2]mailbox.Criteria
		for j := range c.Or[i] {
			var err error
			if pair[j], err = s.criteria(&c.Or[i][j], keys); err != nil {
				return out, err
			}
		}
		out.Or = append(out.Or, pair)
	}
	return out, nil
}

// within reports UIDs that are in all of the client's sets; nil if it gave none.
func (s *session) within(c *imap.SearchCriteria) func(mailbox.UID) bool {
	var sets []imap.UIDSet
	for _, set := range c.SeqNum {
		sets = append(sets, s.uidSet(set))
	}
	for _, set := range c.UID {
		switch {
		case imap.IsSearchRes(set):
			set = asUIDSet(s.saved)
		case set.Dynamic():
			set = static(set, imap.UID(s.sel.last()))
		}
		sets = append(sets, sorted(set))
	}
	if sets == nil {
		return nil
	}
	return func(uid mailbox.UID) bool {
		return !slices.ContainsFunc(sets, func(set imap.UIDSet) bool { return !inSet(set, imap.UID(uid)) })
	}
}

// splitFlags tells system flags from keywords.
func splitFlags(flags []imap.Flag) (system mailbox.Flags, keywords []string) {
	names := systemFlags()
	for _, f := range flags {
		i := slices.IndexFunc(names[:], func(n string) bool { return strings.EqualFold(n, string(f)) })
		if i >= 0 {
			system |= 1 << i
		} else {
			keywords = append(keywords, string(f))
		}
	}
	return system, keywords
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
