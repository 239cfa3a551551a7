package message

import (
	"bytes"
	"iter"
	"strings"
)

// fields goes through a header: the name of each field, nil for a line that is none,
// and its bytes with its continuation lines.
func fields(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, field []byte) bool) {
		for len(header) > 0 {
			n := FieldEnd(header)
			f := header[:n]
			header = header[n:]
			if !yield(FieldName(f), f) {
				return
			}
		}
	}
}

// HeaderFields returns those fields of a header that are named, or with not
// those that are not, with their exact bytes and in their order, and the blank
// line if the header has one (RFC 9051 §6.4.5.1). Lines that are no field count
// as not named.
func HeaderFields(header []byte, names FieldNames, not bool) []byte {
	var out []byte
	for name, f := range fields(header) {
		if IsBlank(f) || names.Has(name) != not {
			out = append(out, f...)
		}
		if IsBlank(f) {
			break
		}
	}
	return out
}

// FieldNames is a set of names of header fields, in whatever letters. Looking a name up
// takes the same time however many there are.
type FieldNames map[string]bool

// NewFieldNames makes a set.
func NewFieldNames(names ...string) FieldNames {
	set := make(FieldNames, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = true
	}
	return set
}

// Has reports a name of the set; nil is none.
func (s FieldNames) Has(name []byte) bool {
	var small [64]byte
	if len(name) > len(small) {
		return s[strings.ToLower(string(name))]
	}
	b := small[:copy(small[:], name)]
	for i, c := range b {
		b[i] = LowerByte(c)
	}
	return name != nil && s[string(b)]
}

// HeaderValues returns the values of all fields with a name, unfolded, without
// blanks around them, encoded words as they stand.
func HeaderValues(header []byte, name string) []string {
	var out []string
	for got, f := range fields(header) {
		if isNamed(got, name) {
			out = append(out, FieldValue(f))
		}
	}
	return out
}

// FieldEnd is the length of the first field of a header with its continuation
// lines, at least one line.
func FieldEnd(h []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(h[n:], '\n')
		if i < 0 {
			return len(h)
		}
		first := n == 0 && IsBlank(h[:i+1])
		n += i + 1
		if first || n == len(h) || h[n] != ' ' && h[n] != '\t' {
			return n
		}
	}
}

// FieldName returns the name of a field, nil if its line is none. Blanks before
// the colon are obsolete (RFC 5322 §4.5).
func FieldName(f []byte) []byte {
	n := 0
	for n < len(f) && f[n] > ' ' && f[n] < 0x7f && f[n] != ':' {
		n++
	}
	i := n
	for i < len(f) && (f[i] == ' ' || f[i] == '\t') {
		i++
	}
	if n == 0 || i == len(f) || f[i] != ':' {
		return nil
	}
	return f[:n]
}

// FieldValue is what stands after the colon of a field, unfolded.
func FieldValue(f []byte) string {
	f = bytes.Trim(f[bytes.IndexByte(f, ':')+1:], " \t\r\n")
	if bytes.IndexByte(f, '\n') < 0 {
		return string(f)
	}
	var b strings.Builder
	b.Grow(len(f))
	for len(f) > 0 { // RFC 5322 §2.2.3
		i := bytes.IndexByte(f, '\n')
		if i < 0 {
			b.Write(f)
			break
		}
		b.Write(bytes.TrimSuffix(f[:i], []byte{'\r'}))
		f = f[i+1:]
	}
	return b.String()
}

// Postmark reports the line with which an mbox file begins a message.
func Postmark(l []byte) bool {
	return bytes.HasPrefix(l, []byte("From ")) || bytes.HasPrefix(l, []byte(">From "))
}

