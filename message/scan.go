// Package message reads messages (RFC 5322) and their parts (MIME, RFC 2045): one
// bounded scan makes a Record of where everything is, from which header fields,
// addresses, encoded words and decoded contents are read. It never fails on a message:
// what is broken is read as far as it goes.
package message

import (
	"bytes"
	"fmt"
	"io"
)

// ScanBuffer is how much of a message is in memory at a time, beside the header
// that is being read. It is also the longest line that can be a delimiter.
const ScanBuffer = 32 << 10

// Scan reads a message once, from beginning to end, and returns its record. It
// understands any bytes: the only errors are those of r. It takes time in
// proportion to size, and memory of no more than one header and the record.
func Scan(r io.ReaderAt, size int64) (*Record, error) {
	return ScanThrough(r, size, make([]byte, min(max(size, 0), ScanBuffer)))
}

// ScanThrough is Scan with a buffer of the caller's, of ScanBuffer bytes or as long
// as the message.
func ScanThrough(r io.ReaderAt, size int64, buf []byte) (*Record, error) {
	size = max(size, 0)
	rec := new(Record)
	s := scanner{budget: budget{MaxTexts}}
	s.push(&rec.Root, 0, true)
	var at int64    // offset of buf[0]
	var held int    // bytes of buf that are filled
	within := false // buf begins in the middle of a line
	for at+int64(held) < size {
		n := min(int64(len(buf)-held), size-at-int64(held))
		if err := readFull(r, buf[held:held+int(n)], at+int64(held)); err != nil {
			return nil, fmt.Errorf("scan message: %w", err)
		}
		held += int(n)
		used := 0
		used, within = s.lines(buf[:held], at, within, at+int64(held) == size)
		copy(buf, buf[used:held])
		at += int64(used)
		held -= used
	}
	s.finish(size)
	return rec, nil
}

