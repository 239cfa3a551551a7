package message

import (
	"encoding/binary"
	"errors"
	"slices"
)

// The binary form of a Record: the version; how many parts, parameters and
// addresses there are, in 32 bits each, little endian; then the root part. A
// part is its offsets as differences, its line ends, its texts with their
// lengths before them, its lists with their counts before them, and its parts.
// Numbers are unsigned varints. Readers refuse versions that they do not know,
// and then a record is made anew from the message.
const recordVersion = 1

var errRecord = errors.New("message record is damaged or of an unknown version")

const recordHead = 1 + 3*4

// Bits that say what of an Envelope is not written.
const (
	hasEnvelope = 1 << iota
	senderIsFrom
	replyToIsFrom
)

// Marshal returns the binary form of the record.
func (r *Record) Marshal() []byte {
	w := recordWriter{b: make([]byte, recordHead, 1024)}
	w.part(&r.Root, 0)
	w.b[0] = recordVersion
	binary.LittleEndian.PutUint32(w.b[1:], uint32(w.parts))
	binary.LittleEndian.PutUint32(w.b[5:], uint32(w.params))
	binary.LittleEndian.PutUint32(w.b[9:], uint32(w.mailboxes))
	return w.b
}

type recordWriter struct {
	b                        []byte
	parts, params, mailboxes int
}

func (w *recordWriter) number(n int64) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *recordWriter) text(s string) {
	w.number(int64(len(s)))
	w.b = append(w.b, s...)
}

func (w *recordWriter) part(p *Part, base int64) {
	w.number(p.Header - base)
	w.number(p.Body - p.Header)
	w.number(p.End - p.Body)
	w.number(p.Lines)
	for _, s := range [...]string{p.Type, p.Subtype, p.ID, p.Description, p.Encoding, p.Disposition, p.Location, p.MD5} {
		w.text(s)
	}
	w.parameters(p.Params)
	w.parameters(p.DispParams)
	w.number(int64(len(p.Language)))
	for _, s := range p.Language {
		w.text(s)
	}
	w.envelope(p.Envelope)
	w.number(int64(len(p.Parts)))
	w.parts += len(p.Parts)
	for i := range p.Parts {
		w.part(&p.Parts[i], p.Body)
	}
}

func (w *recordWriter) parameters(params []Param) {
	w.number(int64(len(params)))
	w.params += len(params)
	for _, p := range params {
		w.text(p.Key)
		w.text(p.Value)
	}
}

func (w *recordWriter) envelope(e *Envelope) {
	if e == nil {
		w.b = append(w.b, 0)
		return
	}
	bits := byte(hasEnvelope)
	sender, replyTo := e.Sender, e.ReplyTo
	if slices.Equal(sender, e.From) {
		bits |= senderIsFrom
		sender = nil
	}
	if slices.Equal(replyTo, e.From) {
		bits |= replyToIsFrom
		replyTo = nil
	}
	w.b = append(w.b, bits)
	for _, s := range [...]string{e.Date, e.Subject, e.InReplyTo, e.MessageID} {
		w.text(s)
	}
	for _, l := range [...][]Address{e.From, sender, replyTo, e.To, e.Cc, e.Bcc} {
		w.number(int64(len(l)))
		w.mailboxes += len(l)
		for _, m := range l {
			w.text(m.Name)
			w.text(m.Local)
			w.text(m.Domain)
		}
	}
}

// UnmarshalRecord reads what Marshal wrote. It keeps nothing of b. It is an error
// if b is damaged or of a version that it does not know; the caller then scans
// the message again.
func UnmarshalRecord(b []byte) (*Record, error) {
	if len(b) < recordHead || b[0] != recordVersion {
		return nil, errRecord
	}
	r := recordReader{b: b, s: string(b), i: recordHead}
	parts := binary.LittleEndian.Uint32(b[1:])
	params := binary.LittleEndian.Uint32(b[5:])
	mailboxes := binary.LittleEndian.Uint32(b[9:])
	if parts >= MaxParts || int64(params)*2+int64(mailboxes)*3 > int64(len(b)) {
		return nil, errRecord
	}
	r.parts = make([]Part, parts)
	r.params = make([]Param, params)
	r.mailboxes = make([]Address, mailboxes)
	rec := new(Record)
	r.part(&rec.Root, 0, 0)
	if r.bad || r.i != len(b) {
		return nil, errRecord
	}
	return rec, nil
}

