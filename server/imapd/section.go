package imapd

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/emersion/go-imap/v2"

	"glassmail/mail"
	"glassmail/mailbox"
)

// span is what a section names: a range of the stored text, or bytes that were
// picked out of a header. A section that names nothing is NIL.
type span struct {
	from, to int64
	picked   []byte // if fields were picked
	none     bool
}

func (s *span) size() int64 {
	if s.picked != nil {
		return int64(len(s.picked))
	}
	return s.to - s.from
}

// partial narrows a span to <offset.size> (RFC 9051 §6.4.5).
func (s *span) partial(p *imap.SectionPartial) {
	if p == nil || s.none {
		return
	}
	have := s.size()
	from := min(p.Offset, have)
	to := from + min(p.Size, have-from)
	if s.picked != nil {
		s.picked = s.picked[from:to:to]
		return
	}
	s.from, s.to = s.from+from, s.from+to
}

// locate finds a section of a message (RFC 9051 §6.4.5.1).
func locate(rec *mailbox.Record, b mail.Message, sec *imap.FetchItemBodySection) (span, error) {
	p := &rec.Root
	if len(sec.Part) > 0 {
		if p = rec.Root.Find(sec.Part); p == nil {
			return span{none: true}, nil
		}
	}
	if len(sec.Part) > 0 {
		switch sec.Specifier {
		case imap.PartSpecifierNone:
			return span{from: p.Body, to: p.End}, nil
		case imap.PartSpecifierMIME:
			return span{from: p.Header, to: p.Body}, nil
		}
		if p = p.Message(); p == nil { // only a message has a header of its own
			return span{none: true}, nil
		}
	}
	switch sec.Specifier {
	case imap.PartSpecifierNone:
		return span{from: 0, to: b.Size()}, nil
	case imap.PartSpecifierText:
		return span{from: p.Body, to: p.End}, nil
	case imap.PartSpecifierMIME:
		return span{}, bad("MIME needs the number of a part")
	}
	if len(sec.HeaderFields) == 0 && len(sec.HeaderFieldsNot) == 0 {
		return span{from: p.Header, to: p.Body}, nil
	}
	header, err := readSpan(b, p.Header, min(p.Body, p.Header+mailbox.MaxHeaderSize))
	if err != nil {
		return span{}, err
	}
	names, not := sec.HeaderFields, false
	if len(names) == 0 {
		names, not = sec.HeaderFieldsNot, true
	}
	return span{picked: append([]byte{}, mailbox.HeaderFields(header, names, not)...)}, nil
}

func readSpan(r io.ReaderAt, from, to int64) ([]byte, error) {
	p := make([]byte, to-from)
	if n, err := r.ReadAt(p, from); n < len(p) {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return p, nil
}

// label writes the name of a section as the client will look for it.
func (e *encoder) label(sec *imap.FetchItemBodySection, obsolete string) {
	if obsolete != "" {
		e.text(obsolete)
		return
	}
	e.text("BODY[").path(sec.Part)
	if sec.Specifier != imap.PartSpecifierNone {
		if len(sec.Part) > 0 {
			e.text(".")
		}
		e.text(string(sec.Specifier))
	}
	names := sec.HeaderFields
	if len(names) > 0 {
		e.text(".FIELDS ")
	} else if names = sec.HeaderFieldsNot; len(names) > 0 {
		e.text(".FIELDS.NOT ")
	}
	if len(names) > 0 {
		e.text("(")
		begin := len(e.b)
		for _, n := range names {
			e.space(begin).astring(n)
		}
		e.text(")")
	}
	e.text("]")
	if sec.Partial != nil {
		e.number("<", int(sec.Partial.Offset)).text(">")
	}
}

func (e *encoder) path(part []int) {
	for i, n := range part {
		if i > 0 {
			e.text(".")
		}
		e.number("", n)
	}
}

// astring writes an atom if s can be one.
func (e *encoder) astring(s string) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			e.string(s)
			return
		}
	}
	if s == "" {
		s = `""`
	}
	e.text(s)
}

// errCTE says that a part's encoding is none that can be decoded.
var errCTE = errors.New("unknown content transfer encoding")

// decoded reads a part's content without its transfer encoding (RFC 3516 §4.3).
// A content that breaks its own encoding ends where it does.
func decoded(rec *mailbox.Record, b mail.Message, part []int) (r io.Reader, ok bool, err error) {
	p, from, to := &rec.Root, int64(0), b.Size()
	if len(part) == 0 {
		return io.NewSectionReader(b, from, to), true, nil
	}
	if p = rec.Root.Find(part); p == nil {
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
