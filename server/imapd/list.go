package imapd

import (
	"context"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// delimiter divides the levels of a folder's name.
const delimiter = '/'

// entry is one line of LIST: a folder, or a level above folders that is none.
type entry struct {
	name     string
	folder   *mailbox.Folder // nil: \NonExistent
	children bool
	below    bool // a subscribed folder lies below
}

// entries adds the levels that have lost their folder and finds who has
// children. folders are sorted by name. It ends with ctx.
func entries(ctx context.Context, folders []mailbox.Folder) ([]entry, error) {
	byName := make(map[string]*entry, len(folders))
	names := make([]string, 0, len(folders))
	add := func(name string) *entry {
		e := byName[name]
		if e == nil {
			e = &entry{name: name}
			byName[name] = e
			names = append(names, name)
		}
		return e
	}
	for i := range folders {
		f := &folders[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		add(f.Name).folder = f
		for name := mailbox.Parent(f.Name); name != ""; name = mailbox.Parent(name) {
			up := add(name)
			if up.children && (up.below || !f.Subscribed) {
				break // and so it is for all levels above
			}
			up.children = true
			up.below = up.below || f.Subscribed
		}
	}
	slices.Sort(names)
	out := make([]entry, len(names))
	for i, n := range names {
		out[i] = *byName[n]
	}
	return out, nil
}

// List answers LIST, with its extensions (RFC 9051 §6.3.9, RFC 5819, RFC 6154),
// and LSUB (RFC 3501 §6.3.9).
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	if len(patterns) == 0 { // the delimiter is asked for, RFC 9051 §6.3.9
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter})
	}
	if o.ReturnStatus != nil {
		if err := checkStatus(o.ReturnStatus); err != nil {
			return err
		}
	}
	folders, err := s.store().Folders(s.ctx, s.account)
	if err != nil {
		return s.fail(err)
	}
	all, err := entries(s.ctx, folders)
	if err != nil {
		return s.fail(err)
	}
	m := newMatcher(ref, patterns)
	lsub := s.verb() == "LSUB"
	for _, e := range all {
		if ok, err := m.any(s.ctx, e.name); err != nil {
			return s.fail(err)
		} else if !ok {
			continue
		}
		if d := s.listData(&e, o, lsub); d != nil {
			if err := w.WriteList(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed is what LIST says of one folder, nil if it is gone.
func (s *session) listed(name string) (*imap.ListData, error) {
	folders, err := s.store().Folders(s.ctx, s.account)
	if err != nil {
		return nil, s.fail(err)
	}
	all, err := entries(s.ctx, folders)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, e := range all {
		if e.name == name {
			return s.listData(&e, &imap.ListOptions{}, false), nil
		}
	}
	return nil, nil
}

// selects reports whether the options of a LIST choose an entry.
func (e *entry) selects(o *imap.ListOptions, lsub bool) bool {
	special := e.folder != nil && e.folder.Special != ""
	subscribed := e.folder != nil && e.folder.Subscribed
	switch {
	case o.SelectSpecialUse && !special:
		return false
	case o.SelectSubscribed:
		return subscribed || e.below && (lsub || o.SelectRecursiveMatch)
	}
	return true
}

// listData describes an entry, nil if it is not selected.
func (s *session) listData(e *entry, o *imap.ListOptions, lsub bool) *imap.ListData {
	if !e.selects(o, lsub) {
		return nil
	}
	f := e.folder
	d := &imap.ListData{Delim: delimiter, Mailbox: e.name}
	if lsub && (f == nil || !f.Subscribed) { // RFC 3501 §6.3.9: only a level above one that is
		d.Attrs = []imap.MailboxAttr{imap.MailboxAttrNoSelect}
		return d
	}
	if o.SelectRecursiveMatch && e.below {
		d.ChildInfo = &imap.ListDataChildInfo{Subscribed: true} // RFC 5258 §4
	}
	d.Attrs = e.attributes(o, lsub)
	if o.ReturnStatus != nil && f != nil {
		d.Status = s.status(f)
	}
	return d
}

// attributes are those of RFC 9051 §7.3.1.
func (e *entry) attributes(o *imap.ListOptions, lsub bool) (attrs []imap.MailboxAttr) {
	if e.folder == nil {
		attrs = append(attrs, imap.MailboxAttrNonExistent, imap.MailboxAttrNoSelect)
	}
	if e.children {
		attrs = append(attrs, imap.MailboxAttrHasChildren)
	} else {
		attrs = append(attrs, imap.MailboxAttrHasNoChildren)
	}
	if f := e.folder; f != nil {
		if f.Special != "" {
			attrs = append(attrs, imap.MailboxAttr(f.Special))
		}
		if f.Subscribed && !lsub && (o.ReturnSubscribed || o.SelectSubscribed) {
			attrs = append(attrs, imap.MailboxAttrSubscribed)
		}
	}
	return attrs
}
