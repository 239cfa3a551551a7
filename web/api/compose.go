package api

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"glassmail/mail"
)

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
	if len(d.Text) > maxDraftText {
		return nil, fault(http.StatusUnprocessableEntity, "the text has at most %d bytes; attach what is longer", maxDraftText)
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
	to, cc, err := m.address(d)
	if err != nil {
		return nil, err
	}
	field("To", to)
	field("Cc", cc)
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

// address reads who gets the message, and returns the fields that tell it to all.
func (m *composed) address(d *draft) (to, cc string, err error) {
	var fields [3]string
	for i, one := range []struct {
		name string
		in   []string
	}{{"to", d.To}, {"cc", d.Cc}, {"bcc", d.Bcc}} {
		people, err := parsePeople(one.name, one.in)
		if err != nil {
			return "", "", err
		}
		m.receive(people)
		fields[i] = addressField(people)
	}
	if fields[2] != "" {
		m.bcc = "Bcc: " + fields[2] + "\r\n"
	}
	return fields[0], fields[1], nil
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
		return nil, tooManyFiles()
	}
	out := slices.Clone(in)
	for i := range out {
		f := &out[i]
		kind, _, err := mime.ParseMediaType(f.Type)
		if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
			kind = "application/octet-stream"
		}
		f.Type = kind
		f.Name = clean(f.Name)
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
			return io.NopCloser(&base64Lines{in: f.open()}), nil
		})
	}
	c.parts = append(c.parts, words("\r\n--"+m.boundary+"--\r\n"))
	return c
}

func words(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}
