package api

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"slices"
	"strings"
	"time"

	"glassmail/mail"
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

// composed is a draft that has been checked, ready to be written any number of
// times.
type composed struct {
	from       mail.Address
	recipients []mail.Address // of To, Cc and Bcc, each once
	header     string         // without Bcc and the fields of the body
	bcc        string         // the Bcc field, for copies of the writer's own
	utf8       bool           // some address needs SMTPUTF8
	text       []byte         // quoted-printable
	files      []attachment
	boundary   string
}

// compose checks a draft of an account. Every word that goes into the header is
// checked or encoded, so that none can add a field of its own.
func compose(d *draft, account, domain string, now time.Time, finished bool) (*composed, error) {
	m := &composed{boundary: "=_" + rand.Text()}
	from := d.From
	if from == "" {
		from = account
	}
	var err error
	if m.from, err = mail.ParseAddress(from, true); err != nil {
		return nil, fault(http.StatusUnprocessableEntity, "from: %q is no address", from)
	}
	if len(d.Subject) > maxSubject || len(d.FromName) > maxSubject {
		return nil, fault(http.StatusUnprocessableEntity, "subject and name have at most %d bytes", maxSubject)
	}
	var h strings.Builder
	field := func(name, value string) {
		if value != "" {
			h.WriteString(name + ": " + value + "\r\n")
		}
	}
	field("Date", mail.Date(now))
	field("From", person{d.FromName, m.from}.String())
	m.needs(m.from)
	for _, one := range []struct {
		name string
		in   []string
	}{{"To", d.To}, {"Cc", d.Cc}, {"Bcc", d.Bcc}} {
		people, err := parsePeople(strings.ToLower(one.name), one.in)
		if err != nil {
			return nil, err
		}
		m.receive(people)
		if one.name == "Bcc" {
			if len(people) > 0 {
				m.bcc = "Bcc: " + addressField(people) + "\r\n"
			}
			continue
		}
		field(one.name, addressField(people))
	}
	if finished && len(m.recipients) == 0 {
		return nil, fault(http.StatusUnprocessableEntity, "name somebody who shall get the message")
	}
	field("Subject", encodeText(d.Subject))
	field("Message-ID", "<"+strings.ToLower(rand.Text())+"@"+domain+">")
	field("In-Reply-To", onlyIDs([]string{d.InReplyTo}))
	field("References", onlyIDs(d.References))
	field("User-Agent", "glassmail web")
	field("MIME-Version", "1.0")
	m.header = h.String()
	if m.text, err = encodeBody(d.Text); err != nil {
		return nil, err
	}
	m.files, err = checkFiles(d.Attachments)
	return m, err
}

func (m *composed) needs(a mail.Address) { m.utf8 = m.utf8 || !isASCII(a.Local) }

func (m *composed) receive(people []person) {
	for _, p := range people {
		m.needs(p.address)
		if !slices.Contains(m.recipients, p.address) {
			m.recipients = append(m.recipients, p.address)
		}
	}
}

// checkFiles bounds attachments and brings their types into form.
func checkFiles(in []attachment) ([]attachment, error) {
	if len(in) > maxAttachments {
		return nil, fault(http.StatusUnprocessableEntity, "a message has at most %d attachments", maxAttachments)
	}
	out := slices.Clone(in)
	for i := range out {
		f := &out[i]
		if f.open == nil {
			data := f.Data
			f.size = int64(len(data))
			f.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		}
		kind, _, err := mime.ParseMediaType(f.Type)
		if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
			kind = "application/octet-stream"
		}
		f.Type = kind
		if f.Name == "" || len(f.Name) > 255 {
			f.Name = fmt.Sprintf("attachment-%d", i+1)
		}
	}
	return out, nil
}

// size is about how many bytes the message has.
func (m *composed) size() int64 {
	n := int64(len(m.header) + len(m.bcc) + len(m.text) + 500)
	for _, f := range m.files {
		n += f.size*78/57 + 500
	}
	return n
}

// open returns the message's text. With own it has the Bcc field, which only the
// writer's copy may have (RFC 5322 §3.6.3).
func (m *composed) open(own bool) io.ReadCloser {
	head := m.header
	if own {
		head += m.bcc
	}
	const text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	if len(m.files) == 0 {
		return &chain{parts: []func() (io.ReadCloser, error){words(head + text), func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(m.text)), nil
		}}}
	}
	c := &chain{}
	c.parts = append(c.parts, words(head+"Content-Type: multipart/mixed; boundary=\""+m.boundary+"\"\r\n\r\n--"+m.boundary+"\r\n"+text+string(m.text)))
	for _, f := range m.files {
		c.parts = append(c.parts, words("\r\n--"+m.boundary+"\r\nContent-Type: "+f.Type+"\r\n"+
			"Content-Disposition: "+mime.FormatMediaType("attachment", map[string]string{"filename": f.Name})+"\r\nContent-Transfer-Encoding: base64\r\n\r\n"))
		c.parts = append(c.parts, func() (io.ReadCloser, error) {
			in, err := f.open()
			return &base64Lines{in: in}, err
		})
	}
	c.parts = append(c.parts, words("\r\n--"+m.boundary+"--\r\n"))
	return c
}

func words(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// chain reads one part after the other and opens each when its turn comes.
type chain struct {
	parts []func() (io.ReadCloser, error)
	now   io.ReadCloser
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.parts) == 0 {
				return 0, io.EOF
			}
			var err error
			if c.now, err = c.parts[0](); err != nil {
				c.now = nil
				return 0, err
			}
			c.parts = c.parts[1:]
		}
		n, err := c.now.Read(p)
		if err == io.EOF {
			err = c.Close()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close ends the part that is being read.
func (c *chain) Close() error {
	if c.now == nil {
		return nil
	}
	err := c.now.Close()
	c.now = nil
	return err
}

// base64Lines encodes what it reads, 76 characters a line (RFC 2045 §6.8).
type base64Lines struct {
	in   io.ReadCloser
	out  []byte
	done error
	buf  [57 * 64]byte
}

func (b *base64Lines) Read(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.done != nil {
			return 0, b.done
		}
		n, err := io.ReadFull(b.in, b.buf[:])
		if b.done = err; err == io.ErrUnexpectedEOF {
			b.done = io.EOF
		}
		for raw := range slices.Chunk(b.buf[:n], 57) {
			b.out = base64.StdEncoding.AppendEncode(b.out, raw)
			b.out = append(b.out, '\r', '\n')
		}
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

func (b *base64Lines) Close() error { return b.in.Close() }

// encodeBody writes a text with CRLF line ends as quoted-printable.
func encodeBody(text string) ([]byte, error) {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r", "\n"), "\n", "\r\n")
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
