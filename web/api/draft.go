package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"

	"glassmail/mailbox"
)

// Bounds of a message that is written here.
const (
	maxSubject     = 2000    // bytes
	maxDraftText   = 1 << 20 // bytes; what is longer is attached
	maxAttachments = 100
	maxFormParts   = maxAttachments + 10 // of a form
	maxDraftJSON   = 4 << 20             // bytes of JSON beside the content of attachments
	maxDraftValues = 20_000              // values in that JSON
)

// Bounds of messages that are on their way here at one time, each of which may take
// its time and has a temporary file.
const (
	maxBodies          = 16
	maxBodiesOfAccount = 4
	retryAfter         = "5" // seconds, in the answer to those beyond
)

// draft is a message that a reader writes.
type draft struct {
	From       string    `json:"from"`     // address; "" is the account's
	FromName   string    `json:"fromName"` // shown before the address
	To         []string  `json:"to"`       // addresses, with or without names
	Cc         []string  `json:"cc"`
	Bcc        []string  `json:"bcc"`
	Subject    string    `json:"subject"`
	Text       string    `json:"text"`
	InReplyTo  string    `json:"inReplyTo"`
	References []string  `json:"references"`
	Answers    *location `json:"answers,omitempty"`  // the message that this one answers becomes answered
	Replaces   *location `json:"replaces,omitempty"` // the draft that this one takes the place of

	Attachments []attachment `json:"attachments"`
}

// location is a message in a folder.
type location struct {
	Folder folderKey   `json:"folder"`
	UID    mailbox.UID `json:"uid"`
}

// attachment is a file that goes along.
type attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"` // base64; a mark of the cutter

	content
}

// readDraft takes JSON, or a form whose field "message" is the JSON and whose
// files are the attachments. What is attached lies in a spool. end, which is never
// nil, takes that away.
func (c *Call) readDraft(a *API) (d draft, end func(), err error) {
	leave, err := c.enterBody(a)
	if err != nil {
		return d, func() {}, err
	}
	s := &spool{dir: a.o.Uploads}
	end = func() { s.remove(); leave() }
	kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		d, err = c.readForm(s)
		return d, end, err
	}
	if kind != "application/json" {
		return d, end, fault(http.StatusUnsupportedMediaType, "send the body as application/json or multipart/form-data")
	}
	d, err = readDraftJSON(c.Body, s)
	return d, end, err
}

// enterBody waits for nothing: beyond the bounds the caller is told when to come
// again. leave makes room for others. Small bodies, of a length that is known, need
// none.
func (c *Call) enterBody(a *API) (leave func(), err error) {
	if c.ContentLength >= 0 && c.ContentLength <= smallBody {
		return func() {}, nil
	}
	leave, err = a.bodies.take(c.Caller.Account)
	switch {
	case errors.Is(err, errManyOfAccount):
		err = fault(http.StatusTooManyRequests, "%d messages of %s are on their way already; wait until one is here", a.bodies.mostOfAccount, c.Caller.Account)
	case errors.Is(err, errMany):
		err = fault(http.StatusServiceUnavailable, "%d messages are on their way already; try again", a.bodies.most)
	}
	if err != nil {
		c.W.Header().Set("Retry-After", retryAfter)
	}
	return leave, err
}

// readDraftJSON reads a draft with its attachments.
func readDraftJSON(in io.Reader, s *spool) (d draft, err error) {
	cut := newCutter(in, s)
	if err := readJSON(cut, &d); err != nil {
		if s.err != nil { // a failure of ours, not of the JSON
			err = s.err
		}
		return d, err
	}
	for i := range d.Attachments {
		a := &d.Attachments[i]
		if a.content, err = cut.content(a.Data); err != nil {
			return d, err
		}
		a.Data = ""
	}
	return d, nil
}

// readForm reads a form part by part.
func (c *Call) readForm(s *spool) (d draft, err error) {
	form, err := c.MultipartReader()
	if err != nil {
		return d, fault(http.StatusBadRequest, "the form cannot be read (%v)", err)
	}
	var files []attachment
	found := false
	for n := 0; ; n++ {
		p, err := form.NextRawPart()
		if err == io.EOF {
			break
		}
		if err == nil && n == maxFormParts {
			return d, fault(http.StatusBadRequest, "the form has more than %d parts", maxFormParts)
		}
		switch {
		case err != nil:
		case p.FileName() != "" && len(files) == maxAttachments:
			return d, tooManyFiles()
		case p.FileName() != "":
			var one content
			if one, err = s.take(p); s.err != nil {
				return d, err
			}
			files = append(files, attachment{Name: p.FileName(), Type: p.Header.Get("Content-Type"), content: one})
		case p.FormName() == "message" && !found:
			found = true
			if d, err = readDraftJSON(p, s); err != nil {
				return d, inForm(err)
			}
		}
		if err != nil {
			return d, formFault(err)
		}
	}
	if !found {
		return d, fault(http.StatusBadRequest, `the form has no field "message" with the draft as JSON`)
	}
	d.Attachments = append(d.Attachments, files...)
	return d, nil
}

// inForm says that what was wrong with JSON was in a form.
func inForm(err error) error {
	var f *Error
	if errors.As(err, &f) {
		return fault(f.Status, `the field "message": %s`, f.Text)
	}
	return err
}

// formFault is what to tell of a form that cannot be read on.
func formFault(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault(http.StatusBadRequest, "the form cannot be read (%v)", err)
}
