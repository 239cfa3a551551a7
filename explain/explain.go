// Package explain says in words what passes between mail programs and name
// servers: each command, reply, field and decision has a short text, in English
// and Thai, and the RFC and section where it is laid down.
//
// The texts stand in tables, one line per entry: key, RFC, English, Thai. A test
// holds them against what the servers know and send. Every function is total: a
// line that makes no sense is explained as one.
package explain

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed text/*.txt
var tables embed.FS

// Languages are the languages that texts exist in.
func Languages() []string { return []string{"en", "th"} }

// Note is one explanation.
type Note struct {
	Text string `json:"text"`
	RFC  string `json:"rfc,omitempty"` // such as "RFC 5321 §4.1.1.2"; "" if none lays it down
}

// Words explains in one language. It is never changed and may be shared.
type Words struct{ entries map[string]Note }

// separator stands between the columns of a table.
const separator = " | "

// New makes the Words of a language; every one but "th" is English.
func New(lang string) *Words {
	column := 2
	if lang == "th" {
		column = 3
	}
	w := &Words{entries: map[string]Note{}}
	files, _ := tables.ReadDir("text") // embedded: a test reads them all
	for _, f := range files {
		text, _ := tables.ReadFile("text/" + f.Name())
		for line := range strings.Lines(string(text)) {
			col := strings.Split(strings.TrimRight(line, "\r\n"), separator)
			if len(col) == 4 && !strings.HasPrefix(line, "#") {
				w.entries[col[0]] = Note{Text: col[column], RFC: strings.TrimSpace(col[1])}
			}
		}
	}
	return w
}

// has looks an entry up.
func (w *Words) has(key string) (Note, bool) {
	n, ok := w.entries[key]
	return n, ok
}

// say is the entry of a key with its arguments put in.
func (w *Words) say(key string, args ...any) Note {
	n := w.entries[key]
	if len(args) > 0 {
		n.Text = fmt.Sprintf(n.Text, args...)
	}
	return n
}

// first is the entry of the first key that exists.
func (w *Words) first(keys ...string) (Note, bool) {
	for _, k := range keys {
		if n, ok := w.has(k); ok {
			return n, true
		}
	}
	return Note{}, false
}

// Say is the text of a key with its arguments, for the few texts that other
// packages show around events; "" if there is none.
func (w *Words) Say(key string, args ...any) string { return w.say(key, args...).Text }

// join makes one note of several, a line each.
func join(notes []Note) Note {
	var out Note
	for _, n := range notes {
		switch {
		case n.Text == "":
			continue
		case out.Text != "":
			out.Text += "\n"
		}
		out.Text += n.Text
		if out.RFC == "" {
			out.RFC = n.RFC
		}
	}
	return out
}
