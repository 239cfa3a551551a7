package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mailbox"
)

// Copy copies messages, all or none (RFC 9051 §6.4.7).
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	changed, to, err := s.transfer(set, dest, false)
	if err != nil {
		return nil, err
	}
	return copyData(changed.Copies, to), nil
}

// Move moves messages in one step of the store (RFC 6851).
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	if s.sel.readOnly {
		return errReadOnly()
	}
	changed, to, err := s.transfer(set, dest, true)
	if err != nil {
		return err
	}
	if len(changed.Copies) == 0 {
		return nil
	}
	if err := w.WriteCopyData(copyData(changed.Copies, to)); err != nil {
		return err
	}
	return s.sel.remove(changed.Expunged, w.WriteExpunge)
}

func (s *session) transfer(set imap.NumSet, dest string, expunge bool) (c mailbox.Changed, to mailbox.Folder, err error) {
	uids, err := s.resolve(set)
	if err != nil {
		return c, to, err
	}
	if to, err = s.store().Folder(s.ctx, s.account, dest); err != nil {
		return c, to, s.failTo(err)
	}
	if len(uids) == 0 {
		return c, to, nil
	}
	c, err = s.store().Change(s.ctx, s.sel.folder.ID, mailbox.Change{UIDs: uids, CopyTo: to.ID, Expunge: expunge})
	return c, to, s.failTo(err)
}

// copyData says where copies went (RFC 4315 §3), nil if there are none.
func copyData(copies []mailbox.Copy, to mailbox.Folder) *imap.CopyData {
	if len(copies) == 0 {
		return nil
	}
	d := &imap.CopyData{UIDValidity: to.UIDValidity}
	for _, c := range copies {
		d.SourceUIDs = appendUID(d.SourceUIDs, imap.UID(c.From))
		d.DestUIDs = appendUID(d.DestUIDs, imap.UID(c.To.UID))
	}
	return d
}

// appendUID adds a UID above all others.
func appendUID(set imap.UIDSet, uid imap.UID) imap.UIDSet {
	if n := len(set); n > 0 && set[n-1].Stop+1 == uid {
		set[n-1].Stop = uid
		return set
	}
	return append(set, imap.UIDRange{Start: uid, Stop: uid})
}
