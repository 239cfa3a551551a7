package mail

import (
	"bytes"
	"strings"
)

// ReceivedID is the message's name in the first trace line of a header, the id
// clause of RFC 5321 §4.4; "" if there is none among the fields in head, of which
// only the beginning need be given.
func ReceivedID(head []byte) string {
	for len(head) > 0 {
		line, rest := cutLine(head)
		if len(line) > len(receivedName) && strings.EqualFold(string(line[:len(receivedName)]), receivedName) {
			size := len(line)
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
				line, rest = cutLine(rest)
				size += len(line)
			}
			return idClause(string(head[len(receivedName):size]))
		}
		if len(bytes.Trim(line, "\r\n")) == 0 {
			return ""
		}
		head = rest
	}
	return ""
}

// cutLine divides b behind its first line.
func cutLine(b []byte) (line, rest []byte) {
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		n = len(b)
	}
	return b[:n], b[n:]
}

const receivedName = "Received:"

// idClause is the word after the first "id" that stands outside comments.
func idClause(field string) string {
	depth, was := 0, ""
	for _, word := range strings.Fields(field) {
		if depth == 0 && strings.EqualFold(was, "id") && word[0] != '(' {
			return strings.TrimSuffix(word, ";")
		}
		if depth == 0 {
			was = word
		}
		depth = max(depth+strings.Count(word, "(")-strings.Count(word, ")"), 0)
	}
	return ""
}