// read fills in what the header of a part says.
func (o *openPart) read(header []byte, left *budget) {
	o.Type, o.Subtype, o.Encoding = "text", "plain", "7bit"
	if o.digest { // RFC 2046 §5.1.5
		o.Type, o.Subtype = "message", "rfc822"
	}
	if o.whole {
		o.Envelope = new(Envelope)
	}
	var seen fieldSet
	for len(header) > 0 {
		n := FieldEnd(header)
		f := header[:n]
		header = header[n:]
		name := FieldName(f)
		if len(name) < 2 || len(name) > len(longestName) {
			continue
		}
		var low [len(longestName)]byte
		for i, c := range name {
			low[i] = LowerByte(c)
		}
		if o.whole {
			o.Envelope.field(low[:len(name)], f, &seen, left)
		}
		o.field(low[:len(name)], f, &seen, left)
	}
	if e := o.Envelope; e != nil { // RFC 9051 §7.5.2
		if e.Sender == nil {
			e.Sender = e.From
		}
		if e.ReplyTo == nil {
			e.ReplyTo = e.From
		}
	}
}

const longestName = "content-transfer-encoding"

// fieldSet remembers which fields a header had: of those that may stand once,
// the first counts.
type fieldSet uint32

const (
	seenType fieldSet = 1 << iota
	seenEncoding
	seenID
	seenDescription
	seenDisposition
	seenLanguage
	seenLocation
	seenMD5
	seenDate
	seenSubject
	seenInReplyTo
	seenMessageID
)

// once reports whether a field comes for the first time.
func (s *fieldSet) once(f fieldSet) bool {
	is := *s&f == 0
	*s |= f
	return is
}

// field takes one field of MIME (RFC 2045 §3).
func (p *Part) field(name, f []byte, seen *fieldSet, left *budget) {
	switch string(name) {
	case "content-type":
		if seen.once(seenType) {
			p.contentType(FieldValue(f), left)
		}
	case "content-transfer-encoding":
		if seen.once(seenEncoding) {
			p.encoding(FieldValue(f), left)
		}
	case "content-disposition":
		if seen.once(seenDisposition) {
			p.disposition(FieldValue(f), left)
		}
	case "content-language":
		if seen.once(seenLanguage) {
			p.languages(FieldValue(f), left)
		}
	case "content-id":
		once(&p.ID, f, seen, seenID, left)
	case "content-description":
		once(&p.Description, f, seen, seenDescription, left)
	case "content-location":
		once(&p.Location, f, seen, seenLocation, left)
	case "content-md5":
		once(&p.MD5, f, seen, seenMD5, left)
	}
}

// field takes one field of a message (RFC 5322 §3.6).
func (e *Envelope) field(name, f []byte, seen *fieldSet, left *budget) {
	switch string(name) {
	case "date":
		once(&e.Date, f, seen, seenDate, left)
	case "subject":
		once(&e.Subject, f, seen, seenSubject, left)
	case "in-reply-to":
		once(&e.InReplyTo, f, seen, seenInReplyTo, left)
	case "message-id":
		once(&e.MessageID, f, seen, seenMessageID, left)
	case "from":
		addresses(&e.From, FieldValue(f), left)
	case "sender":
		addresses(&e.Sender, FieldValue(f), left)
	case "reply-to":
		addresses(&e.ReplyTo, FieldValue(f), left)
	case "to":
		addresses(&e.To, FieldValue(f), left)
	case "cc":
		addresses(&e.Cc, FieldValue(f), left)
	case "bcc":
		addresses(&e.Bcc, FieldValue(f), left)
	}
}

func once(to *string, f []byte, seen *fieldSet, which fieldSet, left *budget) {
	if seen.once(which) {
		*to = left.keep(FieldValue(f))
	}
}

// budget is how many bytes a record may still take up.
type budget struct{ left int }

// Besides its text, each string costs what it takes to hold it.
const stringCost = 16

// keep returns s if there is room for it, else "". What is cut from a long text
// is copied, so that it does not hold on to the whole.
func (b *budget) keep(s string) string {
	if s == "" || !b.take(len(s)+stringCost) {
		return ""
	}
	return s
}

func (b *budget) take(n int) bool {
	if n > b.left {
		b.left = 0
		return false
	}
	b.left -= n
	return true
}

// piece is keep for a part of whole.
func (b *budget) piece(s, whole string) string {
	if len(whole) > 4<<10 {
		return strings.Clone(b.keep(s))
	}
	return b.keep(s)
}
