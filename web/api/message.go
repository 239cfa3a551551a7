package api

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/web/mailview"
)

func (a *API) messageRoutes() []Route {
	const one = "/mail/messages/{folder}/{uid}"
	return []Route{
		{Method: "GET", Path: "/mail/messages", Role: User, Handle: a.messages},
		{Method: "GET", Path: one, Role: User, Handle: a.message},
		{Method: "GET", Path: one + "/raw", Role: User, Patience: transferTime, Handle: a.rawMessage},
		{Method: "GET", Path: one + "/parts/{section}", Role: User, Patience: transferTime, Handle: a.part},
		{Method: "GET", Path: one + "/html", Role: User, Handle: a.htmlMessage},
		{Method: "DELETE", Path: one, Role: User, Handle: a.deleteMessage},
		{Method: "POST", Path: "/mail/messages/{folder}/flags", Role: User, MaxBody: smallBody, Handle: a.flags},
		{Method: "POST", Path: "/mail/messages/{folder}/move", Role: User, MaxBody: smallBody, Handle: a.move},
		{Method: "POST", Path: "/mail/messages/{folder}/delete", Role: User, MaxBody: smallBody, Handle: a.deleteMessages},
	}
}

// transferTime is how long a message of the largest size may take.
const transferTime = 15 * time.Minute

// shown is a message as a page reads it.
type shown struct {
	UID      mailbox.UID      `json:"uid"`
	Folder   mailbox.FolderID `json:"folder"`
	Arrived  time.Time        `json:"arrived"`
	Flags    []string         `json:"flags"`
	Keywords []string         `json:"keywords"`
	*mailview.View
}

// message is read. It does not become seen by that: the reader says so by a flag.
func (a *API) message(c *Call) error {
	r, f, m, err := a.place(c)
	if err != nil {
		return err
	}
	defer m.text.Close()
	v, err := mailview.Read(m.text, m.rec)
	if err != nil {
		return err
	}
	r.Fetched(c.visit(), v.Journey)
	keywords := m.Keywords
	if keywords == nil {
		keywords = []string{}
	}
	return c.JSON(shown{m.UID, f.ID, m.Date, flagList(m.Flags), keywords, v})
}

// isolate lets nothing in an answer act, should a browser show it.
func isolate(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
}

// inert is the policy of files that are shown or saved.
const inert = "sandbox; default-src 'none'; frame-ancestors 'self'"

func (a *API) rawMessage(c *Call) error {
	_, _, m, err := a.place(c)
	if err != nil {
		return err
	}
	defer m.text.Close()
	return sendRaw(c, m, fmt.Sprintf("message-%d.eml", m.UID))
}

// sendRaw answers with the stored text, as plain text that is not interpreted, or
// with ?download=1 as a file.
func sendRaw(c *Call, m *opened, name string) error {
	h := c.W.Header()
	isolate(h, inert)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if c.URL.Query().Get("download") == "1" {
		h.Set("Content-Type", "message/rfc822")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	h.Set("Content-Length", strconv.FormatInt(m.text.Size(), 10))
	_, err := io.Copy(c.W, io.NewSectionReader(m.text, 0, m.text.Size()))
	return sent(err)
}

// sent drops the error of a caller that went away in the middle of an answer,
// which has begun and cannot be told.
func sent(error) error { return nil }

// shownTypes may be shown in the browser as they are; all else is saved.
func shownTypes() []string {
	return []string{"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
}

// part answers with the content of one part, its transfer encoding undone.
func (a *API) part(c *Call) error {
	_, _, m, err := a.place(c)
	if err != nil {
		return err
	}
	defer m.text.Close()
	p := mailview.Section(m.rec, c.PathValue("section"))
	if p == nil || p.Multipart() {
		return fault(http.StatusNotFound, "the message has no part %s", c.PathValue("section"))
	}
	h, kind, disposition := c.W.Header(), "application/octet-stream", "attachment"
	content := message.Content(m.text, p)
	for _, t := range shownTypes() {
		if t == p.Type+"/"+p.Subtype {
			kind, disposition = t, "inline"
		}
	}
	if kind == "text/plain" {
		kind, content = "text/plain; charset=utf-8", message.Text(m.text, p)
	}
	if c.URL.Query().Get("download") == "1" {
		disposition = "attachment"
	}
	name := mailview.FileName(p)
	if name == "" {
		name = "part-" + c.PathValue("section")
	}
	isolate(h, inert)
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
	_, err = io.Copy(c.W, content)
	return sent(err)
}

// maxRenderings is how many messages are made harmless at one time, in a process:
// each takes a processor and some tens of megabytes for a moment.
const maxRenderings = 2

// htmlMessage is the message's HTML as a document of its own, for a frame. HEAD tells
// how it will be shown without making it.
func (a *API) htmlMessage(c *Call) error {
	_, _, m, err := a.place(c)
	if err != nil {
		return err
	}
	defer m.text.Close()
	d, err := a.render(c, m)
	if err != nil || d == nil {
		return noHTML(err)
	}
	describeHTML(c.W.Header(), d.Survey)
	if c.Method == http.MethodHead {
		return nil
	}
	_, err = c.W.Write(d.HTML)
	return sent(err)
}

// render makes the HTML, or looks at it only for HEAD, in its turn, which is over before
// anything is sent: the client may be slow. It is nil without HTML.
func (a *API) render(c *Call, m *opened) (*mailview.Document, error) {
	done, err := turn(c.Context(), a.renderings, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	defer done()
	if c.Method != http.MethodHead {
		return a.clean.HTML(c.Context(), m.text, m.rec)
	}
	survey, ok, err := a.clean.Survey(c.Context(), m.text, m.rec)
	if err != nil || !ok {
		return nil, err
	}
	return &mailview.Document{Survey: survey}, nil
}

func noHTML(err error) error {
	if err != nil {
		return err
	}
	return fault(http.StatusNotFound, "the message has no HTML")
}

func describeHTML(h http.Header, s mailview.Survey) {
	isolate(h, mailview.Policy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Blocked-Pictures", strconv.Itoa(s.Blocked))
	h.Set("Shown-As", s.Shown)
}
