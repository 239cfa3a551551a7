package mail

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func genLocal(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9!#$%&'*+/=?^_{|}~-]{1,12}(\.[a-z0-9]{1,12}){0,2}`),
		rapid.StringMatching(`[ -~]{1,30}`),
		rapid.StringMatching(`[a-zäöüéกข漢]{1,8}`),
	).Draw(t, "local")
}

func genDomain(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringMatching(`[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,1}(\.[a-z]{2,8}){0,2}`),
		rapid.SampledFrom([]string{"[192.0.2.1]", "[IPv6:2001:db8::1]", "bücher.example", "xn--bcher-kva.example"}),
	).Draw(t, "domain")
}

func genAddress(t *rapid.T) Address { return Address{genLocal(t), genDomain(t)} }

// TestAddressReadsBack: what String prints, ParseAddress and ParsePath read.
func TestAddressReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := genAddress(t)
		got, err := ParseAddress(a.String(), true)
		if err != nil || got != a {
			t.Fatalf("%q reads back as %+v, %v; want %+v", a.String(), got, err, a)
		}
		rest := rapid.SampledFrom([]string{"", " SIZE=10", " X=\">\""}).Draw(t, "rest")
		got, left, err := ParsePath(a.Path()+rest, true)
		if err != nil || got != a || left != rest {
			t.Fatalf("%q reads back as %+v and %q, %v", a.Path()+rest, got, left, err)
		}
		if _, err := ParseAddress(a.String(), false); (err == nil) != a.ASCII() {
			t.Fatalf("%q without SMTPUTF8: %v", a, err)
		}
		if r := a.Route(); !isASCII(r) {
			t.Fatalf("the route of %q is %q", a, r)
		}
	})
}

func TestParseAddress(t *testing.T) {
	tests := []struct {
		in, local, domain string // local "" is an error
	}{
		{"bob@hamburger.edu", "bob", "hamburger.edu"},
		{"Bob@HAMBURGER.edu", "Bob", "hamburger.edu"},
		{"postmaster", "postmaster", ""},
		{"PostMaster", "PostMaster", ""},
		{`"a b"@c.de`, "a b", "c.de"},
		{`"a\"b\\"@c.de`, `a"b\`, "c.de"},
		{`""@c.de`, "", "c.de"},
		{"a@[192.0.2.1]", "a", "[192.0.2.1]"},
		{"a@[ipv6:2001:db8::1]", "a", "[ipv6:2001:db8::1]"},
		{"a@[300.0.2.1]", "", ""}, {"a@[192.0.2.1", "", ""}, {"a@[2001:db8::1]", "", ""},
		{"bob", "", ""}, {"", "", ""}, {"@c.de", "", ""}, {"bob@", "", ""}, {"a@b@c.de", "", ""},
		{".a@c.de", "", ""}, {"a.@c.de", "", ""}, {"a..b@c.de", "", ""}, {"a b@c.de", "", ""},
		{"a@-c.de", "", ""}, {"a@c-.de", "", ""}, {"a@c..de", "", ""}, {"a@ไทย..ไทย", "", ""}, {"a@-ไทย.x", "", ""}, {"a@c.de.", "", ""}, {"a@c d.de", "", ""}, {"a@c/d", "", ""},
		{"a\x00@c.de", "", ""}, {"\"a\x01\"@c.de", "", ""}, {`"a`, "", ""}, {"\"a\\", "", ""},
		{"jos\xff@c.de", "", ""}, {"a@\xff.de", "", ""},
		{strings.Repeat("a", 65) + "@c.de", "", ""},
		{"a@" + strings.Repeat("b", 64) + ".de", "", ""},
		{"a@" + strings.Repeat("b.", 127) + "de", "", ""},
	}
	for _, tt := range tests {
		a, err := ParseAddress(tt.in, true)
		if tt.local == "" && tt.domain == "" {
			if err == nil {
				t.Errorf("%q reads as %+v, want an error", tt.in, a)
			}
			continue
		}
		if err != nil || a.Local != tt.local || a.Domain != tt.domain {
			t.Errorf("%q reads as %+v, %v", tt.in, a, err)
		}
	}
}

func TestParsePath(t *testing.T) {
	tests := []struct {
		in, path, rest string
		ok             bool
	}{
		{"<>", "<>", "", true},
		{"<> SIZE=1", "<>", " SIZE=1", true},
		{"<bob@hamburger.edu> X", "<bob@hamburger.edu>", " X", true},
		{"bob@hamburger.edu X", "<bob@hamburger.edu>", " X", true},
		{"<@a.de,@b.de:bob@hamburger.edu>", "<bob@hamburger.edu>", "", true},
		{`<"a>b"@c.de>`, `<"a>b"@c.de>`, "", true},
		{"<@a.de>", "", "", false},
		{"<bob@hamburger.edu", "", "", false},
		{"<bob@hamburger.edu>X", "", "", false},
		{"<bob@hamburger.edu>\tX", "", "", false},
		{"", "", "", false},
	}
	for _, tt := range tests {
		a, rest, err := ParsePath(tt.in, false)
		if (err == nil) != tt.ok || tt.ok && (a.Path() != tt.path || rest != tt.rest) {
			t.Errorf("%q reads as %s and %q, %v", tt.in, a.Path(), rest, err)
		}
	}
}

func TestLiteral(t *testing.T) {
	for d, want := range map[string]string{
		"[192.0.2.1]": "192.0.2.1", "[IPv6:2001:db8::1]": "2001:db8::1", "[ipv6:::1]": "::1",
		"hamburger.edu": "", "[x]": "", "[IPv6:192.0.2.1]": "",
	} {
		ip, ok := Address{Local: "a", Domain: d}.Literal()
		if ok != (want != "") || ok && ip != netip.MustParseAddr(want) {
			t.Errorf("%s is %v, %v", d, ip, ok)
		}
	}
}

// FuzzParsePath: what is accepted is printed without a way out of its brackets,
// and reads back.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<>", "<a@b.de> SIZE=1", `<"a\"> b"@c.de>`, "<@a,@b:c@d>", "postmaster", "<ü@bücher.example>", "<a@[IPv6:::1]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, rest, err := ParsePath(s, true)
		if err != nil {
			return
		}
		if !strings.HasSuffix(s, rest) || rest != "" && rest[0] != ' ' {
			t.Errorf("%q leaves %q", s, rest)
		}
		p := a.Path()
		if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("the path %q has a control character", p)
		}
		b, left, err := ParsePath(p+" X=1", true)
		if err != nil || b != a || left != " X=1" {
			t.Errorf("%q was read from %q and reads back as %+v and %q, %v", p, s, b, left, err)
		}
	})
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParsePath("<bob@hamburger.edu> SIZE=1000", false); err != nil {
			b.Fatal(err)
		}
	}
}
