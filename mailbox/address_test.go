package mailbox

import (
	"testing"

	"glassmail/mail"
)

func TestCanonical(t *testing.T) {
	for s, want := range map[string]string{
		"Bob@Hamburger.EDU":         "bob@hamburger.edu",
		`"Bob"@hamburger.edu`:       "bob@hamburger.edu",
		`"Bob B"@hamburger.edu`:     "bob b@hamburger.edu",
		"bob+Lists@hamburger.edu":   "bob+lists@hamburger.edu",
		"zoe\u0308@crêpes.fr":       "zo\u00eb@xn--crpes-isa.fr",
		"ZO\u00cb@xn--crpes-isa.fr": "zo\u00cb@xn--crpes-isa.fr", // no folding beyond ASCII
		"bob@[192.0.2.1]":           "bob@[192.0.2.1]",
	} {
		a, err := mail.ParseAddress(s, true)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := Canonical(a); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
		if got, ok := CanonicalString(" " + s + "\n"); got != want || !ok {
			t.Errorf("%s: got %s, %v", s, got, ok)
		}
	}
	if got := Canonical(mail.Address{Local: "Postmaster"}); got != "postmaster" {
		t.Errorf("got %s", got)
	}
	for _, s := range []string{"", "bob", "postmaster", "@x", "a b@c"} {
		if got, ok := CanonicalString(s); ok {
			t.Errorf("%q: got %s", s, got)
		}
	}
}

func TestDetail(t *testing.T) {
	for local, want := range map[string][2]string{
		"bob":       {"bob", ""},
		"bob+x":     {"bob", "x"},
		"bob+x+y":   {"bob", "x+y"},
		"bob+":      {"bob", ""},
		"+x":        {"+x", ""},
		"Bob+Lists": {"Bob", "Lists"},
	} {
		base, detail := Detail(mail.Address{Local: local, Domain: "hamburger.edu"})
		if base != (mail.Address{Local: want[0], Domain: "hamburger.edu"}) || detail != want[1] {
			t.Errorf("%s: got %v, %q", local, base, detail)
		}
	}
}
