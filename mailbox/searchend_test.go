package mailbox

import (
	"context"
	"errors"
	"strings"
	"testing"

	"glassmail/mail"
)

// content is a message that ends a context when it is read for the third time.
type content struct {
	*strings.Reader
	reads int
	end   func()
}

func (c *content) ReadAt(p []byte, at int64) (int, error) {
	if c.reads++; c.reads == 3 {
		c.end()
	}
	return c.Reader.ReadAt(p, at)
}

func (c *content) Close() error { return nil }

// source has one message, and no record of it.
type source struct{ *content }

func (s source) Body(context.Context, mail.ContentID) (mail.Message, error) { return s.content, nil }
func (s source) Record(context.Context, mail.ContentID) ([]byte, error)     { return nil, nil }

// A search through a long message ends with the context, not with the message.
func TestSearchEndsWithItsContext(t *testing.T) {
	text := "Subject: x\r\n\r\n" + strings.Repeat("a long text\r\n", 1<<20)
	ctx, end := context.WithCancel(t.Context())
	c := &content{Reader: strings.NewReader(text), end: end}
	_, err := NewMatcher(Criteria{Body: []string{"needle"}}).Match(ctx, source{c}, Message{})
	if !errors.Is(err, context.Canceled) || c.reads != 3 {
		t.Errorf("%d reads, %v", c.reads, err)
	}
}
