package main

import (
	"strings"
	"testing"

	"glassmail/catalogue"
	"glassmail/cmd/glassmail/cli"
	"glassmail/lab"
)

func saying(t *testing.T, lang string) cli.Phrase {
	t.Helper()
	texts, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	return func(key string, args ...any) string { return texts.Text(lang, key, args...) }
}

// What the lab says when it is up is short and tells all addresses, in every
// language.
func TestWelcome(t *testing.T) {
	r := lab.Ready{Web: "http://127.0.0.1:8025", DNS: "127.0.0.1:2553", Nodes: map[string]lab.NodeDoors{
		"crepes.fr":     {SMTP: "127.0.0.1:2525", Submission: "127.0.0.1:2587", IMAP: "127.0.0.1:2543"},
		"hamburger.edu": {SMTP: "127.0.0.1:2526", Submission: "127.0.0.1:2588", IMAP: "127.0.0.1:2544"},
	}}
	for _, lang := range []string{"en", "th"} {
		text := welcome(saying(t, lang), r)
		for _, want := range []string{r.Web, r.DNS, "127.0.0.1:2525", "127.0.0.1:2544", "telnet 127.0.0.1 2526", "glassmail top", "alice/alice"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it lacks %q:\n%s", lang, want, text)
			}
		}
		if n := strings.Count(text, "\n"); n > 20 || strings.Contains(text, "{") || strings.Contains(text, "tool.") {
			t.Errorf("%s: %d lines\n%s", lang, n, text)
		}
	}
}
