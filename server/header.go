package server

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// maxPeek is how much of a message is looked at for the fields of its header, in
// bytes. A field further on counts as missing.
const maxPeek = 64 << 10

// headerReader reads a message and knows the beginning of its header before the
// first byte is handed on.
type headerReader struct {
	from io.Reader
	buf  []byte // read, and not handed on
	head []byte // up to the blank line, or all of buf
	err  error  // of the reader
}

// newHeaderReader reads through buf, which may grow to maxPeek.
func newHeaderReader(from io.Reader, buf []byte) *headerReader {
	return &headerReader{from: from, buf: buf[:0]}
}

// peek waits for the header. The error is the reader's; an early end is none.
func (h *headerReader) peek() error {
	for seen := 0; ; {
		if i := endOfHeader(h.buf, seen); i >= 0 {
			h.head = h.buf[:i]
			return nil
		}
		if h.err != nil || len(h.buf) == maxPeek {
			h.head = h.buf
			return h.failure()
		}
		seen = len(h.buf)
		if seen == cap(h.buf) {
			h.buf = append(make([]byte, 0, min(4*seen, maxPeek)), h.buf...)
		}
		h.fill()
	}
}

// fill reads once into the room that buf has.
func (h *headerReader) fill() {
	var n int
	n, h.err = h.from.Read(h.buf[len(h.buf):cap(h.buf)])
	h.buf = h.buf[:len(h.buf)+n]
}

// failure is the reader's error, if it is one.
func (h *headerReader) failure() error {
	if errors.Is(h.err, io.EOF) {
		return nil
	}
	return h.err
}

// WriteTo hands on the whole message. The header is of no use afterwards.
func (h *headerReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		n, err := w.Write(h.buf)
		total += int64(n)
		if err != nil {
			return total, err
		}
		if h.err != nil {
			return total, h.failure()
		}
		h.buf = h.buf[:0]
		h.fill()
	}
}

// endOfHeader finds the blank line in b, of which the first seen bytes have been
// looked at before; -1 if there is none.
func endOfHeader(b []byte, seen int) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 0
	}
	from := max(seen-3, 0)
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 2
	}
	return -1
}

// startsWithField reports whether the text begins as a header does: a field
// (RFC 5322 §2.2), or the blank line that ends an empty header.
func (h *headerReader) startsWithField() bool {
	if len(h.head) == 0 {
		return true
	}
	name, _, found := bytes.Cut(h.head, []byte(":"))
	if !found || len(name) == 0 {
		return false
	}
	for _, c := range bytes.TrimRight(name, " \t") {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// has reports whether the header has a field.
func (h *headerReader) has(field string) bool {
	for line := range bytes.Lines(h.head) {
		name, _, found := bytes.Cut(line, []byte(":"))
		if found && strings.EqualFold(string(bytes.TrimRight(name, " \t")), field) {
			return true
		}
	}
	return false
}
