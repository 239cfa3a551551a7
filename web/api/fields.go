package api

import (
	"mime"
	"net/http"
	netmail "net/mail"
	"strings"

	"glassmail/mail"
)

// maxPeople bounds the addresses of one field; the server's own limit of
// recipients holds besides.
const maxPeople = 1000

// person is an address with the name shown before it.
type person struct {
	name    string
	address mail.Address
}

// String is the person as a header field names it. A name in other letters than
// ASCII is encoded (RFC 2047 §5).
func (p person) String() string {
	if p.name == "" {
		return p.address.String()
	}
	name := clean(p.name)
	if isASCII(name) {
		name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	} else {
		name = encodeText(name)
	}
	return name + " " + p.address.Path()
}

// parsePeople reads addresses with or without names: one in each string.
func parsePeople(field string, in []string) ([]person, error) {
	if len(in) > maxPeople {
		return nil, fault(http.StatusUnprocessableEntity, "%s has more than %d addresses", field, maxPeople)
	}
	var out []person
	for _, s := range in {
		if strings.TrimSpace(s) == "" {
			continue
		}
		p, err := parsePerson(s)
		if err != nil {
			return nil, fault(http.StatusUnprocessableEntity, "%s: %q is no address such as bob@hamburger.edu", field, s[:min(len(s), 320)])
		}
		out = append(out, p)
	}
	return out, nil
}

func parsePerson(s string) (person, error) {
	s = strings.TrimSpace(s)
	if a, err := mail.ParseAddress(s, true); err == nil && a.Domain != "" {
		return person{address: a}, nil
	}
	if strings.ContainsAny(s, "\r\n\x00") || len(s) > 2000 {
		return person{}, errNoAddress()
	}
	if full, err := netmail.ParseAddress(s); err == nil {
		a, err := mail.ParseAddress(full.Address, true)
		return person{full.Name, a}, err
	}
	open := strings.LastIndexByte(s, '<')
	if open < 0 || !strings.HasSuffix(s, ">") {
		return person{}, errNoAddress()
	}
	a, err := mail.ParseAddress(s[open+1:len(s)-1], true)
	name := strings.Trim(strings.TrimSpace(s[:open]), `"`)
	if err != nil || a.Domain == "" || strings.ContainsAny(name, "<>@") { // a name that looks like another address misleads
		return person{}, errNoAddress()
	}
	return person{name, a}, nil
}

func errNoAddress() error { return fault(http.StatusUnprocessableEntity, "no address") }

// addressField is a list of addresses, one a line.
func addressField(people []person) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.String()
	}
	return strings.Join(out, ",\r\n ")
}

// encodeText makes a text fit for a header field: without line ends, encoded if it
// has other letters than ASCII, and folded (RFC 2047 §2, RFC 5322 §2.2.3).
func encodeText(s string) string {
	s = clean(s)
	if isASCII(s) && !strings.Contains(s, "=?") {
		return fold(s)
	}
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", forceEncoding(s)), "?= =?", "?=\r\n =?")
}

// forceEncoding leaves the text as it is if it has other letters; else, a text
// that merely looks encoded gets a mark that changes nothing for the reader.
func forceEncoding(s string) string {
	if isASCII(s) {
		return s + "\u200b"
	}
	return s
}

// clean takes line ends and other control characters out.
func clean(s string) string {
	return strings.TrimSpace(mail.Printable(strings.ToValidUTF8(s, "\uFFFD"), ' '))
}

// fold breaks a long value at blanks, so that no line has more than 78 characters
// where that can be done; words of more than 900 are broken too.
func fold(s string) string {
	var out strings.Builder
	column := 10 // room for the name
	for i, word := range strings.Split(s, " ") {
		if i > 0 {
			if column+1+len(word) > 76 && word != "" {
				out.WriteString("\r\n")
				column = 0
			}
			out.WriteString(" ")
			column++
		}
		for len(word) > 900 {
			out.WriteString(word[:900] + "\r\n ")
			word = word[900:]
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}

// maxReferences bounds the message ids of one field.
const maxReferences = 50

// onlyIDs is the last maxReferences message ids among what is given, as the value of
// a field.
func onlyIDs(in []string) string {
	ids := mail.MessageIDs(in...)
	return strings.Join(ids[max(0, len(ids)-maxReferences):], "\r\n ")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
