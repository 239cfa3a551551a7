package mail

import (
	"context"
	"io"
)

// ContentID names an immutable stored message text.
type ContentID string

// Message is a readable stored message text: header and body, with CRLF line
// ends, exactly as it was accepted. It stays readable until closed, even if the
// last copy is expunged meanwhile.
type Message interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// WithContext is m whose reads fail once ctx has ended, with its error: whatever works
// through a long content stops when nobody waits for it any more.
func WithContext(ctx context.Context, m Message) Message { return &attended{m, ctx} }

type attended struct {
	Message
	ctx context.Context
}

// ReadAt reads if the context has not ended.
func (a *attended) ReadAt(p []byte, at int64) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	return a.Message.ReadAt(p, at)
}
