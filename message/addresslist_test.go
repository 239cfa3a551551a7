package message

import (
	netmail "net/mail"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parseList(s string) (l []Address) {
	addresses(&l, s, &budget{MaxTexts})
	return l
}

func TestAddresses(t *testing.T) {
	const none = MissingDomain
	for _, tt := range []struct {
		text string
		want []Address
	}{
		{"", nil},
		{" , ,, ", nil},
		{"bob@hamburger.edu", []Address{{"", "bob", "hamburger.edu"}}},
		{"<bob@hamburger.edu>", []Address{{"", "bob", "hamburger.edu"}}},
		{"Bob <bob@hamburger.edu>", []Address{{"Bob", "bob", "hamburger.edu"}}},
		{"Bob B. Burger <bob@hamburger.edu>, alice@crepes.fr", []Address{{"Bob B. Burger", "bob", "hamburger.edu"}, {"", "alice", "crepes.fr"}}},
		{`"Burger, \"Bob\"" <bob@hamburger.edu>`, []Address{{`Burger, "Bob"`, "bob", "hamburger.edu"}}},
		{`"bob b"@hamburger.edu`, []Address{{"", "bob b", "hamburger.edu"}}},
		{`""@x`, []Address{{"", MissingLocal, "x"}}},
		{"bob@hamburger.edu (Bob (the) Burger)", []Address{{"Bob (the) Burger", "bob", "hamburger.edu"}}},
		{"(c) Bob (d) <(e) bob (f) @ (g) hamburger.edu (h)> (i), x@y", []Address{{"Bob", "bob", "hamburger.edu"}, {"", "x", "y"}}},
		{"bob . b @ hamburger . edu", []Address{{"", "bob.b", "hamburger.edu"}}},
		{"<@a,@b:bob@c>", []Address{{"", "bob", "c"}}},
		{"bob@[192.0.2.1]", []Address{{"", "bob", "[192.0.2.1]"}}},
		{"<bob@[IPv6:2001:db8::1]>", []Address{{"", "bob", "[IPv6:2001:db8::1]"}}},
		{"friends: a@b, C <c@d>;, e@f", []Address{{Local: "friends"}, {"", "a", "b"}, {"C", "c", "d"}, {}, {"", "e", "f"}}},
		{"undisclosed-recipients:;", []Address{{Local: "undisclosed-recipients"}, {}}},
		{"Some Group: a@b", []Address{{Local: "Some Group"}, {"", "a", "b"}, {}}},
		{"=?utf-8?q?bob@x,_y?= <bob@x>", []Address{{"=?utf-8?q?bob@x,_y?=", "bob", "x"}}},
		{"bob@x.org <bob@x.org>", []Address{{"bob@x.org", "bob", "x.org"}}},
		{"Bob bob@x", []Address{{"Bob", "bob", "x"}}},
		{"bob", []Address{{"", "bob", none}}},
		{"Bob Burger", []Address{{"", "Bob Burger", none}}},
		{"Mail System <>", []Address{{"Mail System", MissingLocal, none}}},
		{"<>", nil},
		{"@x", []Address{{"", MissingLocal, "x"}}},
		{"bob@", []Address{{"", "bob", none}}},
		{"bob@x junk", []Address{{"", "bob", "x"}}},
		{"Bob <bob@x, c@d", []Address{{"Bob", "bob", "x"}, {"", "c", "d"}}},
		{"Bob <bob@x", []Address{{"Bob", "bob", "x"}}},
		{`"open`, []Address{{"", "open", none}}},
		{"é <é@é>", []Address{{"é", "é", "é"}}},
		{"(only a comment)", nil},
		{"a@b;c@d", []Address{{"", "a", "b"}, {"", "c", "d"}}},
	} {
		if got := parseList(tt.text); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}

// What the standard library can read, we read in the same way.
func TestAddressesLikeNetMail(t *testing.T) {
	local := rapid.StringMatching(`[a-z]{1,5}(\.[a-z]{1,3})?|"[a-z ,@<>]{1,5}"`)
	name := rapid.StringMatching(`|[A-Z][a-z]{0,4} |"[A-Za-z ,@<>:;.]{1,8}" |[A-Z]{1,3} [A-Z]{1,3} `)
	domain := rapid.StringMatching(`[a-z]{1,5}(\.[a-z]{1,3})?`)
	rapid.Check(t, func(t *rapid.T) {
		var list []string
		for range rapid.IntRange(1, 4).Draw(t, "addresses") {
			a := local.Draw(t, "local") + "@" + domain.Draw(t, "domain")
			if n := name.Draw(t, "name"); n != "" || rapid.Bool().Draw(t, "brackets") {
				a = n + "<" + a + ">"
			}
			list = append(list, a)
		}
		text := strings.Join(list, rapid.SampledFrom([]string{",", ", ", " ,\t"}).Draw(t, "comma"))
		theirs, err := netmail.ParseAddressList(text)
		if err != nil {
			t.Skip(err)
		}
		ours := parseList(text)
		if len(ours) != len(theirs) {
			t.Fatalf("%s: %d addresses, not %d", text, len(ours), len(theirs))
		}
		for i, m := range ours {
			if m.Name != theirs[i].Name || m.Local+"@"+m.Domain != theirs[i].Address {
				t.Fatalf("%s: got %q, want %q", text, m, theirs[i])
			}
		}
	})
}

// An address never looks like the beginning or end of a group.
func FuzzAddresses(f *testing.F) {
	f.Add(`"a, b" <@x,@y:c@d> (e), g: h@[i], =?a?q?b?=;`)
	f.Fuzz(func(t *testing.T, s string) {
		open := false
		for _, m := range parseList(s) {
			switch {
			case m == Address{}:
				if !open {
					t.Fatal("a group ends that did not begin")
				}
				open = false
			case m.Domain == "":
				if open || m.Local == "" || m.Name != "" {
					t.Fatalf("%q", m)
				}
				open = true
			case m.Local == "":
				t.Fatalf("%q", m)
			}
		}
		if open {
			t.Fatal("a group does not end")
		}
	})
}
