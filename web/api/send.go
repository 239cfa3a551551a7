package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// formExtra is what a form takes up besides the files, in bytes.
const formExtra = 4 << 20

func (a *API) sendRoutes() []Route {
	return []Route{
		{Method: "POST", Path: "/mail/send", Role: User, MaxBody: a.largest(), Patience: transferTime, Handle: a.send},
		{Method: "POST", Path: "/mail/drafts", Role: User, MaxBody: a.largest(), Patience: transferTime, Handle: a.saveDraft},
		{Method: "POST", Path: "/send", Role: OperatorOrUser, MaxBody: a.largest(), Patience: transferTime, Handle: a.sendAs},
	}
}

// largest bounds the body of a message that is sent: the largest message, as
// base64 in JSON, with its header.
func (a *API) largest() int64 {
	if a.o.MaxMessage <= 0 {
		return formExtra
	}
	return a.o.MaxMessage*4/3 + formExtra
}

// delivered tells what became of a message.
type delivered struct {
	ID        string           `json:"id,omitempty"` // under which the node accepted it; also the journey's
	MessageID string           `json:"messageId"`
	Folder    mailbox.FolderID `json:"folder,omitempty"` // of the writer's copy
	UID       mailbox.UID      `json:"uid,omitempty"`
}

// send hands a message over as the submission port does, keeps a copy among the
// sent messages, marks what it answers, and removes the draft it was.
func (a *API) send(c *Call) error {
	d, end, err := c.readDraft(a)
	defer end()
	if err != nil {
		return err
	}
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	return a.deliver(c, r, &d, true)
}

func (a *API) deliver(c *Call, r reader, d *draft, keep bool) error {
	m, err := a.compose(r, d, true)
	if err != nil {
		return err
	}
	out := delivered{MessageID: m.messageID()}
	if out.ID, err = r.submit(c, m, a.o.now()); err != nil {
		return err
	}
	if !keep {
		return c.JSON(out)
	}
	// The message is on its way: what fails from here on must not look as if it
	// were not, or it would be sent twice.
	ctx := context.WithoutCancel(c.Context())
	if f, err := r.special(ctx, `\Sent`, "Sent"); err == nil {
		if placed, err := r.keep(ctx, m, f.ID, mailbox.Seen, a.o.now()); err == nil {
			out.Folder, out.UID = placed.Folder, placed.UID
		}
	}
	r.mark(ctx, d.Answers, mailbox.Change{Add: mailbox.Answered})
	r.mark(ctx, d.Replaces, mailbox.Change{Expunge: true})
	return c.JSON(out)
}

// compose checks a draft against the limits of the node.
func (a *API) compose(r reader, d *draft, finished bool) (*composed, error) {
	_, domain, _ := strings.Cut(r.account, "@")
	m, err := compose(d, r.account, domain, a.o.now(), finished)
	if err != nil {
		return nil, err
	}
	size, recipients := r.Limits()
	if len(m.recipients) > recipients {
		return nil, fault(http.StatusUnprocessableEntity, "a message goes to at most %d recipients", recipients)
	}
	if m.size() > size {
		return nil, fault(http.StatusRequestEntityTooLarge, "with its attachments the message is larger than %d bytes", size)
	}
	return m, nil
}

// messageID is the one that compose gave.
func (m *composed) messageID() string {
	for _, v := range message.HeaderValues([]byte(m.header), "Message-ID") {
		return strings.TrimSpace(v)
	}
	return ""
}

func (r reader) submit(c *Call, m *composed, now time.Time) (string, error) {
	user, err := mail.ParseAddress(r.account, true)
	if err != nil {
		return "", err
	}
	env := &mail.Envelope{
		ID: strings.ToLower(rand.Text()), From: m.from,
		Options: mail.Options{UTF8: m.utf8, Size: m.size()},
		Peer:    mail.Peer{User: user, Submission: true, HTTP: true, Time: now},
	}
	if env.Peer.Addr, err = netip.ParseAddrPort(c.RemoteAddr); err == nil {
		env.Peer.Helo = "[" + env.Peer.Addr.Addr().Unmap().String() + "]"
	}
	for _, a := range m.recipients {
		env.To = append(env.To, mail.Recipient{Address: a})
	}
	text := m.open(false)
	defer text.Close()
	return r.Submit(c.Context(), c.visit(), env, text)
}

// keep puts a copy with the Bcc field into one of the writer's folders.
func (r reader) keep(ctx context.Context, m *composed, f mailbox.FolderID, flags mailbox.Flags, now time.Time) (mailbox.Appended, error) {
	text := m.open(true)
	defer text.Close()
	return r.Append(ctx, mailbox.Delivery{User: r.account, Folder: f, Flags: flags, Date: now}, m.size(), text)
}

// mark changes one message, if it is still there.
func (r reader) mark(ctx context.Context, at *location, how mailbox.Change) {
	if at == nil || at.UID == 0 {
		return
	}
	if f, err := r.folder(ctx, string(at.Folder)); err == nil {
		how.UIDs = []mailbox.UID{at.UID}
		r.Change(ctx, f.ID, how)
	}
}

// saveDraft keeps an unfinished message among the drafts, in place of its former
// state.
func (a *API) saveDraft(c *Call) error {
	d, end, err := c.readDraft(a)
	defer end()
	if err != nil {
		return err
	}
	r, err := a.reader(c)
	if err != nil {
		return err
	}
	m, err := a.compose(r, &d, false)
	if err != nil {
		return err
	}
	f, err := r.special(c.Context(), `\Drafts`, "Drafts")
	if err != nil {
		return err
	}
	placed, err := r.keep(c.Context(), m, f.ID, mailbox.Draft|mailbox.Seen, a.o.now())
	if err != nil {
		return err
	}
	r.mark(c.Context(), d.Replaces, mailbox.Change{Expunge: true})
	return c.JSON(delivered{MessageID: m.messageID(), Folder: placed.Folder, UID: placed.UID})
}

// sendAs sends for programs: as the account of "from", which an operator may choose,
// without a copy among the sent messages.
func (a *API) sendAs(c *Call) error {
	d, end, err := c.readDraft(a)
	defer end()
	if err != nil {
		return err
	}
	account := c.Caller.Account
	if account == "" && c.Caller.Has(Operator) {
		var ok bool
		if account, ok = mailbox.CanonicalString(d.From); !ok {
			return fault(http.StatusUnprocessableEntity, "from: name the account that sends")
		}
	}
	if account == "" {
		return fault(http.StatusUnauthorized, "log in as the account that sends, or as the operator")
	}
	r, err := a.mailboxOf(c.Context(), account)
	if err != nil {
		return err
	}
	return a.deliver(c, r, &d, false)
}
