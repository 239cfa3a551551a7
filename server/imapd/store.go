package imapd

import (
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// Store changes flags (RFC 9051 §6.4.6).
func (s *session) Store(_ *imapserver.FetchWriter, set imap.NumSet, f *imap.StoreFlags, _ *imap.StoreOptions) error {
	uids, err := s.resolve(set)
	if err != nil {
		return err
	}
	if s.sel.readOnly {
		return errReadOnly()
	}
	flags, keywords := split(f.Flags)
	c := mailbox.Change{UIDs: uids}
	switch f.Op {
	case imap.StoreFlagsSet:
		c.Set, c.SetKeywords = &flags, keywords
	case imap.StoreFlagsAdd:
		c.Add, c.AddKeywords = flags, keywords
	case imap.StoreFlagsDel:
		c.Remove, c.RemoveKeywords = flags, keywords
	}
	if len(uids) == 0 {
		return nil
	}
	changed, err := s.store().Change(s.ctx, s.sel.folder.ID, c)
	if errors.Is(err, mailbox.ErrInvalid) {
		return refuse(imap.ResponseCodeLimit, "This mailbox cannot have such a keyword, or more of them")
	} else if err != nil {
		return s.fail(err)
	}
	s.sel.know(changed)
	s.enc.reset(false)
	defer s.release()
	byUID := s.verb() == "UID STORE"
	for i := range changed.Messages {
		m := &changed.Messages[i]
		s.learn(m.Keywords)
		if n := s.sel.seq(m.UID); n != 0 && !f.Silent {
			s.enc.flagsOf(n, m, byUID)
		}
	}
	if err := s.f.sendLines(s.enc.b); err != nil {
		return err
	}
	if _, bySeq := set.(imap.SeqSet); bySeq && len(changed.Messages) < len(uids) {
		return refuse("EXPUNGEISSUED", "Some of these messages are gone")
	}
	return nil
}

// split divides flags into system flags and keywords. System flags that we do
// not know, \Recent among them, cannot be changed and are passed over.
func split(list []imap.Flag) (flags mailbox.Flags, keywords []string) {
	names := systemFlags()
	for _, f := range list {
		i := slices.IndexFunc(names[:], func(n string) bool { return strings.EqualFold(n, string(f)) })
		switch {
		case i >= 0:
			flags |= 1 << i
		case !strings.HasPrefix(string(f), `\`):
			keywords = append(keywords, string(f))
		}
	}
	return flags, keywords
}

func errReadOnly() error { return refuse("", "The mailbox was opened read-only") }

// Expunge removes messages with \Deleted, of uids if there are any (RFC 9051
// §6.4.3, §6.4.9), and for CLOSE without a word (§6.4.1).
func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	if s.sel.readOnly {
		if s.verb() == "CLOSE" {
			return nil
		}
		return errReadOnly()
	}
	c := mailbox.Change{OnlyDeleted: true, Expunge: true}
	if uids != nil {
		var err error
		if c.UIDs, err = s.resolve(*uids); err != nil {
			return err
		}
		if len(c.UIDs) == 0 {
			return nil
		}
	}
	changed, err := s.store().Change(s.ctx, s.sel.folder.ID, c)
	if err != nil {
		return s.fail(err)
	}
	return s.sel.remove(changed.Expunged, w.WriteExpunge)
}
