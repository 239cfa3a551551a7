package api

import (
	"net/http"

	"glassmail/mailbox"
)

func (a *API) folderRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/mail/folders", Role: User, Handle: a.folders},
		{Method: "POST", Path: "/mail/folders", Role: User, MaxBody: smallBody, Handle: a.createFolder},
		{Method: "PATCH", Path: "/mail/folders/{folder}", Role: User, MaxBody: smallBody, Handle: a.renameFolder},
		{Method: "DELETE", Path: "/mail/folders/{folder}", Role: User, Handle: a.deleteFolder},
	}
}

// smallBody bounds the bodies of calls that take a few words, in bytes.
const smallBody = 64 << 10

func (a *API) folders(c *Call) error {
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	all, err := r.Folders(c.Context(), r.account)
	if err != nil {
		return err
	}
	usage, err := r.Usage(c.Context(), r.account)
	if err != nil {
		return err
	}
	return c.JSON(struct {
		listOf[mailbox.Folder]
		Usage usageInfo `json:"usage"`
	}{items(all), usageInfo{usage.Bytes, usage.Messages, usage.MaxBytes}})
}

// usageInfo is what an account takes up and may; 0 is no limit.
type usageInfo struct {
	Bytes    int64 `json:"bytes"`
	Messages int64 `json:"messages"`
	MaxBytes int64 `json:"maxBytes"`
}

func (a *API) createFolder(c *Call) error {
	var in struct {
		Name string `json:"name"`
	}
	return a.changeFolder(c, &in, func(reader) (mailbox.FolderChange, error) {
		return mailbox.FolderChange{New: in.Name}, checkName(in.Name)
	})
}

func (a *API) renameFolder(c *Call) error {
	var in struct {
		Name       string `json:"name"`
		Subscribed *bool  `json:"subscribed"`
	}
	return a.changeFolder(c, &in, func(r reader) (mailbox.FolderChange, error) {
		f, err := r.folder(c.Context(), c.PathValue("folder"))
		switch {
		case err != nil:
			return mailbox.FolderChange{}, err
		case (in.Name == "") == (in.Subscribed == nil):
			return mailbox.FolderChange{}, fault(http.StatusBadRequest, "give a name or subscribed, one of them")
		case in.Subscribed != nil:
			return mailbox.FolderChange{Old: f.Name, Subscribe: in.Subscribed}, nil
		}
		return mailbox.FolderChange{Old: f.Name, New: in.Name}, checkName(in.Name)
	})
}

func checkName(name string) error {
	if _, err := mailbox.FolderName(name); err != nil || name == "" {
		return fault(http.StatusUnprocessableEntity, "%q cannot be the name of a folder; levels are divided by /", name)
	}
	return nil
}

func (a *API) changeFolder(c *Call, in any, change func(reader) (mailbox.FolderChange, error)) error {
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	if err := c.Read(in); err != nil {
		return err
	}
	what, err := change(r)
	if err != nil {
		return err
	}
	f, err := r.ChangeFolder(c.Context(), r.account, what)
	if err != nil {
		return err
	}
	return c.JSON(f)
}

func (a *API) deleteFolder(c *Call) error {
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	f, err := r.folder(c.Context(), c.PathValue("folder"))
	if err != nil {
		return err
	}
	if f.Name == mailbox.Inbox {
		return fault(http.StatusUnprocessableEntity, "the INBOX cannot be deleted") // RFC 9051 §6.3.5
	}
	if _, err := r.ChangeFolder(c.Context(), r.account, mailbox.FolderChange{Old: f.Name, Delete: true}); err != nil {
		return err
	}
	return c.done()
}
