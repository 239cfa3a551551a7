package maillog

import (
	"io"
	"log/slog"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Format is how lines are written.
type Format string

// The formats. Off has no mail log: the warnings and errors of the program are
// written as text.
const (
	Text Format = "text" // key=value, values quoted where need be
	JSON Format = "json" // one object a line
	Off  Format = "off"
)

// handler writes lines to w, each in one Write. In either format a line holds
// printable characters only, whatever it tells of: printable sees to those that slog
// lets stand, in text DEL, in JSON all beyond ASCII.
func (f Format) handler(w io.Writer) slog.Handler {
	if f == JSON {
		return slog.NewJSONHandler(printable{w}, nil)
	}
	return slog.NewTextHandler(printable{w}, nil)
}

// printable writes characters that are not printable (controls, those that turn the
// direction of text, the invisible) in JSON's way, \u and four digits: a reader of the
// JSON gets the same, a terminal gets none of it. In a line of JSON they can stand
// within strings only.
type printable struct{ io.Writer }

// Write takes one line with its end.
func (p printable) Write(line []byte) (int, error) {
	for i, b := range line {
		if b >= utf8.RuneSelf || b == 0x7f {
			_, err := p.Writer.Write(escape(line, i))
			return len(line), err
		}
	}
	return p.Writer.Write(line)
}

// escape does so from the byte i on.
func escape(line []byte, i int) []byte {
	out := append(make([]byte, 0, len(line)+64), line[:i]...)
	for i < len(line) {
		r, size := utf8.DecodeRune(line[i:])
		switch {
		case r == '\n' || r != utf8.RuneError && unicode.IsPrint(r):
			out = append(out, line[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = unit(unit(out, high), low)
		default:
			out = unit(out, r)
		}
		i += size
	}
	return out
}

func unit(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
