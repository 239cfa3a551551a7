package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func readAll(t interface{ Fatal(...any) }, r io.Reader) string {
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ fields, content, want string }{
		{"", "plain\r\n", "plain\r\n"},
		{"Content-Transfer-Encoding: 8bit", "é\xff", "é\uFFFD"},
		{"Content-Transfer-Encoding: Quoted-Printable", "a=3D=c3=A9=\r\nb= \t\r\nc=\nd", "a=ébcd"},
		{"Content-Transfer-Encoding: quoted-printable", "==3D =zz=3z=\rx= y=a", "== =zz=3z=\rx= y=a"},
		{"Content-Transfer-Encoding: quoted-printable", "soft=", "soft"},
		{"Content-Transfer-Encoding: base64", "SGVsbG8=\r\nIHdv cmxk!\r\n", "Hello world"},
		{"Content-Transfer-Encoding: base64", "SGVsbG8", "Hello"},
		{"Content-Transfer-Encoding: x-unknown", "as it is", "as it is"},
		{"Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: quoted-printable", "=e9", "é"},
		{"Content-Type: text/plain; charset=\"koi8-r\"\r\nContent-Transfer-Encoding: 8bit", "\xf0\xd2", "Пр"},
		{"Content-Type: text/plain; charset=gb2312", "\xc4\xe3", "你"},
		{"Content-Type: text/plain; charset=utf-16", "\xff\xfea\x00", "a"},
		{"Content-Type: text/plain; charset=utf-7", "+AOk-", "+AOk-"},
		{"Content-Type: text/plain; charset=no-such", "x", "x"},
	} {
		text := tt.fields + "\r\n\r\n" + tt.content
		if tt.fields == "" {
			text = text[2:]
		}
		r := scan(t, text)
		if got := readAll(t, Text(strings.NewReader(text), &r.Root)); got != tt.want {
			t.Errorf("%s: %q: got %q, want %q", tt.fields, tt.content, got, tt.want)
		}
	}
}

func TestTextReportsReadErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, encoding := range []string{"8bit", "base64", "quoted-printable"} {
		for _, cs := range []string{"utf-8", "latin1", "utf-16"} {
			p := &Part{End: 10, Encoding: encoding, Params: []Param{{"charset", cs}}}
			if _, err := io.ReadAll(Text(errorReaderAt{boom}, p)); !errors.Is(err, boom) {
				t.Errorf("%s, %s: got %v", encoding, cs, err)
			}
		}
	}
}

// Decoders undo what the standard library's encoders do, wherever reads end.
func TestDecoders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		var quoted bytes.Buffer
		w := quotedprintable.NewWriter(&quoted)
		w.Binary = true
		w.Write(data)
		w.Close()
		encoded := base64.StdEncoding.EncodeToString(data)
		cut := rapid.IntRange(0, len(encoded)).Draw(t, "cut")
		folded := encoded[:cut] + "\r\n" + encoded[cut:]
		for _, c := range []struct {
			text string
			d    decoder
		}{{quoted.String(), new(quotedDecoder)}, {folded, new(base64Decoder)}} {
			got := readAll(t, newDecodingReader(iotest.OneByteReader(strings.NewReader(c.text)), c.d))
			if got != string(data) {
				t.Fatalf("%q: got %q, want %q", c.text, got, data)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("base64", "utf-8", "SGVsbG8=")
	f.Add("quoted-printable", "iso-2022-jp", "=1b$B")
	for _, cs := range []string{"hz-gb-2312", "utf-16", "utf-16le", "gb18030", "big5", "euc-kr", "shift_jis", "utf-7", "utf-32", "iso-2022-kr", "koi8-r", "x-user-defined", "replacement"} {
		f.Add("8bit", cs, "~{\x1b$B\xff\x80")
	}
	f.Fuzz(func(t *testing.T, encoding, charset, content string) {
		p := &Part{End: int64(len(content)), Encoding: encoding, Params: []Param{{"charset", charset}}}
		if got := readAll(t, Text(strings.NewReader(content), p)); !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
}

func BenchmarkText(b *testing.B) {
	for _, bb := range []struct{ name, encoding, charset, line string }{
		{"plain", "8bit", "utf-8", "Do you like ketchup? How about pickles?\r\n"},
		{"base64", "base64", "utf-8", "RG8geW91IGxpa2Uga2V0Y2h1cD8gSG93IGFib3V0IHBpY2tsZXM/\r\n"},
		{"quoted", "quoted-printable", "utf-8", "Do you like cr=C3=AApes? How about pickles?=\r\n"},
		{"latin1", "8bit", "iso-8859-1", "Do you like cr\xeapes? How about pickles?\r\n"},
	} {
		content := strings.Repeat(bb.line, 1<<20/len(bb.line))
		p := &Part{End: int64(len(content)), Encoding: bb.encoding, Params: []Param{{"charset", bb.charset}}}
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				io.Copy(io.Discard, Text(strings.NewReader(content), p))
			}
		})
	}
}
