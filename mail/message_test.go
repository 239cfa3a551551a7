package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"glassmail/mail"
)

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// What reads a content stops when its context has ended.
func TestWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := mail.WithContext(ctx, inMemory{bytes.NewReader([]byte("Do you like ketchup?"))})
	r := io.NewSectionReader(m, 0, m.Size())
	if b, err := io.ReadAll(io.LimitReader(r, 6)); string(b) != "Do you" || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	cancel()
	if b, err := io.ReadAll(r); len(b) != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("read %q, %v", b, err)
	}
}
