package server

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"glassmail/message"
)

// However a message arrives, its header is found and every byte is handed on.
func TestHeaderReader(t *testing.T) {
	long := "Subject: " + strings.Repeat("x", 20_000) + "\r\n"
	huge := strings.Repeat("X-Line: of sixteen\r\n", 5000) // more than is looked at
	for name, c := range map[string]struct {
		text, head string
		field      bool
	}{
		"plain":        {"From: a@b\r\nDate: x\r\n\r\nbody\r\n\r\nmore\r\n", "From: a@b\r\nDate: x\r\n", true},
		"no header":    {"\r\nbody\r\n", "", true},
		"all body":     {"Do you like ketchup?\r\nHow about pickles?\r\n", "Do you like ketchup?\r\nHow about pickles?\r\n", false},
		"empty":        {"", "", true},
		"only a field": {"Date: x\r\n", "Date: x\r\n", true},
		"grows":        {long + "\r\nbody", long, true},
		"without end":  {huge + "\r\nbody", huge[:maxPeek], true},
	} {
		for how, reader := range map[string]io.Reader{
			"at once":      strings.NewReader(c.text),
			"byte by byte": iotest.OneByteReader(strings.NewReader(c.text)),
			"end with it":  iotest.DataErrReader(strings.NewReader(c.text)),
		} {
			h := newHeaderReader(reader, make([]byte, 0, 16))
			if err := h.peek(); err != nil {
				t.Fatalf("%s, %s: %v", name, how, err)
			}
			if string(h.head) != c.head || message.StartsWithField(h.head) != c.field {
				t.Errorf("%s, %s: header of %d bytes, a field first: %v; want %d, %v", name, how, len(h.head), message.StartsWithField(h.head), len(c.head), c.field)
			}
			var out strings.Builder
			if n, err := h.WriteTo(&out); err != nil || out.String() != c.text || n != int64(len(c.text)) {
				t.Errorf("%s, %s: handed on %d of %d bytes, %v", name, how, n, len(c.text), err)
			}
		}
	}
}

func TestHeaderReaderPassesErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{"From: a", "From: a\r\n\r\nbody"} {
		h := newHeaderReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), make([]byte, 0, 64))
		err := h.peek()
		if err == nil {
			_, err = h.WriteTo(io.Discard)
		}
		if !errors.Is(err, broken) {
			t.Errorf("%q: error %v, want the reader's", text, err)
		}
	}
}
