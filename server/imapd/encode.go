package imapd

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"glassmail/mailbox"
)

// encoder writes responses as they stand on the wire (RFC 9051 §9).
type encoder struct {
	b    []byte
	utf8 bool // UTF-8 may stand in quoted strings

	items int // where the items of a FETCH response begin; -1: some were sent
}

func (e *encoder) reset(utf8 bool) {
	e.b, e.utf8 = e.b[:0], utf8
}

func (e *encoder) text(s string) *encoder {
	e.b = append(e.b, s...)
	return e
}

func (e *encoder) number(before string, n int64) *encoder {
	e.b = strconv.AppendInt(append(e.b, before...), n, 10)
	return e
}

// expunge tells that a message is gone.
func (e *encoder) expunge(seq uint32) error {
	e.number("* ", int64(seq)).text(" EXPUNGE\r\n")
	return nil
}

// flags writes a list of flags.
func (e *encoder) flags(f mailbox.Flags, keywords []string) *encoder {
	e.b = append(e.b, '(')
	begin := len(e.b)
	for i, name := range systemFlags() {
		if f&(1<<i) != 0 {
			e.space(begin).text(name)
		}
	}
	for _, k := range keywords {
		e.space(begin).text(k)
	}
	e.b = append(e.b, ')')
	return e
}

// space writes a blank unless the list that starts at begin is empty.
func (e *encoder) space(begin int) *encoder {
	if len(e.b) > begin {
		e.b = append(e.b, ' ')
	}
	return e
}

// flagsOf is a whole FETCH response with the flags of a message.
func (e *encoder) flagsOf(seq uint32, m *mailbox.Message, uid bool) {
	e.number("* ", int64(seq)).text(" FETCH (")
	if uid {
		e.number("UID ", int64(m.UID)).text(" ")
	}
	e.text("FLAGS ").flags(m.Flags, m.Keywords).text(")\r\n")
}

// date is a date-time with two places for the day (RFC 9051 §9).
func (e *encoder) date(t time.Time) *encoder {
	e.b = t.UTC().AppendFormat(append(e.b, '"'), "_2-Jan-2006 15:04:05 -0700")
	e.b = append(e.b, '"')
	return e
}

// nstring writes NIL for a text that is missing.
func (e *encoder) nstring(s string) *encoder {
	if s == "" {
		return e.text("NIL")
	}
	return e.string(s)
}

// string writes a quoted string if s can be one, else a literal.
func (e *encoder) string(s string) *encoder {
	special, plain := e.quotable(s)
	switch {
	case !plain:
		e.number("{", int64(len(s))).text("}\r\n")
		if i := len(e.b); strings.IndexByte(s, 0) >= 0 { // a literal has no NUL
			e.b = append(e.b, s...)
			for ; i < len(e.b); i++ {
				if e.b[i] == 0 {
					e.b[i] = '?'
				}
			}
			return e
		}
		return e.text(s)
	case special:
		e.b = quote(e.b, []byte(s))
		return e
	}
	return e.text(`"`).text(s).text(`"`)
}

// quotable reports whether s can stand in quotes, and whether something in it
// has to be escaped then.
func (e *encoder) quotable(s string) (special, ok bool) {
	high := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0 || c == '\r' || c == '\n':
			return false, false
		case c >= 0x80:
			high = true
		case c == '"' || c == '\\':
			special = true
		}
	}
	return special, len(s) <= 4096 && (!high || e.utf8 && utf8.ValidString(s))
}
