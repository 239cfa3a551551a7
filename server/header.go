package server

import (
	"errors"
	"io"

	"glassmail/message"
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
		if i := message.EndOfHeader(h.buf, seen); i >= 0 {
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
