package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// Mail is the mailboxes of the accounts.
type Mail interface {
	// Mailbox opens that of an account. mailbox.ErrNotFound.
	Mailbox(ctx context.Context, account string) (Mailbox, error)
	// Accounts lists the canonical addresses of all accounts.
	Accounts(ctx context.Context) ([]string, error)
}

// Mailbox is one account's mail.
type Mailbox interface {
	mailbox.Store
	// Append puts a message of about size bytes into a folder of the account and
	// returns when readers can see it.
	Append(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error)
	// Submit hands a message to the node as the submission port does, with the
	// account logged in. A refusal is a *mail.Reply. It returns the id under which
	// the node accepted the message.
	Submit(ctx context.Context, v Visit, env *mail.Envelope, text io.Reader) (id string, err error)
	// Fetched notes in the trace that a reader is given the text of a message,
	// which the node accepted as id.
	Fetched(v Visit, id string)
	// Limits tells how large a message may be, in bytes, and how many recipients
	// it may have.
	Limits() (size int64, recipients int)
}

// Visit is a request as the trace tells it: HTTP is one more way to the same
// mailbox.
type Visit struct {
	Local, Remote string // addresses of the connection
	Request       string // the request line; it holds no secret
	Secure        bool
}

func (c *Call) visit() Visit {
	v := Visit{Remote: c.RemoteAddr, Request: c.Method + " " + c.URL.EscapedPath() + " " + c.Proto, Secure: c.Secure}
	if at, ok := c.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		v.Local = at.String()
	}
	return v
}

// reader is the mail of the caller's account.
type reader struct {
	Mailbox
	account string
}

// reader opens the mailbox of who calls.
func (a *API) reader(c *Call) (reader, error) {
	return a.mailboxOf(c.Context(), c.Caller.Account)
}

func (a *API) mailboxOf(ctx context.Context, account string) (reader, error) {
	if a.o.Mail == nil {
		return reader{}, absent("this server keeps no mailboxes")
	}
	box, err := a.o.Mail.Mailbox(ctx, account)
	if errors.Is(err, mailbox.ErrNotFound) {
		return reader{}, fault(http.StatusNotFound, "there is no account %q here", account)
	}
	return reader{box, account}, err
}

// folder finds one of the account's folders by its id or, if key is no number, by
// its name. Ids of others' folders are not found.
func (r reader) folder(ctx context.Context, key string) (mailbox.Folder, error) {
	id, err := strconv.ParseUint(key, 10, 64)
	if err != nil {
		if len(key) > mailbox.MaxFolderName {
			return mailbox.Folder{}, fault(http.StatusBadRequest, "the name of a folder has at most %d bytes", mailbox.MaxFolderName)
		}
		return r.Folder(ctx, r.account, key)
	}
	all, err := r.Folders(ctx, r.account)
	if err != nil {
		return mailbox.Folder{}, err
	}
	for _, f := range all {
		if f.ID == mailbox.FolderID(id) {
			return f, nil
		}
	}
	return mailbox.Folder{}, fault(http.StatusNotFound, "there is no folder %s; the list is at %s/mail/folders", key, Prefix)
}

// special finds the folder of a special use (RFC 6154), or one of its name, or
// makes it.
func (r reader) special(ctx context.Context, use, name string) (mailbox.Folder, error) {
	all, err := r.Folders(ctx, r.account)
	if err != nil {
		return mailbox.Folder{}, err
	}
	for _, f := range all {
		if f.Special == use {
			return f, nil
		}
	}
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return r.ChangeFolder(ctx, r.account, mailbox.FolderChange{New: name, Special: use})
}

// message finds one message of a folder.
func (r reader) message(ctx context.Context, f mailbox.FolderID, uid mailbox.UID) (mailbox.Message, error) {
	for m, err := range r.Messages(ctx, f, mailbox.Range{From: uid}) {
		if err != nil {
			return mailbox.Message{}, err
		}
		if m.UID != uid {
			break
		}
		return m, nil
	}
	return mailbox.Message{}, fault(http.StatusNotFound, "the message is not in this folder any more")
}

// opened is a message with its text; the text must be closed.
type opened struct {
	mailbox.Message
	text mail.Message
	rec  *message.Record
}

func (r reader) open(ctx context.Context, m mailbox.Message) (*opened, error) {
	text, err := r.Body(ctx, m.Body)
	if err != nil {
		return nil, err
	}
	text = mail.WithContext(ctx, text) // whatever looks through it ends with the request
	rec, err := r.record(ctx, m.Body, text)
	if err != nil {
		text.Close()
		return nil, err
	}
	return &opened{m, text, rec}, nil
}

// record is the one made at delivery, or a new one if that cannot be read.
func (r reader) record(ctx context.Context, id mail.ContentID, text mail.Message) (*message.Record, error) {
	b, err := r.Record(ctx, id)
	if err == nil {
		rec, err := message.UnmarshalRecord(b)
		if err == nil && rec.Root.Envelope != nil && rec.Root.End <= text.Size() {
			return rec, nil
		}
	} else if !errors.Is(err, mailbox.ErrNotFound) {
		return nil, err
	}
	return message.Scan(text, text.Size())
}

// place reads {folder} and {uid} of a path and opens the message.
func (a *API) place(c *Call) (r reader, f mailbox.Folder, m *opened, err error) {
	if r, err = a.reader(c); err != nil {
		return
	}
	if f, err = r.folder(c.Context(), c.PathValue("folder")); err != nil {
		return
	}
	uid, err := parseUID(c.PathValue("uid"))
	if err != nil {
		return
	}
	state, err := r.message(c.Context(), f.ID, uid)
	if err != nil {
		return
	}
	m, err = r.open(c.Context(), state)
	return
}

func parseUID(s string) (mailbox.UID, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, fault(http.StatusBadRequest, "%q is no UID of a message", s)
	}
	return mailbox.UID(n), nil
}

// flagNames are the system flags in the order of their bits.
func flagNames() []string { return []string{"seen", "answered", "flagged", "deleted", "draft"} }

func flagList(f mailbox.Flags) []string {
	out := []string{}
	for i, name := range flagNames() {
		if f&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// parseFlags divides names into system flags and keywords.
func parseFlags(names []string) (f mailbox.Flags, keywords []string, err error) {
	for _, name := range names {
		known := false
		for i, one := range flagNames() {
			if name == one {
				f |= 1 << i
				known = true
			}
		}
		if known {
			continue
		}
		if name == "" || len(name) > mailbox.MaxKeyword || name[0] == '\\' || !isAtom(name) {
			return 0, nil, fault(http.StatusBadRequest, "%q is no flag: write seen, answered, flagged, deleted, draft, or a keyword of letters and digits", name)
		}
		keywords = append(keywords, name)
	}
	return f, keywords, nil
}

// isAtom reports whether a keyword can be said in IMAP (RFC 9051 §9, atom).
func isAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '(' || c == ')' || c == '{' || c == '%' || c == '*' || c == '"' || c == '\\' || c == ']' {
			return false
		}
	}
	return true
}
