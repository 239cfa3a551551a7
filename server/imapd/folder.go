package imapd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"

	"glassmail/mailbox"
)

// maxLevels is how deep folders can lie: LIST shows each level.
const maxLevels = 20

// levels counts those of a name.
func levels(name string) int { return 1 + strings.Count(name, mailbox.Delimiter) }

func tooDeep() error {
	return refuse(imap.ResponseCodeLimit, fmt.Sprintf("A mailbox can lie %d levels deep", maxLevels))
}

// Create makes a folder, with a special use if the client says so (RFC 6154 §3).
func (s *session) Create(name string, o *imap.CreateOptions) error {
	c := mailbox.FolderChange{New: strings.TrimSuffix(name, "/")} // RFC 9051 §6.3.4
	if c.New == "" {
		return refuse(imap.ResponseCodeCannot, "A mailbox needs a name")
	}
	if levels(c.New) > maxLevels {
		return tooDeep()
	}
	if len(o.SpecialUse) > 1 || len(o.SpecialUse) == 1 && !specialUse(o.SpecialUse[0]) {
		return refuse("USEATTR", "A mailbox can have one of the uses \\Archive, \\Drafts, \\Junk, \\Sent and \\Trash")
	}
	if len(o.SpecialUse) == 1 {
		c.Special = string(o.SpecialUse[0])
	}
	return s.change(c)
}

// specialUse knows the uses that a folder can be given; \All and \Flagged are
// views of other folders' messages.
func specialUse(a imap.MailboxAttr) bool {
	switch a {
	case imap.MailboxAttrArchive, imap.MailboxAttrDrafts, imap.MailboxAttrJunk, imap.MailboxAttrSent, imap.MailboxAttrTrash:
		return true
	}
	return false
}

// Delete removes a folder with its messages (RFC 9051 §6.3.5).
func (s *session) Delete(name string) error {
	return s.change(mailbox.FolderChange{Old: name, Delete: true})
}

// Rename moves a folder and all below it (RFC 9051 §6.3.6).
func (s *session) Rename(name, to string, _ *imap.RenameOptions) error {
	if to = strings.TrimSuffix(to, "/"); to == "" {
		return refuse(imap.ResponseCodeCannot, "A mailbox needs a name")
	}
	deepest, err := s.deepest(name)
	if err != nil {
		return s.fail(err)
	}
	if levels(to)+deepest > maxLevels {
		return tooDeep()
	}
	return s.change(mailbox.FolderChange{Old: name, New: to})
}

// deepest counts the levels below a folder that move with it: none below INBOX
// (RFC 9051 §6.3.6).
func (s *session) deepest(name string) (int, error) {
	if canonical, err := mailbox.FolderName(name); err == nil {
		name = canonical
	}
	if name == mailbox.Inbox {
		return 0, nil
	}
	folders, err := s.store().Folders(s.ctx, s.account)
	n := 0
	for i := range folders {
		if f := folders[i].Name; mailbox.Below(f, name) {
			n = max(n, levels(f)-levels(name))
		}
	}
	return n, err
}

// Subscribe adds a folder to those the user wants to see (RFC 9051 §6.3.7).
func (s *session) Subscribe(name string) error { return s.subscribe(name, true) }

// Unsubscribe takes it away again; of a folder that is gone it is done already.
func (s *session) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *session) subscribe(name string, on bool) error {
	_, err := s.store().ChangeFolder(s.ctx, s.account, mailbox.FolderChange{Old: name, Subscribe: &on})
	if !on && errors.Is(err, mailbox.ErrNotFound) {
		return nil
	}
	return s.fail(err)
}

func (s *session) change(c mailbox.FolderChange) error {
	_, err := s.store().ChangeFolder(s.ctx, s.account, c)
	return s.fail(err)
}

// Status tells of a folder without selecting it (RFC 9051 §6.3.11).
func (s *session) Status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	if err := checkStatus(o); err != nil {
		return nil, err
	}
	f, err := s.store().Folder(s.ctx, s.account, name)
	if err != nil {
		return nil, s.fail(err)
	}
	return s.status(&f), nil
}

// checkStatus refuses what only the extension QUOTA has (RFC 9208 §4.1.4).
func checkStatus(o *imap.StatusOptions) error {
	if o.DeletedStorage {
		return bad("There is no STATUS item DELETED-STORAGE here")
	}
	return nil
}

// status fills in everything: the library cannot do without what it was asked.
func (s *session) status(f *mailbox.Folder) *imap.StatusData {
	recent, limit := uint32(0), s.AppendLimit()
	return &imap.StatusData{
		Mailbox:     f.Name,
		NumMessages: &f.Messages, NumUnseen: &f.Unseen, NumDeleted: &f.Deleted, NumRecent: &recent,
		UIDNext: imap.UID(f.UIDNext), UIDValidity: f.UIDValidity, Size: &f.Size, AppendLimit: &limit,
	}
}
