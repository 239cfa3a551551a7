package api

import (
	"net/http"
	"slices"

	"glassmail/mailbox"
)

// maxChanged bounds the messages that one call changes.
const maxChanged = 10_000

// folderOf opens the mailbox and the folder of a path.
func (a *API) folderOf(c *Call) (reader, mailbox.Folder, error) {
	r, err := a.reader(c)
	if err != nil {
		return r, mailbox.Folder{}, err
	}
	f, err := r.folder(c.Context(), c.PathValue("folder"))
	return r, f, err
}

// chosen checks the UIDs of a call and puts them in order. None never means all.
func chosen(uids []mailbox.UID) ([]mailbox.UID, error) {
	if len(uids) == 0 || len(uids) > maxChanged {
		return nil, fault(http.StatusBadRequest, "uids: name 1 to %d messages", maxChanged)
	}
	out := slices.Clone(uids)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// change does something to messages of one folder.
func (a *API) change(c *Call, uids []mailbox.UID, how mailbox.Change) error {
	r, f, err := a.folderOf(c)
	if err != nil {
		return err
	}
	if how.UIDs, err = chosen(uids); err != nil {
		return err
	}
	done, err := r.Change(c.Context(), f.ID, how)
	if err != nil {
		return err
	}
	touched := len(done.Messages)
	if how.Expunge {
		touched = len(done.Expunged)
	}
	out := changed{Changed: touched, Folder: how.CopyTo}
	for _, one := range done.Copies {
		out.UIDs = append(out.UIDs, one.To.UID)
	}
	return c.JSON(out)
}

// changed tells what became of messages. Where they lie now lets a page take a
// move back.
type changed struct {
	Changed int              `json:"changed"`
	Folder  mailbox.FolderID `json:"folder,omitempty"` // into which they were moved or copied
	UIDs    []mailbox.UID    `json:"uids,omitempty"`   // in that folder
}

func (a *API) flags(c *Call) error {
	var in struct {
		UIDs   []mailbox.UID `json:"uids"`
		Add    []string      `json:"add"`
		Remove []string      `json:"remove"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	var how mailbox.Change
	var err error
	if how.Add, how.AddKeywords, err = parseFlags(in.Add); err != nil {
		return err
	}
	if how.Remove, how.RemoveKeywords, err = parseFlags(in.Remove); err != nil {
		return err
	}
	return a.change(c, in.UIDs, how)
}

func (a *API) move(c *Call) error {
	var in struct {
		UIDs []mailbox.UID `json:"uids"`
		To   folderKey     `json:"to"`
		Copy bool          `json:"copy"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	r, f, err := a.folderOf(c)
	if err != nil {
		return err
	}
	to, err := r.folder(c.Context(), string(in.To))
	if err != nil {
		return err
	}
	if to.ID == f.ID && !in.Copy {
		return fault(http.StatusUnprocessableEntity, "the messages are in this folder already")
	}
	return a.change(c, in.UIDs, mailbox.Change{CopyTo: to.ID, Expunge: !in.Copy})
}

// folderKey is a folder in a body: its id as a number or a string, or its name.
type folderKey string

// UnmarshalJSON takes a number as it takes a string.
func (k *folderKey) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		s, err := unquote(b)
		*k = folderKey(s)
		return err
	}
	*k = folderKey(b)
	return nil
}

// deleteMessages moves messages to the trash, or, from there and with forever,
// away for good.
func (a *API) deleteMessages(c *Call) error {
	var in struct {
		UIDs    []mailbox.UID `json:"uids"`
		Forever bool          `json:"forever"`
	}
	if err := c.Read(&in); err != nil {
		return err
	}
	return a.discard(c, in.UIDs, in.Forever)
}

func (a *API) deleteMessage(c *Call) error {
	uid, err := parseUID(c.PathValue("uid"))
	if err != nil {
		return err
	}
	return a.discard(c, []mailbox.UID{uid}, c.URL.Query().Get("forever") == "1")
}

func (a *API) discard(c *Call, uids []mailbox.UID, forever bool) error {
	r, f, err := a.folderOf(c)
	if err != nil {
		return err
	}
	how := mailbox.Change{Expunge: true}
	if !forever {
		trash, err := r.special(c.Context(), `\Trash`, "Trash")
		if err != nil {
			return err
		}
		if trash.ID != f.ID {
			how.CopyTo = trash.ID
		}
	}
	return a.change(c, uids, how)
}
