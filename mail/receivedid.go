package mail

import "strings"

// ReceivedID is the message's name in the first trace line of a header, the id
// clause of RFC 5321 §4.4; "" if there is none among the fields in head, of which
// only the beginning need be given.
func ReceivedID(head []byte) string {
	field, found := "", false
	for line := range strings.Lines(string(head)) {
		folded := line[0] == ' ' || line[0] == '\t'
		switch {
		case found && !folded:
			return idClause(field)
		case found:
			field += " " + line
		case len(line) > len(receivedName) && strings.EqualFold(line[:len(receivedName)], receivedName):
			field, found = line[len(receivedName):], true
		case line == "\r\n" || line == "\n":
			return ""
		}
	}
	return idClause(field)
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
