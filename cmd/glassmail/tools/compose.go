package tools

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/emersion/go-message/mail"

	"glassmail/mail"
)

// Limits of what send builds.
const (
	maxMessage = 50 << 20 // bytes of text, and of each attachment
	maxPlain   = 990      // bytes of a line that needs no encoding (RFC 5321 §4.5.3.1.6 allows 998)
)

// mailbox is an address with the name that may stand before it.
type mailbox struct {
	name string
	addr mail.Address
}

// parseMailbox reads alice@crepes.fr or Alice <alice@crepes.fr>.
func parseMailbox(s string) (mailbox, error) {
	var m mailbox
	addr := strings.TrimSpace(s)
	if inner, ok := strings.CutSuffix(addr, ">"); ok {
		i := strings.LastIndexByte(inner, '<')
		if i < 0 {
			return m, fmt.Errorf("%q has > without <", s)
		}
		m.name, addr = strings.Trim(strings.TrimSpace(inner[:i]), `"`), inner[i+1:]
	}
	var err error
	if m.addr, err = mail.ParseAddress(addr, true); err != nil {
		return m, fmt.Errorf("address %q: %w", s, err)
	}
	return m, nil
}

// letter is what a message is built from.
type letter struct {
	from    mailbox
	to      []mailbox
	subject string
	body    string
	files   []attachment
}

type attachment struct {
	name string
	data []byte
}

// readAttachment reads a file of at most maxMessage bytes.
func readAttachment(path string) (attachment, error) {
	f, err := os.Open(path)
	if err != nil {
		return attachment{}, fmt.Errorf("attach: %w", err)
	}
	defer f.Close()
	data, err := readAll(f)
	if err != nil {
		return attachment{}, fmt.Errorf("attach %s: %w", path, err)
	}
	return attachment{name: filepath.Base(path), data: data}, nil
}

// readAll reads r to its end, which must come within maxMessage bytes.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err == nil && len(b) > maxMessage {
		err = fmt.Errorf("it has more than %d bytes", maxMessage)
	}
	return b, err
}

// message is the letter in its form on the wire (RFC 5322, RFC 2045), lines ended
// by CR LF. Bytes above 127 stand in its header only if an address needs them.
func (l *letter) message(now time.Time) ([]byte, error) {
	h, err := l.header(now)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	text, encoding := crlf(l.body), textEncoding(l.body)
	if len(l.files) == 0 {
		h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
		h.Set("Content-Transfer-Encoding", encoding)
		w, err := gomail.CreateSingleInlineWriter(&out, h)
		if err := writePart(w, err, []byte(text)); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}
	w, err := gomail.CreateWriter(&out, h)
	if err != nil {
		return nil, fmt.Errorf("build the message: %w", err)
	}
	var ih gomail.InlineHeader
	ih.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	ih.Set("Content-Transfer-Encoding", encoding)
	part, err := w.CreateSingleInline(ih)
	if err := writePart(part, err, []byte(text)); err != nil {
		return nil, err
	}
	for _, f := range l.files {
		var ah gomail.AttachmentHeader
		ah.SetContentType(contentType(f.name), nil)
		ah.SetFilename(f.name)
		part, err := w.CreateAttachment(ah)
		if err := writePart(part, err, f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("build the message: %w", err)
	}
	return out.Bytes(), nil
}

// writePart fills and closes a part that was opened with the error err.
func writePart(w io.WriteCloser, err error, data []byte) error {
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("build the message: %w", err)
	}
	return nil
}

// header sets the fields; go-message puts each new one before the others.
func (l *letter) header(now time.Time) (gomail.Header, error) {
	var h gomail.Header
	if err := h.GenerateMessageIDWithHostname(l.from.addr.Route()); err != nil {
		return h, fmt.Errorf("make a Message-ID: %w", err)
	}
	h.SetDate(now)
	if l.subject != "" {
		h.Set("Subject", encodeWord(l.subject))
	}
	h.Set("To", addressList(l.to...))
	h.Set("From", addressList(l.from))
	return h, nil
}

// addressList is the value of a field with addresses (RFC 5322 §3.4). Names beyond
// ASCII are encoded words in Base64, whose letters are allowed in a name
// (RFC 2047 §5).
func addressList(boxes ...mailbox) string {
	var out []string
	for _, m := range boxes {
		name := mime.BEncoding.Encode("utf-8", m.name)
		if name == m.name && name != "" {
			name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		}
		out = append(out, strings.TrimLeft(name+" "+m.addr.Path(), " "))
	}
	return strings.Join(out, ", ")
}

// encodeWord writes s as encoded words if it must be (RFC 2047). Base64 is the
// shorter form for scripts without Latin letters.
func encodeWord(s string) string {
	if mostlyASCII(s) {
		return mime.QEncoding.Encode("utf-8", s)
	}
	return mime.BEncoding.Encode("utf-8", s)
}

// textEncoding is the transfer encoding for s: none if it can be read as it is.
func textEncoding(s string) string {
	plain := true
	for l := range strings.SplitSeq(s, "\n") {
		if len(l) > maxPlain || strings.ContainsFunc(l, func(r rune) bool { return r >= utf8.RuneSelf || r == 0 }) ||
			strings.ContainsRune(strings.TrimSuffix(l, "\r"), '\r') {
			plain = false
			break
		}
	}
	switch {
	case plain:
		return "7bit"
	case mostlyASCII(s):
		return "quoted-printable"
	}
	return "base64"
}

// mostlyASCII reports whether at least three of four bytes of s are ASCII.
func mostlyASCII(s string) bool {
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	return high*4 <= len(s)
}

// crlf ends the lines of s with CR LF, the last one too.
func crlf(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
	if s != "" && !strings.HasSuffix(s, "\r\n") {
		s += "\r\n"
	}
	return s
}

// contentType goes by the end of the file's name.
func contentType(name string) string {
	t, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(name)))
	if err != nil {
		return "application/octet-stream"
	}
	return t
}
