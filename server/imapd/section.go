package imapd

import (
	"fmt"
	"io"
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
