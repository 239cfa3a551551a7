package main

import (
	"slices"
	"strings"
	"testing"

	"glassmail/catalogue"
	"glassmail/dns"
	"glassmail/dns/dissect"
	"glassmail/lab"
)

func saying(t *testing.T, lang string) phrase {
	t.Helper()
	texts, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	return func(key string, args ...any) string { return texts.Text(lang, key, args...) }
}

func TestTakeLanguage(t *testing.T) {
	for _, tt := range []struct{ args, rest, lang string }{
		{"hamburger.edu MX", "hamburger.edu MX", ""},
		{"--lang th hamburger.edu", "hamburger.edu", "th"},
		{"hamburger.edu --lang=th +bytes", "hamburger.edu +bytes", "th"},
	} {
		root := newRoot()
		cmd, _, err := root.Find([]string{"dig"})
		if err != nil {
			t.Fatal(err)
		}
		rest, err := takeLanguage(cmd, strings.Fields(tt.args))
		if err != nil || !slices.Equal(rest, strings.Fields(tt.rest)) || cmd.Flag("lang").Value.String() != tt.lang {
			t.Errorf("%q leaves %q and is in %q: %v", tt.args, rest, cmd.Flag("lang").Value, err)
		}
	}
	if _, err := takeLanguage(newRoot(), []string{"--lang"}); err == nil {
		t.Error("a missing language is no error")
	}
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

// Every field of a message has a meaning in Thai, but for what has no words.
func TestMeanings(t *testing.T) {
	say := saying(t, "th")
	m := dns.NewMessage(dns.Query{Name: "hamburger.edu.", Type: dns.TypeMX, ID: 7, RecursionDesired: true, DNSSEC: true, Size: 1232})
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	d := dissect.Dissect(b)
	thai := d.Translate(func(f dissect.Field) string { return meaning(say, f, true) })
	for i, f := range thai.Fields {
		if f.Meaning == d.Fields[i].Meaning && f.Name != "OPCODE" {
			t.Errorf("%s %s means %q in Thai too", f.Name, f.Value, f.Meaning)
		}
	}
	if text := thai.Text(b); !strings.Contains(text, "ใช้ในคำตอบเท่านั้น") || !strings.Contains(text, "ชื่อที่ถาม") || !strings.Contains(text, "hamburger.edu.") {
		t.Errorf("the table is\n%s", text)
	}
	for _, tt := range []struct {
		f    dissect.Field
		want string
	}{
		{dissect.Field{Name: "NAME", Length: 2, Pointer: 12}, "ไบต์ 12"},
		{dissect.Field{Name: "NAME", Length: 9, Pointer: 12}, "ตอนท้าย"},
		{dissect.Field{Name: "flags", Section: "additional", Value: "0x8000", Pointer: -1}, "DO เป็น 1"},
		{dissect.Field{Name: "flags", Section: "additional", Value: "0x0000", Pointer: -1}, "DO เป็น 0"},
		{dissect.Field{Name: "KEY TAG", Pointer: -1}, "กุญแจ"},
		{dissect.Field{Name: "unheard", Meaning: "of", Pointer: -1}, "of"},
	} {
		if got := meaning(say, tt.f, false); !strings.Contains(got, tt.want) {
			t.Errorf("%s means %q, want %q in it", tt.f.Name, got, tt.want)
		}
	}
}
