package imapd

import (
	"slices"
	"strings"

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
// children. folders are sorted by name.
func entries(folders []mailbox.Folder) []entry {
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
		add(f.Name).folder = f
		for at, c := range f.Name {
			if c == delimiter {
				up := add(f.Name[:at])
				up.children = true
				up.below = up.below || f.Subscribed
			}
		}
	}
	slices.Sort(names)
	out := make([]entry, len(names))
	for i, n := range names {
		out[i] = *byName[n]
	}
	return out
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
	for i, p := range patterns {
		patterns[i] = absolute(ref, p)
		if len(patterns[i]) > mailbox.MaxFolderName {
			return nil // longer than any name
		}
	}
	lsub := s.verb() == "LSUB"
	for _, e := range entries(folders) {
		if !slices.ContainsFunc(patterns, func(p string) bool { return matches(p, e.name) }) {
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

// absolute joins reference and pattern.
func absolute(ref, pattern string) string {
	switch {
	case ref == "" || strings.HasPrefix(pattern, "/"):
		return strings.TrimPrefix(pattern, "/")
	case strings.HasSuffix(ref, "/"):
		return ref + pattern
	}
	return ref + "/" + pattern
}

// listed is what LIST says of one folder, nil if it is gone.
func (s *session) listed(name string) (*imap.ListData, error) {
	folders, err := s.store().Folders(s.ctx, s.account)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, e := range entries(folders) {
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

// matches compares a name with a pattern, in which * stands for anything and %
// for anything within one level. It takes time in proportion to the product of
// their lengths.
func matches(pattern, name string) bool {
	if strings.EqualFold(name, mailbox.Inbox) { // RFC 9051 §5.1
		pattern, name = strings.ToUpper(pattern), strings.ToUpper(name)
	}
	// at[i] tells whether the pattern so far matches name[:i].
	at := make([]bool, len(name)+1)
	at[0] = true
	for _, c := range []byte(pattern) {
		switch c {
		case '*', '%':
			for i := 1; i <= len(name); i++ {
				at[i] = at[i] || at[i-1] && (c == '*' || name[i-1] != delimiter)
			}
		default:
			for i := len(name); i > 0; i-- {
				at[i] = at[i-1] && name[i-1] == c
			}
			at[0] = false
		}
	}
	return at[len(name)]
}
