package mail

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// controls is every character that must not be copied.
func controls() []rune {
	var all []rune
	for r := rune(0); r < ' '; r++ {
		all = append(all, r)
	}
	for r := rune(0x7f); r < 0xa0; r++ {
		all = append(all, r)
	}
	return append(all, '\u2028', '\u2029')
}

func TestPrintable(t *testing.T) {
	for _, r := range controls() {
		if got := Printable("a"+string(r)+"b", '?'); got != "a?b" {
			t.Errorf("%q: %q", r, got)
		}
	}
	for in, want := range map[string]string{
		"":                "",
		"plain ~ text":    "plain ~ text",
		"สวัสดี \u00a0 é": "สวัสดี \u00a0 é",
		"a\xff\xfeb":      "a?b",
		"a\xc2\x85b":      "a?b", // NEL
	} {
		if got := Printable(in, '?'); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	for in, want := range map[string][]string{
		"<a@b>":                              {"<a@b>"},
		"a@b":                                {"<a@b>"},
		"<a@b> <c@d>\t<e@f>":                 {"<a@b>", "<c@d>", "<e@f>"},
		"<a@b>\r\nBcc: <eve@evil.test>":      {"<a@b>", "<Bcc:>", "<eve@evil.test>"},
		"<a\x1b[31m@b> <c@d>":                {"<c@d>"},
		"<a@b\x07>":                          nil,
		"<a@b\x7f>":                          nil,
		"<a@b\u0085c>":                       nil,
		"<ü@b>":                              nil,
		"<a@b\xff>":                          nil,
		"<<a@b>>":                            nil,
		"<>":                                 nil,
		"<a@b><c@d>":                         nil,
		"<" + strings.Repeat("x", 898) + ">": {"<" + strings.Repeat("x", 898) + ">"},
		"<" + strings.Repeat("x", 899) + ">": nil,
	} {
		if got := MessageIDs(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestNoControlIsCopied is the rule, at every text of others that a report repeats,
// in a trace line, and in an address.
func TestNoControlIsCopied(t *testing.T) {
	for _, r := range controls() {
		c := string(r)
		text := "Message-ID: <a" + c + "b@crepes.fr>\r\nSubject: x\r\n\r\nx\r\n"
		for _, to := range []string{"alice@crepes.fr", "élise@crepes.fr"} { // the second may be told UTF-8
			d := newDSN(text)
			var err error
			if d.To, err = ParseAddress(to, true); err != nil {
				t.Fatal(err)
			}
			d.Options.EnvID = "env" + c + "id"
			d.Options.Return = ReturnHdrs
			for i := range d.Recipients {
				one := &d.Recipients[i]
				one.ORcpt = "rfc" + c + "822;bob" + c + "@hamburger.edu"
				one.Local += c
				one.Host = "mx" + c + ".hamburger.edu"
				one.Reply.Text = "No" + c + "such user"
			}
			report, err := d.Build()
			if err != nil {
				t.Fatal(err)
			}
			ours, _, _ := strings.Cut(string(report), "Description: Header of your message") // what follows is the original itself
			for n, line := range strings.Split(ours, "\r\n") {
				if strings.ContainsFunc(strings.TrimLeft(line, "\t"), IsControl) || !utf8.ValidString(line) {
					t.Errorf("%q to %s: line %d of the report is %q", r, to, n+1, line)
				}
			}
		}
		trace := Received{Helo: "client" + c + ".test", By: "mx.test", Protocol: "ESMTP", ID: "1"}.String()
		if strings.ContainsFunc(strings.NewReplacer("\r\n\t", "", "\r\n", "").Replace(trace), IsControl) {
			t.Errorf("%q stands in %q", r, trace)
		}
		for _, address := range []string{"a" + c + "b@crepes.fr", `"a` + c + `b"@crepes.fr`} {
			if a, err := ParseAddress(address, true); err == nil {
				t.Errorf("%q is the address %q", address, a)
			}
		}
	}
}
