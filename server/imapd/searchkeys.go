package imapd

import (
	"bytes"
	"strconv"
	"strings"
)

// searchKeys rewrites a SEARCH for the library, which forgets SMALLER when a
// LARGER or a date follows: SMALLER n becomes NOT LARGER n-1.
func searchKeys(line []byte) []byte {
	if !bytes.Contains(bytes.ToUpper(line), []byte("SMALLER")) {
		return line
	}
	out := make([]byte, 0, len(line)+32)
	arguments := 2 // the tag and UID or SEARCH are no keys
	for i := 0; i < len(line); {
		n := tokenLen(line[i:])
		token := line[i : i+n]
		i += n
		switch {
		case n == 1 && bytes.IndexByte([]byte(" ()"), token[0]) >= 0:
		case arguments > 0:
			arguments--
		case strings.EqualFold(string(token), "SMALLER") && i < len(line) && line[i] == ' ':
			k := tokenLen(line[i+1:])
			if size, err := strconv.ParseInt(string(line[i+1:i+1+k]), 10, 64); err == nil && size >= 0 {
				out = notLarger(out, size)
				i += 1 + k
				continue
			}
		default:
			arguments = searchArguments(strings.ToUpper(string(token)))
		}
		out = append(out, token...)
	}
	return out
}

// notLarger appends the key for messages below a size.
func notLarger(out []byte, size int64) []byte {
	if size == 0 {
		return append(out, "NOT ALL"...)
	}
	return strconv.AppendInt(append(out, "NOT LARGER "...), size-1, 10)
}

// tokenLen is the length of the blank, parenthesis, quoted string or word with
// which b begins.
func tokenLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case ' ', '(', ')':
		return 1
	case '"':
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	if n := bytes.IndexAny(b, " ()\""); n > 0 {
		return n
	}
	return len(b)
}

// searchArguments is how many arguments of a search key are no keys themselves.
func searchArguments(key string) int {
	switch key {
	case "BCC", "BEFORE", "BODY", "CC", "CHARSET", "FROM", "KEYWORD", "LARGER", "ON", "SENTBEFORE", "SENTON",
		"SENTSINCE", "SINCE", "SUBJECT", "TEXT", "TO", "UID", "UNKEYWORD":
		return 1
	case "HEADER":
		return 2
	}
	return 0
}
