package imapd

import (
	"context"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// Select opens a folder, for EXAMINE read-only.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	f, err := s.store().Folder(s.ctx, s.account, name)
	if err != nil {
		return nil, s.fail(err)
	}
	v := &selected{folder: f, readOnly: o.ReadOnly, mod: f.ModSeq, view: make([]mailbox.UID, 0, f.Messages)}
	unseen := uint32(0)
	for m, err := range s.store().Messages(s.ctx, f.ID, mailbox.Range{}) {
		if err != nil {
			return nil, s.fail(err)
		}
		if m.UID >= f.UIDNext { // came meanwhile: Poll tells it
			break
		}
		v.view = append(v.view, m.UID)
		if unseen == 0 && m.Flags&mailbox.Seen == 0 {
			unseen = uint32(len(v.view))
		}
	}
	s.sel, s.saved = v, nil
	d := &imap.SelectData{
		Flags:       flagList(f.Keywords),
		NumMessages: uint32(len(v.view)), FirstUnseenSeqNum: unseen,
		UIDNext: imap.UID(f.UIDNext), UIDValidity: f.UIDValidity,
	}
	if !o.ReadOnly {
		d.PermanentFlags = d.Flags
		if len(f.Keywords) < mailbox.MaxKeywords {
			d.PermanentFlags = append(flagList(f.Keywords), imap.FlagWildcard) // RFC 9051 §7.1
		}
	}
	if s.conn.EnabledCaps().Has(imap.CapIMAP4rev2) { // RFC 9051 §6.3.2
		l, err := s.listed(f.Name)
		if err != nil {
			return nil, err
		}
		d.List = l
	}
	return d, nil
}

// Unselect closes the folder.
func (s *session) Unselect() error {
	s.sel, s.saved = nil, nil
	return nil
}

// Idle tells news until stop. Each time it asks the store, so that what came
// before IDLE is told as well.
func (s *session) Idle(_ *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if s.sel == nil {
		<-stop
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	changed := s.store().Watch(ctx, s.sel.folder.ID)
	for {
		if err := s.Poll(nil, true); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			<-stop
			return nil
		case <-changed:
		}
	}
}

// allFlags are the system flags, which every folder has.
const allFlags = mailbox.Seen | mailbox.Answered | mailbox.Flagged | mailbox.Deleted | mailbox.Draft

// systemFlags are their names, in the order of their bits.
func systemFlags() [5]string {
	return [5]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}
}

func flagList(keywords []string) []imap.Flag {
	out := make([]imap.Flag, 0, 6+len(keywords))
	for _, n := range systemFlags() {
		out = append(out, imap.Flag(n))
	}
	for _, k := range keywords {
		out = append(out, imap.Flag(k))
	}
	return out
}
