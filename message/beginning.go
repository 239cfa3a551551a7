package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
)

// MaxHops is the number of Received lines above which a message goes in circles
// (RFC 5321 §6.3 asks for at least 100). It is counted where a message is accepted,
// which a circle passes each time.
const MaxHops = 100

// Hops counts the servers that have written into a header.
func Hops(header []byte) (n int) {
	for name := range fields(header) {
		if isNamed(name, "Received") {
			n++
		}
	}
	return n
}

// HasField tells whether a header has a field.
func HasField(header []byte, name string) bool {
	for n := range fields(header) {
		if isNamed(n, name) {
			return true
		}
	}
	return false
}

func isNamed(name []byte, want string) bool {
	return name != nil && len(name) == len(want) && strings.EqualFold(string(name), want)
}

// StartsWithField tells whether a text begins as a header does: with a field
// (RFC 5322 §2.2), or the blank line that ends an empty header.
func StartsWithField(text []byte) bool {
	return len(text) == 0 || IsBlank(text[:FieldEnd(text)]) || FieldName(text) != nil
}

// EndOfHeader is where the header ends in b, of which the first seen bytes have been
// looked at before: behind its last field. It is -1 if b does not hold the end.
func EndOfHeader(b []byte, seen int) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 0
	}
	from := max(seen-3, 0)
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 2
	}
	return -1
}

// HeaderOf reads the header of a message of size bytes into buf, which grows, without
// the blank line; of one that is longer than MaxHeaderSize, so much.
func HeaderOf(text io.ReaderAt, size int64, buf []byte) ([]byte, error) {
	const step = 4 << 10
	buf = buf[:0]
	for size = min(size, MaxHeaderSize); int64(len(buf)) < size; {
		from, n := len(buf), int(min(step, size-int64(len(buf))))
		buf = slices.Grow(buf, n)[:from+n]
		if _, err := text.ReadAt(buf[from:], int64(from)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the header: %w", err)
		}
		if i := EndOfHeader(buf, from); i >= 0 {
			return buf[:i], nil
		}
	}
	return buf, nil
}

// ParseDate reads the value of a Date field (RFC 5322 §3.3); zero is none.
func ParseDate(value string) time.Time {
	t, err := netmail.ParseDate(value)
	if err != nil {
		return time.Time{}
	}
	return t
}
