package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"glassmail/mailbox"
)

// Bounds of a message that is written here.
const (
	maxSubject     = 2000 // bytes
	maxAttachments = 100
	maxMemory      = 1 << 20 // of a form; what is larger lies in temporary files
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
	Data []byte `json:"data"` // base64 in JSON

	open func() (io.ReadCloser, error) // of a form's file, in place of Data
	size int64
}

// readDraft takes JSON, or a form whose field "message" is the JSON and whose
// files are the attachments. end removes temporary files.
func (c *Call) readDraft() (d draft, end func(), err error) {
	kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		err = c.Read(&d)
		return d, func() {}, err
	}
	if err := c.ParseMultipartForm(maxMemory); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return d, func() {}, err
		}
		return d, func() {}, fault(http.StatusBadRequest, "the form cannot be read")
	}
	form := c.MultipartForm
	end = func() { form.RemoveAll() }
	parse := json.NewDecoder(strings.NewReader(c.FormValue("message")))
	parse.DisallowUnknownFields()
	if err := parse.Decode(&d); err != nil {
		return d, end, fault(http.StatusBadRequest, `the field "message" is not what this call takes (%v)`, err)
	}
	for _, files := range form.File {
		for _, f := range files {
			d.Attachments = append(d.Attachments, attachment{
				Name: f.Filename, Type: f.Header.Get("Content-Type"), size: f.Size,
				open: func() (io.ReadCloser, error) { return f.Open() },
			})
		}
	}
	return d, end, nil
}
