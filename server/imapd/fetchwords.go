package imapd

import (
	"bytes"
	"strings"
)

// fetchWords reads again what the library does not pass on of a FETCH: which of
// the sections were asked by an obsolete name, and whether BODY, BODYSTRUCTURE or
// both are wanted.
func fetchWords(line string) (names []string, body, structure bool) {
	b := []byte(strings.ToUpper(line))
	if i := bytes.Index(b, []byte("FETCH ")); i >= 0 {
		b = b[i+len("FETCH "):]
	}
	_, b, _ = bytes.Cut(b, []byte{' '}) // the set
	for len(b) > 0 {
		n := bytes.IndexAny(b, " ()[<")
		word := b
		if n >= 0 {
			word = b[:n]
		}
		bracket := n >= 0 && b[n] == '['
		switch w := string(word); w {
		case "BODYSTRUCTURE":
			structure = true
		case "RFC822", "RFC822.HEADER", "RFC822.TEXT":
			names = append(names, w)
		case "RFC822.PEEK":
			names = append(names, "RFC822")
		case "FULL":
			body = true
		case "BODY", "BODY.PEEK":
			if bracket {
				names = append(names, "")
			}
			body = body || !bracket
		}
		if n < 0 {
			break
		}
		b = b[n+1:]
		if bracket {
			b = afterBracket(b)
		}
	}
	return names, body, structure
}

// afterBracket skips to what follows the bracket that is open. Names of fields
// may be quoted.
func afterBracket(b []byte) []byte {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ']':
			return b[i+1:]
		}
	}
	return nil
}
