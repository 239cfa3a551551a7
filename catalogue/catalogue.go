// Package catalogue holds the texts of the user interfaces in English and Thai.
//
// A text is found by its key, such as "shell.nav.mail"; the part before the first
// dot names the file, text/<part>.<language>.json. Sentences are never glued from
// pieces: what varies stands in the text as a named argument.
//
//	{name}              the value of the argument name
//	{n|message|messages}  the first word if n is 1, else the second
//
// Text of the wire (commands, replies, addresses) is no business of a catalogue:
// it is shown as it was sent.
package catalogue

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed text
var files embed.FS

// English is the language of last resort.
const English = "en"

// Catalogue is all texts in all languages. It is never changed, so it may be
// shared.
type Catalogue struct {
	texts map[string]map[string]string // language → key → text
	json  map[string][]byte
}

// New reads the texts that are built in.
func New() (*Catalogue, error) {
	sub, err := fs.Sub(files, "text")
	if err != nil {
		return nil, err
	}
	return read(sub)
}

func read(dir fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{texts: map[string]map[string]string{}, json: map[string][]byte{}}
	for _, name := range names {
		area, lang, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), ".")
		if !ok {
			return nil, fmt.Errorf("catalogue %s: want area.language.json", name)
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		var texts map[string]string
		if err := json.Unmarshal(b, &texts); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", name, err)
		}
		if c.texts[lang] == nil {
			c.texts[lang] = map[string]string{}
		}
		for key, text := range texts {
			if !strings.HasPrefix(key, area+".") {
				return nil, fmt.Errorf("catalogue %s: the key %s does not begin with %q", name, key, area+".")
			}
			c.texts[lang][key] = text
		}
	}
	for lang, texts := range c.texts {
		if c.json[lang], err = json.Marshal(texts); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Languages lists the languages, as BCP 47 tags.
func (c *Catalogue) Languages() []string { return slices.Sorted(maps.Keys(c.texts)) }

// Keys lists the keys of a language in order.
func (c *Catalogue) Keys(lang string) []string { return slices.Sorted(maps.Keys(c.texts[lang])) }

// JSON is all texts of a language as one object, or nil for an unknown language.
// It must not be changed.
func (c *Catalogue) JSON(lang string) []byte { return c.json[lang] }

// Text is the text of a key with its arguments filled in; args alternates names
// and values. A text that is missing in the language is taken from English, and a
// key that is missing everywhere stands for itself.
func (c *Catalogue) Text(lang, key string, args ...any) string {
	text, ok := c.texts[lang][key]
	if !ok {
		if text, ok = c.texts[English][key]; !ok {
			return key
		}
	}
	if !strings.Contains(text, "{") {
		return text
	}
	return fill(text, args)
}

// fill replaces the arguments of a text.
func fill(text string, args []any) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		slot, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("{" + rest)
			return out.String()
		}
		out.WriteString(value(slot, args))
		text = after
	}
}

func value(slot string, args []any) string {
	name, forms, choice := strings.Cut(slot, "|")
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] != name {
			continue
		}
		v := fmt.Sprint(args[i+1])
		if !choice {
			return v
		}
		one, other, _ := strings.Cut(forms, "|")
		if v == "1" {
			return one
		}
		return other
	}
	return "{" + slot + "}"
}

// Arguments lists the names of the arguments of a text, each once, in order.
func Arguments(text string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(text, "{")
		if !ok {
			break
		}
		slot, after, closed := strings.Cut(rest, "}")
		if !closed {
			break
		}
		name, _, _ := strings.Cut(slot, "|")
		out = append(out, name)
		text = after
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Match chooses a language from the value of an Accept-Language field (RFC 9110
// §12.5.4): the first that the catalogue has, in the reader's order, else English.
// Quality values are not weighed, for programs send the languages in order.
func (c *Catalogue) Match(accept string) string {
	for part := range strings.SplitSeq(accept[:min(len(accept), 512)], ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if c.texts[primary] != nil {
			return primary
		}
	}
	return English
}

// Has reports whether there are texts in a language.
func (c *Catalogue) Has(lang string) bool { return c.texts[lang] != nil }
