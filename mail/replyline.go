package mail

import (
	"strconv"
	"strings"
)

// ParseReplyLine reads a line of an SMTP reply, without its end. last is false if more
// lines of the same reply follow (RFC 5321 §4.2.1). ok is false for what is none: its
// code has three digits, the first from 2 to 5, and a blank or a hyphen behind it.
func ParseReplyLine(line string) (code int, text string, last, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, "", false, false
	}
	n, err := strconv.ParseUint(line[:3], 10, 16)
	if err != nil || n < 200 || n > 599 {
		return 0, "", false, false
	}
	return int(n), line[min(4, len(line)):], len(line) == 3 || line[3] == ' ', true
}

// CutEnhanced takes the enhanced status code (RFC 2034 §4) from the beginning of a
// reply's text; without one, rest is the text.
func CutEnhanced(text string) (e Enhanced, rest string) {
	first, rest, _ := strings.Cut(text, " ")
	part := strings.Split(first, ".")
	if len(part) != len(e) {
		return e, text
	}
	for i, s := range part {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return Enhanced{}, text
		}
		e[i] = uint16(n)
	}
	return e, rest
}
