package message

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

// A header is read to its end and no further, however long it is.
func TestHeaderOf(t *testing.T) {
	field := "X-Line: " + strings.Repeat("x", 90) + "\r\n"
	for name, c := range map[string]struct{ text, want string }{
		"plain":              {"A: b\r\nC: d\r\n\r\nbody\r\n\r\n", "A: b\r\nC: d\r\n"},
		"no header":          {"\r\nbody", ""},
		"nothing":            {"", ""},
		"all header":         {"A: b\r\n", "A: b\r\n"},
		"over several reads": {strings.Repeat(field, 100) + "\r\nbody", strings.Repeat(field, 100)},
		"the end between two reads": {
			"A: " + strings.Repeat("x", 4<<10-5) + "\r\n\r\nbody", "A: " + strings.Repeat("x", 4<<10-5) + "\r\n",
		},
		"too long": {strings.Repeat(field, MaxHeaderSize/len(field)+10), strings.Repeat(field, MaxHeaderSize/len(field)+10)[:MaxHeaderSize]},
	} {
		got, err := HeaderOf(strings.NewReader(c.text), int64(len(c.text)), make([]byte, 0, 100))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(c.want), err)
		}
	}
	broken := errors.New("broken")
	if _, err := HeaderOf(brokenAt{broken}, 10, nil); !errors.Is(err, broken) {
		t.Errorf("of a text that cannot be read: %v", err)
	}
}

type brokenAt struct{ err error }

func (b brokenAt) ReadAt(p []byte, _ int64) (int, error) { return iotest.ErrReader(b.err).Read(p) }

// A field is one whatever its letters, and not where another is continued or a line
// only looks like it.
func TestFieldsThatAreThere(t *testing.T) {
	const header = "received: from a\r\n\tReceived: by b\r\nRECEIVED : from c\r\nReceived-SPF: pass\r\nX: Received: no\r\nno field\r\nDate:\r\n"
	if n := Hops([]byte(header)); n != 2 {
		t.Errorf("%d hops, want 2", n)
	}
	for name, want := range map[string]bool{"Date": true, "x": true, "Received-SPF": true, "Message-ID": false, "no field": false, "": false} {
		if HasField([]byte(header), name) != want {
			t.Errorf("%q is there: %v, want %v", name, !want, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for value, want := range map[string]string{
		"Mon, 4 May 2026 12:00:00 +0200":       "2026-05-04T12:00:00+02:00",
		"4 May 2026 12:00 GMT":                 "2026-05-04T12:00:00Z",
		"Mon, 4 May 2026 12:00:00 +0000 (UTC)": "2026-05-04T12:00:00Z",
		"yesterday":                            "0001-01-01T00:00:00Z",
		"":                                     "0001-01-01T00:00:00Z",
	} {
		if got := ParseDate(value).Format("2006-01-02T15:04:05Z07:00"); got != want {
			t.Errorf("%q is %s, want %s", value, got, want)
		}
	}
}