// recordReader cuts all texts out of one string and all lists out of three
// slices, so that a record takes few allocations.
type recordReader struct {
	b         []byte
	s         string // the same bytes
	i         int
	bad       bool
	parts     []Part
	params    []Param
	mailboxes []Address
}

func (r *recordReader) number() int64 {
	if r.i < len(r.b) && r.b[r.i] < 0x80 {
		r.i++
		return int64(r.b[r.i-1])
	}
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 || v > 1<<62 {
		r.fail()
		return 0
	}
	r.i += n
	return int64(v)
}

func (r *recordReader) fail() { r.bad, r.i = true, len(r.b) }

// count is a number of things of which each takes a byte or more.
func (r *recordReader) count() int {
	n := r.number()
	if n > int64(len(r.b)-r.i) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *recordReader) text() string {
	n := r.count()
	r.i += n
	return r.s[r.i-n : r.i]
}

// cut takes n elements off a slice, nil for none.
func cut[T any](r *recordReader, from *[]T, n int) []T {
	if n > len(*from) {
		r.fail()
		return nil
	}
	if n == 0 {
		return nil
	}
	out := (*from)[:n:n]
	*from = (*from)[n:]
	return out
}

func (r *recordReader) part(p *Part, base int64, depth int) {
	p.Header = r.offset(base)
	p.Body = r.offset(p.Header)
	p.End = r.offset(p.Body)
	p.Lines = r.number()
	for _, s := range [...]*string{&p.Type, &p.Subtype, &p.ID, &p.Description, &p.Encoding, &p.Disposition, &p.Location, &p.MD5} {
		*s = r.text()
	}
	p.Params = r.parameters()
	p.DispParams = r.parameters()
	if n := r.count(); n > 0 {
		p.Language = make([]string, n)
		for i := range p.Language {
			p.Language[i] = r.text()
		}
	}
	p.Envelope = r.envelope()
	p.Parts = cut(r, &r.parts, r.count())
	if depth > MaxDepth {
		r.fail()
	}
	for i := range p.Parts {
		if r.bad {
			return
		}
		r.part(&p.Parts[i], p.Body, depth+1)
		if p.Parts[i].End > p.End {
			r.fail()
		}
	}
}

func (r *recordReader) offset(base int64) int64 {
	at := base + r.number()
	if at < base {
		r.fail()
	}
	return at
}

func (r *recordReader) parameters() []Param {
	l := cut(r, &r.params, r.count())
	for i := range l {
		l[i].Key = r.text()
		l[i].Value = r.text()
	}
	return l
}

func (r *recordReader) envelope() *Envelope {
	if r.i == len(r.b) {
		r.fail()
		return nil
	}
	bits := r.b[r.i]
	r.i++
	if bits&hasEnvelope == 0 {
		return nil
	}
	e := new(Envelope)
	for _, s := range [...]*string{&e.Date, &e.Subject, &e.InReplyTo, &e.MessageID} {
		*s = r.text()
	}
	for _, l := range [...]*[]Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc} {
		*l = cut(r, &r.mailboxes, r.count())
		for i := range *l {
			m := &(*l)[i]
			m.Name, m.Local, m.Domain = r.text(), r.text(), r.text()
		}
	}
	if bits&senderIsFrom != 0 {
		e.Sender = e.From
	}
	if bits&replyToIsFrom != 0 {
		e.ReplyTo = e.From
	}
	return e
}
