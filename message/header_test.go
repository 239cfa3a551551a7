package message

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHeaderFields(t *testing.T) {
	const header = "From alice\r\nTo: bob\r\nSUBJECT: a\r\n\tb\r\nnonsense\r\nTo : again\r\nX: \r\n\r\n"
	for _, tt := range []struct {
		names, want string
		not         bool
	}{
		{"to", "To: bob\r\nTo : again\r\n\r\n", false},
		{"Subject x", "SUBJECT: a\r\n\tb\r\nX: \r\n\r\n", false},
		{"", "\r\n", false},
		{"to subject", "From alice\r\nnonsense\r\nX: \r\n\r\n", true},
		{"", header, true},
	} {
		if got := string(HeaderFields([]byte(header), NewFieldNames(strings.Fields(tt.names)...), tt.not)); got != tt.want {
			t.Errorf("%q, not %v: got %q, want %q", tt.names, tt.not, got, tt.want)
		}
	}
	if got := string(HeaderFields([]byte("A: b\nC: d"), NewFieldNames("c"), false)); got != "C: d" {
		t.Errorf("unfinished header: got %q", got)
	}
}

// What is named and what is not make up the whole.
func TestHeaderFieldsDivide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.StringMatching(`([ABab]?[: \t]?[xy]*\r?\n){0,8}(A: x)?`).Draw(t, "header")
		with := HeaderFields([]byte(h), NewFieldNames("A", "x"), false)
		without := HeaderFields([]byte(h), NewFieldNames("A", "x"), true)
		end := len(h)
		for n := 0; n < len(h); {
			l := FieldEnd([]byte(h[n:]))
			if n += l; IsBlank([]byte(h[n-l : n])) {
				end = n
				with = with[:len(with)-l] // the blank line is in both
				break
			}
		}
		if len(with)+len(without) != end {
			t.Fatalf("%q: %q and %q", h[:end], with, without)
		}
	})
}

func TestHeaderValues(t *testing.T) {
	got := HeaderValues([]byte("A:  x\r\n y \r\nB: z\r\na:\r\n\r\n"), "a")
	if len(got) != 2 || got[0] != "x y" || got[1] != "" {
		t.Errorf("got %q", got)
	}
}

func TestFind(t *testing.T) {
	text := strings.ReplaceAll(`Content-Type: multipart/mixed; boundary=a

--a

1
--a
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=b

--b

2.1
--b
Content-Type: multipart/alternative; boundary=c

--c

2.2.1
--c--
--b--
--a
Content-Type: message/rfc822

Subject: simple

3.1
--a
Content-Type: message/rfc822

Content-Type: message/rfc822

A: b

4.1.1
--a--
`, "\n", "\r\n")
	root := &scan(t, text).Root
	for _, tt := range []struct {
		path []int
		want string
	}{
		{[]int{1}, "1"}, {[]int{2, 1}, "2.1"}, {[]int{2, 2, 1}, "2.2.1"}, {[]int{3, 1}, "3.1"}, {[]int{4, 1, 1}, "4.1.1"},
	} {
		if p := root.Find(tt.path); p == nil || text[p.Body:p.End] != tt.want {
			t.Errorf("%v: got %+v", tt.path, p)
		}
	}
	if root.Find(nil) != root || root.Find([]int{2}).Message() == nil || root.Find([]int{4, 1}).Message() == nil {
		t.Error("the root or a message was not found")
	}
	for _, path := range [][]int{{0}, {-1}, {5}, {1, 1}, {2, 3}, {2, 2, 2}, {3, 2}, {3, 1, 1}, {4, 1, 1, 1}} {
		if p := root.Find(path); p != nil {
			t.Errorf("%v: got %s/%s", path, p.Type, p.Subtype)
		}
	}
	simple := &scan(t, "A: b\r\n\r\nx").Root
	if simple.Find([]int{1}) != simple || simple.Find([]int{1, 1}) != nil || simple.Find([]int{2}) != nil {
		t.Error("a simple message has one part, itself")
	}
	message := &scan(t, "Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx").Root
	if message.Find([]int{1}) != message || message.Find([]int{1, 1}) != &message.Parts[0] {
		t.Error("a message in a message is its part 1")
	}
}
