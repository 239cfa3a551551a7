package imapd

import (
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/emersion/go-imap/v2"

	"glassmail/mail"
	"glassmail/mailbox"
)

// binary writes BINARY[…] and BINARY.SIZE[…] (RFC 3516).
func (s *session) binary(f *fetch, rec *mailbox.Record, text mail.Message) error {
	for _, b := range f.BinarySectionSize {
		n, ok, err := decodedSize(rec, text, b.Part)
		if err != nil {
			return s.cannotDecode(err)
		}
		s.enc.space(s.enc.items).text("BINARY.SIZE[").path(b.Part)
		if !ok {
			n = 0
		}
		s.enc.number("] ", int64(n))
	}
	for _, b := range f.BinarySection {
		n, ok, err := decodedSize(rec, text, b.Part)
		if err != nil {
			return s.cannotDecode(err)
		}
		s.enc.space(s.enc.items).text("BINARY[").path(b.Part)
		s.enc.text("]")
		from := int64(0)
		if p := b.Partial; p != nil {
			s.enc.number("<", int64(p.Offset)).text(">")
			from = min(p.Offset, n)
			n = min(p.Size, n-from)
		}
		if !ok {
			s.enc.text(" NIL")
			continue
		}
		s.enc.number(" ~{", int64(n)).text("}\r\n")
		r, _, err := decoded(rec, text, b.Part)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, from); err != nil {
			s.f.cut(err)
			return err
		}
		if err := s.stream(r, n); err != nil {
			return err
		}
	}
	return nil
}

// decodedSize counts what a part holds when decoded; ok is false if there is no
// such part.
func decodedSize(rec *mailbox.Record, text mail.Message, part []int) (n int64, ok bool, err error) {
	r, ok, err := decoded(rec, text, part)
	if !ok || err != nil {
		return 0, ok, err
	}
	n, err = io.Copy(io.Discard, r)
	return n, true, err
}

func (s *session) cannotDecode(err error) error {
	if errors.Is(err, errCTE) {
		return refuse(imap.ResponseCodeUnknownCTE, "The encoding of that part is unknown")
	}
	return err
}

// errCTE says that a part's encoding is none that can be decoded.
var errCTE = errors.New("unknown content transfer encoding")

// decoded reads a part's content without its transfer encoding (RFC 3516 §4.3).
// A content that breaks its own encoding ends where it does.
func decoded(rec *mailbox.Record, b mail.Message, part []int) (r io.Reader, ok bool, err error) {
	if len(part) == 0 {
		return io.NewSectionReader(b, 0, b.Size()), true, nil
	}
	p := rec.Root.Find(part)
	if p == nil {
		return nil, false, nil
	}
	r, err = contentReader(p, b)
	return r, true, err
}

// contentReader undoes a part's transfer encoding.
func contentReader(p *mailbox.Part, b io.ReaderAt) (io.Reader, error) {
	raw := io.NewSectionReader(b, p.Body, p.Size())
	switch p.Encoding {
	case "7bit", "8bit", "binary", "":
		return raw, nil
	case "base64":
		return &lenient{r: base64.NewDecoder(base64.StdEncoding, raw)}, nil
	case "quoted-printable":
		return &lenient{r: quotedprintable.NewReader(raw)}, nil
	}
	return nil, errCTE
}

// lenient ends quietly where its reader fails for what it reads.
type lenient struct{ r io.Reader }

// Read never returns a decoding error.
func (l *lenient) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	var corrupt base64.CorruptInputError
	if err != nil && (errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(err.Error(), "quotedprintable:")) {
		err = io.EOF
	}
	return n, err
}