func readFull(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// scanner walks the lines of a message and keeps the parts that are open.
type scanner struct {
	budget    budget
	open      []openPart // outermost first; each lies in the one before it
	parts     int
	waiting   int            // multiparts among open whose delimiter may still come
	innermost map[string]int // of these, the level of the innermost with a boundary
	compared  int            // looks into innermost, for the tests
	ends      int64          // line ends before the current line
	lastEnd   int64          // offset of the line end before the current line
	inHeader  bool           // of the innermost open part
	first     bool           // no line of that header has been seen
	header    []byte
}

// openPart is a part whose end has not been seen.
type openPart struct {
	*Part
	whole    bool   // a message: it has an envelope
	digest   bool   // in a multipart/digest
	boundary string // of a multipart that still expects delimiters, else ""
	outer    int    // the level of the next one outwards with the same boundary, -1 if there is none
	ends     int64  // line ends before the content
}

// lines takes the lines of data, which begins at offset at, and returns how many
// bytes it used and whether these end in the middle of a line. Only a line that
// fills the whole buffer is taken in pieces, and a CR LF is never torn apart.
func (s *scanner) lines(data []byte, at int64, within, last bool) (used int, _ bool) {
	for used < len(data) {
		rest := data[used:]
		if !s.inHeader && s.waiting == 0 { // nothing but line ends matters from here on
			s.ends += int64(bytes.Count(rest, []byte{'\n'}))
			return len(data), false
		}
		n := bytes.IndexByte(rest, '\n') + 1
		switch {
		case n > 0:
		case last:
			n = len(rest)
		case used > 0 || len(rest) < ScanBuffer:
			return used, within
		default:
			n = len(rest) - 1
		}
		s.line(rest[:n], at+int64(used), within)
		used += n
		within = rest[n-1] != '\n'
	}
	return used, within
}

// line takes one line with its end, or a piece of one; within says that it is
// not the first piece.
func (s *scanner) line(l []byte, at int64, within bool) {
	if s.waiting > 0 && !within && len(l) > 2 && l[0] == '-' && l[1] == '-' {
		level, closing := s.delimiter(l[2:])
		if level >= 0 && s.delimit(level, closing, at, at+int64(len(l))) {
			s.counted(l, at)
			return
		}
	}
	for s.inHeader && !s.headerLine(l, at) {
	}
	s.counted(l, at)
	if s.inHeader && !within && IsBlank(l) {
		s.endHeader(at + int64(len(l)))
	}
}

func (s *scanner) counted(l []byte, at int64) {
	n := len(l)
	if l[n-1] != '\n' {
		return
	}
	s.ends++
	s.lastEnd = at + int64(n-1)
	if n > 1 && l[n-2] == '\r' {
		s.lastEnd--
	}
}

// IsBlank reports a line that ends a header (RFC 5322 §2.1).
func IsBlank(l []byte) bool {
	return len(l) == 1 && l[0] == '\n' || len(l) == 2 && l[0] == '\r' && l[1] == '\n'
}

// headerLine collects a header, and reports whether l is a line of it. A header
// that does not begin with a field is none: the content begins at once. Later
// lines without a colon do not end it.
func (s *scanner) headerLine(l []byte, at int64) bool {
	if s.first && !IsBlank(l) && FieldName(l) == nil && !Postmark(l) {
		s.endHeader(at)
		return false
	}
	s.first = false
	if room := MaxHeaderSize - len(s.header); room > 0 {
		s.header = append(s.header, l[:min(len(l), room)]...)
	}
	return true
}

// delimiter finds the innermost multipart that a line, without its two leading
// hyphens, delimits or closes (RFC 2046 §5.1.1), -1 if there is none. It takes the
// same time whatever number of multiparts is open.
func (s *scanner) delimiter(l []byte) (level int, closing bool) {
	l = bytes.TrimRight(l, " \t\r\n")
	level = s.waitingFor(l)
	if inner, ok := bytes.CutSuffix(l, []byte("--")); ok {
		if i := s.waitingFor(inner); i > level {
			return i, true
		}
	}
	return level, false
}

// waitingFor is the level of the innermost multipart with a boundary, or -1.
func (s *scanner) waitingFor(boundary []byte) int {
	if len(boundary) == 0 || len(boundary) > maxBoundary {
		return -1
	}
	s.compared++
	if level, ok := s.innermost[string(boundary)]; ok {
		return level
	}
	return -1
}

// await expects the delimiters of the innermost open part.
func (s *scanner) await(boundary string) {
	o := &s.open[len(s.open)-1]
	o.boundary, o.outer = boundary, s.waitingFor([]byte(boundary))
	if s.innermost == nil {
		s.innermost = map[string]int{}
	}
	s.innermost[boundary] = len(s.open) - 1
	s.waiting++
}

// awaited expects no more delimiters of a part, in which no other expects any.
func (s *scanner) awaited(o *openPart) {
	if o.boundary == "" {
		return
	}
	if o.outer >= 0 {
		s.innermost[o.boundary] = o.outer
	} else {
		delete(s.innermost, o.boundary)
	}
	o.boundary = ""
	s.waiting--
}

// delimit ends what lies in the multipart at level and opens its next part, if
// there is one. The line [at,next) is the delimiter. It is not, after all, if the
// header before it turns out to be that of the last part.
func (s *scanner) delimit(level int, closing bool, at, next int64) bool {
	for s.inHeader {
		s.endHeader(at)
	}
	if s.waiting == 0 {
		return false
	}
	s.closeDownTo(level+1, at, s.lastEnd) // RFC 2046 §5.1.1: the line end before belongs to the delimiter
	o := &s.open[level]
	if closing {
		s.awaited(o)
		return true
	}
	o.Parts = append(o.Parts, Part{})
	digest := o.Subtype == "digest"
	s.push(&o.Parts[len(o.Parts)-1], next, false)
	s.open[len(s.open)-1].digest = digest
	return true
}

// closeDownTo ends the open parts from the innermost down to the one at level:
// at end, or at next if they reach beyond end.
func (s *scanner) closeDownTo(level int, next, end int64) {
	for len(s.open) > level {
		o := &s.open[len(s.open)-1]
		end = max(end, o.Body)
		o.End = end
		o.Lines = s.ends - o.ends
		if end < next && o.Lines > 0 {
			o.Lines--
		}
		s.awaited(o)
		if o.Type == "multipart" && len(o.Parts) == 0 {
			o.plain()
		}
		s.open = s.open[:len(s.open)-1]
	}
}

// push opens a part whose header begins at offset at.
func (s *scanner) push(p *Part, at int64, whole bool) {
	p.Header = at
	s.parts++
	s.open = append(s.open, openPart{Part: p, whole: whole})
	s.inHeader, s.first = true, true
	s.header = s.header[:0]
}

// endHeader reads the header collected so far; the content begins at body.
func (s *scanner) endHeader(body int64) {
	s.inHeader = false
	o := &s.open[len(s.open)-1]
	o.Body, o.ends = body, s.ends
	o.read(s.header, &s.budget)
	switch {
	case s.parts == MaxParts:
		o.opaque()
		s.stopWaiting()
	case o.Type == "multipart":
		s.multipart(o)
	case o.Type == "message" && (o.Subtype == "rfc822" || o.Subtype == "global"):
		s.message(o)
	}
}

func (s *scanner) multipart(o *openPart) {
	b := boundary(o.Params)
	switch {
	case b == "":
		o.plain()
	case len(s.open) > MaxDepth:
		o.opaque()
	default:
		s.await(b)
	}
}

func (s *scanner) message(o *openPart) {
	identity := o.Encoding == "7bit" || o.Encoding == "8bit" || o.Encoding == "binary"
	if !identity || len(s.open) > MaxDepth {
		o.opaque()
		return
	}
	o.Parts = make([]Part, 1)
	s.push(&o.Parts[0], o.Body, true)
}

// stopWaiting leaves all that follows to the last part.
func (s *scanner) stopWaiting() {
	for i := range s.open {
		s.open[i].boundary = ""
	}
	clear(s.innermost)
	s.waiting = 0
}

func (s *scanner) finish(size int64) {
	for s.inHeader {
		s.endHeader(size)
	}
	s.closeDownTo(0, size, size)
}

// plain tells an unreadable part as text (RFC 2045 §5.2).
func (p *Part) plain() { p.Type, p.Subtype, p.Params = "text", "plain", nil }

// opaque tells a part as bytes that nobody looks into (RFC 2049 §2).
func (p *Part) opaque() { p.Type, p.Subtype, p.Params = "application", "octet-stream", nil }
