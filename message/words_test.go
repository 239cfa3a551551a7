package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeHeader(t *testing.T) {
	for s, want := range map[string]string{
		"plain":                               "plain",
		"=?utf-8?q?caf=C3=A9_noir?=":          "café noir",
		"a =?UTF-8?B?w6k=?= b":                "a é b",
		"=?utf-8?q?a?= =?utf-8?q?b?=":         "ab",
		"=?utf-8?q?a?=\t\t=?latin1?q?=E9?= c": "aé c",
		"=?utf-8?b?4oI=?= =?utf-8?b?rA==?=":   "€", // a character divided between words
		"=?gb2312?q?=C4?= =?gb2312?q?=E3?=":   "你",
		"=?iso-8859-1?q?=E9?=":                "é",
		"=?windows-1251?b?z/Do4uXy?=":         "Привет",
		"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=":  "日本",
		"=?utf-16?b?AGEAYg==?=":               "ab",
		"=?utf-8*fr?q?x?=":                    "x",
		"=?nonsense?q?abc?=":                  "abc",
		"=?utf-8?x?abc?=":                     "=?utf-8?x?abc?=",
		"=?utf-8?q?abc":                       "=?utf-8?q?abc",
		"=?=?utf-8?q?a?=":                     "=?a",
		"=?utf-8?q?a?=b":                      "ab",
		"\xff":                                "\uFFFD",
		"=?utf-8?q?=ff?=":                     "\uFFFD",
	} {
		if got := DecodeHeader(s); got != want {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add("=?utf-8?q?a?= =?iso-2022-jp?b?GyRCRnxLXBsoQg==?= b")
	f.Add("=?hz-gb-2312?q?~{<:Ky2;VpRzwk?==?utf-16le?q?a?=")
	f.Fuzz(func(t *testing.T, s string) {
		if got := DecodeHeader(s); !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
}

// Each of these would take minutes if it were not linear.
func TestDecodeHeaderIsLinear(t *testing.T) {
	for _, s := range []string{"=?", "=?a?q?", "=?a?q?b", "=?a?q?b?= ", "=?a?q?b?= x", "=?="} {
		DecodeHeader(strings.Repeat(s, MaxHeaderSize/len(s)))
	}
}

func TestFilename(t *testing.T) {
	for field, want := range map[string]string{
		"Content-Type: text/plain":             "",
		"Content-Type: text/plain; name=a.txt": "a.txt",
		"Content-Disposition: attachment; filename=b.txt\r\nContent-Type: text/plain; name=a":    "b.txt",
		"Content-Disposition: attachment; filename=\"=?utf-8?q?=C3=A9?=.txt\"":                   "é.txt",
		"Content-Disposition: attachment; filename*=utf-8'fr'%c3%a9%2Etxt":                       "é.txt",
		"Content-Disposition: attachment; filename*=iso-8859-1''%E9%":                            "é%",
		"Content-Disposition: attachment; filename*=no quotes%20":                                "no quotes ",
		"Content-Disposition: attachment; filename*0*=utf-8''%c3; filename*1*=%a9; filename*2=x": "éx",
		"Content-Disposition: attachment; filename*0=a; filename*1=b; filename*3=d":              "ab",
		"Content-Disposition: attachment; filename*=utf-8''%ff":                                  "\uFFFD",
	} {
		p := scan(t, field+"\r\n\r\n").Root
		if got := p.Filename(); got != want {
			t.Errorf("%s: got %q, want %q", field, got, want)
		}
	}
}
