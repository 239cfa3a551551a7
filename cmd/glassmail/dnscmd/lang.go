package dnscmd

import (
	"strings"

	"github.com/spf13/cobra"

	"glassmail/catalogue"
	"glassmail/cmd/glassmail/cli"
	"glassmail/dns/dissect"
)

// takeLanguage takes --lang out of the arguments of a command that reads its flags
// itself, as dig does.
func takeLanguage(c *cobra.Command, args []string) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		lang, ok := strings.CutPrefix(args[i], "--lang=")
		switch {
		case args[i] == "--lang" && i+1 == len(args):
			return nil, cli.Wrong("--lang needs a language, en or th")
		case args[i] == "--lang":
			i++
			lang, ok = args[i], true
		}
		if !ok {
			rest = append(rest, args[i])
			continue
		}
		if err := c.Flag("lang").Value.Set(lang); err != nil {
			return nil, cli.Wrong("--lang: %w", err)
		}
	}
	return rest, nil
}

// meanings tell what the fields of a DNS message mean; nil leaves them in English.
func meanings(c *cobra.Command) (func(dissect.Field) string, error) {
	lang, err := cli.Language(c)
	if err != nil || lang == catalogue.English {
		return nil, err
	}
	say, err := cli.Phrases(c)
	if err != nil {
		return nil, err
	}
	query := false
	return func(f dissect.Field) string {
		if f.Name == "QR" { // it comes before all bits that mean something else in a query
			query = f.Value == "0"
		}
		return meaning(say, f, query)
	}, nil
}

// meaning is what a field means, by the texts of the page DNS. What has none there
// is told in English.
func meaning(say cli.Phrase, f dissect.Field, query bool) string {
	if key := "tool.query." + meaningKey(f); query && f.Bits != "" && say(key) != key {
		return say(key)
	}
	key := "dns.means." + meaningKey(f)
	text := say(key, "n", f.Value)
	switch {
	case text == key:
		return f.Meaning
	case f.Pointer >= 0 && f.Length == 2:
		return say("dns.means.pointer", "text", text, "at", f.Pointer)
	case f.Pointer >= 0:
		return say("dns.means.tail", "text", text, "at", f.Pointer)
	}
	return text
}

// meaningKey is a field's name; of bits and types, with their value.
func meaningKey(f dissect.Field) string {
	switch {
	case f.Bits != "":
		return f.Name + "." + f.Value
	case f.Name == "TYPE" || f.Name == "QTYPE":
		return "type." + f.Value
	case f.Name == "CLASS" || f.Name == "QCLASS":
		return "class." + f.Value
	case f.Name == "flags" && f.Section != "header" && f.Value >= "0x8000":
		return "DO.1"
	case f.Name == "flags" && f.Section != "header":
		return "DO.0"
	}
	return strings.ReplaceAll(f.Name, " ", "-")
}
