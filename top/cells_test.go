package top

import (
	"strings"
	"testing"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":           0,
		"HELO":       4,
		"สวัสดีครับ": 7, // vowels and marks above and below take no cell
		"น้ำ":        2, // SARA AM does
		"ภาษาไทย":    7, //
		"你好":         4, // wide
		"e\u0301":    1, // combining
		"สมชาย@โรงเรียน.ไทย": 17, //
		"\u200b│─▶": 3, // zero width, and lines
	} {
		if got := width(s); got != want {
			t.Errorf("%q takes %d cells, want %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"HELO", 4, "HELO"}, {"HELO", 3, "HE…"}, {"HELO", 1, "…"}, {"HELO", 0, ""},
		{"สวัสดี", 3, "สวั…"}, // the mark stays with its consonant
		{"你好吗", 4, "你…"},
	} {
		if got := cut(tt.s, tt.n); got != tt.want {
			t.Errorf("%q in %d cells is %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
	if got := pad("你好吗", 4); width(got) != 4 || got != "你… " {
		t.Errorf("padded %q", got)
	}
	if got := padLeft("ดี", 3); got != "  ดี" {
		t.Errorf("padded %q", got)
	}
}

// What others wrote cannot command the terminal.
func TestClean(t *testing.T) {
	for s, want := range map[string]string{
		"250 ok":           "250 ok",
		"\x1b]0;owned\a":   `\x1b]0;owned\x07`,
		"a\r\nb":           `a\x0d\x0ab`,
		"\u009b2J":         `\x9b2J`,
		"abc\u202etxt.exe": `abc\u202etxt.exe`,
		"a\tb":             "a  b",
		"\u2028":           `\u2028`,
		"\xff":             "\uFFFD",
		"สวัสดี \u0e33":    "สวัสดี \u0e33",
	} {
		if got := clean(s); got != want {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"one two three", 7, "one two/three"},
		{"one\ntwo", 10, "one/two"},
		{"abcdefghij", 4, "abcd/efgh/ij"},
		{"a bcdefghij", 4, "a bc/defg/hij"},
		{"", 10, ""},
		{"x", 1, ""},
		{"เปิดแปลใน", 3, "เปิด/แปล/ใน"}, // a vowel before its consonant is no end
		{"กากากา", 3, "กา/กา/กา"},       // nor one behind it a beginning
	} {
		if got := strings.Join(wrap(tt.s, tt.n), "/"); got != tt.want {
			t.Errorf("%q in %d cells is %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}

func TestSpan(t *testing.T) {
	for s, want := range map[int64]string{-5: "0s", 0: "0s", 119: "119s", 120: "2m", 7199: "119m", 7200: "2h", 3 * 86400: "3d"} {
		if got := span(s); got != want {
			t.Errorf("%d seconds are %q, want %q", s, got, want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("สวัสดีครับ แปลว่า hello", 5)
	f.Add("\x1b[2J a\u202e", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 2 + n&63
		s = clean(s)
		for _, line := range wrap(s, n) {
			if width(line) > n {
				t.Errorf("%q has %d cells of %d", line, width(line), n)
			}
			if line == "" || strings.ContainsFunc(line, unsafe) {
				t.Errorf("line %q", line)
			}
		}
	})
}
