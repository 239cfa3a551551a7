package mail

import "strings"

// IsControl reports the characters that are never copied from what somebody else
// wrote into a header field, a reply, a report or a log: the control characters of
// ASCII and of ISO 6429 (U+0080 to U+009F), and the separators with which Unicode
// ends a line. A field's value may hold none of them (RFC 5322 §2.2, RFC 6532 §3.2);
// the line ends and tabs of folding are written by whoever writes the field.
func IsControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

// Printable is a text of somebody else's, fit to stand on a line of ours: each
// control character, and each stretch of bytes that is no UTF-8, is instead.
func Printable(s string, instead rune) string {
	return strings.Map(func(r rune) rune {
		if IsControl(r) {
			return instead
		}
		return r
	}, strings.ToValidUTF8(s, string(instead)))
}

// maxMessageID is the longest message identifier that is copied, in bytes with its
// angle brackets, so that a line of a header has room for it (RFC 5322 §2.1.1).
const maxMessageID = 900

// MessageIDs finds in the values of Message-ID, In-Reply-To and References what may
// be copied into a field of ours: words of printable ASCII in angle brackets (RFC
// 5322 §3.6.4), or without any, as some write them. Whatever else stands there is
// left out. The result has the brackets.
func MessageIDs(values ...string) []string {
	var ids []string
	for _, v := range values {
		for word := range strings.FieldsFuncSeq(v, isBlank) {
			inner := strings.TrimSuffix(strings.TrimPrefix(word, "<"), ">")
			if inner != "" && len(inner)+2 <= maxMessageID && !strings.ContainsFunc(inner, notOfID) {
				ids = append(ids, "<"+inner+">")
			}
		}
	}
	return ids
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

func notOfID(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' }
