package mail

import "io"

// BodyID names an immutable stored message text.
type BodyID string

// Message is a readable stored message text: header and body, with CRLF line
// ends, exactly as it was accepted. It stays readable until closed, even if the
// last copy is expunged meanwhile.
type Message interface {
	io.ReaderAt
	io.Closer
	Size() int64
}
