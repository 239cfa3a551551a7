package dnscmd

import (
	"slices"
	"strings"
	"testing"

	"glassmail/catalogue"
	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/dns/dissect"
)

func saying(t *testing.T, lang string) cli.Phrase {
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
		cmd := Dig()
		cli.LanguageFlag(cmd)
		rest, err := takeLanguage(cmd, strings.Fields(tt.args))
		if err != nil || !slices.Equal(rest, strings.Fields(tt.rest)) || cmd.Flag("lang").Value.String() != tt.lang {
			t.Errorf("%q leaves %q and is in %q: %v", tt.args, rest, cmd.Flag("lang").Value, err)
		}
	}
	if _, err := takeLanguage(Dig(), []string{"--lang"}); err == nil {
		t.Error("a missing language is no error")
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
