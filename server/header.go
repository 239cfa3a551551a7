package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// maxPeek is how much of a message is looked at for the fields of its header, in
// bytes. A field further on counts as missing.
const maxPeek = 64 << 10

// headerReader reads a message and knows the beginning of its header before the
// first byte is read.
type headerReader struct {
	*bufio.Reader
	head []byte // up to the blank line, or what was peeked
}

func newHeaderReader(r io.Reader) *headerReader {
	return &headerReader{Reader: bufio.NewReaderSize(r, maxPeek)}
}

// peek waits for the header. The error is the reader's; an early end is none.
func (h *headerReader) peek() error {
	for n := 1; ; n = h.Buffered() + 1 {
		_, err := h.Peek(min(n, maxPeek))
		b, _ := h.Peek(h.Buffered())
		if i := endOfHeader(b); i >= 0 {
			h.head = b[:i]
			return nil
		}
		h.head = b
		if errors.Is(err, io.EOF) || len(b) == maxPeek {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func endOfHeader(b []byte) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 0
	}
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 2
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
