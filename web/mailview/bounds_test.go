package mailview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"glassmail/web/mailview"
)

// asHTML is a message with one part of HTML.
func asHTML(body string) []byte { return []byte("Content-Type: text/html\r\n\r\n" + body) }

// nodes counts what a browser makes of a document.
func nodes(t testing.TB, doc []byte) int {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range root.Descendants() {
		n++
	}
	return n
}

// tokens counts the start tags and texts of a document, that is what stands in it.
func tokens(doc []byte) int {
	z := html.NewTokenizer(bytes.NewReader(doc))
	for n := 0; ; {
		switch z.Next() {
		case html.ErrorToken:
			return n
		case html.StartTagToken, html.SelfClosingTagToken, html.TextToken:
			n++
		}
	}
}

// bounded checks a document against what Document promises: its length, and that a
// browser finds no more in it than stands there.
func bounded(t testing.TB, in []byte, d *mailview.Document) {
	t.Helper()
	if most := 8*min(len(in), mailview.MaxHTML) + 4<<10 + 4*mailview.MaxImages/3*2; len(d.HTML) > most {
		t.Errorf("%d bytes became %d", len(in), len(d.HTML))
	}
	have, stand := nodes(t, d.HTML), tokens(d.HTML)
	if have > 4*stand+100 { // a table brings its tbody and tr along, and a stray row all of them
		t.Errorf("a browser makes %d nodes of the %d that stand in\n%.3000s", have, stand, d.HTML)
	}
}

// formatting is the message of an audit: 400 elements that are never closed, then
// paragraphs, in each of which a browser opens them all again. 107 kB of it made 255 MB.
func formatting(elements, paragraphs int) string {
	var b strings.Builder
	b.WriteString("<p>")
	for i := range elements {
		fmt.Fprintf(&b, "<font color=c%d>", i)
	}
	b.WriteString("</p>")
	for range paragraphs {
		b.WriteString("<p>x")
	}
	return b.String()
}

// What HTML makes of itself is bounded by what is read.
func TestDerivedHTMLIsBounded(t *testing.T) {
	table := strings.Repeat("<table><b><i><u>x<tr>", 2000)
	for name, body := range map[string]string{
		"formatting":    formatting(400, 4000),
		"as text":       formatting(400, 100_000),
		"nested":        strings.Repeat("<div>", 15_000) + "x",
		"lists":         strings.Repeat("<ul><li><b>", 5000) + "x",
		"in tables":     table,
		"links":         strings.Repeat("<a href=http://>x", 10_000),
		"quotes":        strings.Repeat("'", 1<<20),
		"long styles":   "<p style='" + strings.Repeat("color:red;", 10_000) + "'>" + strings.Repeat("<p>x", 10_000),
		"headings":      strings.Repeat("<h1><font color=a><h2><font color=b>x", 4000),
		"stray cells":   strings.Repeat("<td><b><i>x", 5000),
		"closed twice":  strings.Repeat("<p><b></p></p></b></b>x", 4000),
		"open by cells": "<table>" + strings.Repeat("<tr><td><font color=a>", 5000) + strings.Repeat("<tr><td>x", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			text, rec := read(t, asHTML(body))
			d, err := mailview.NewSanitizer().HTML(t.Context(), text, rec)
			if err != nil {
				t.Fatal(err)
			}
			bounded(t, []byte(body), d)
			if want := name == "as text"; (d.Shown == mailview.AsText) != want {
				t.Errorf("shown as %q", d.Shown)
			}
			if !bytes.Contains(d.HTML, []byte("x")) && name != "quotes" {
				t.Error("the text is gone")
			}
			if v, ok, err := mailview.NewSanitizer().Survey(t.Context(), text, rec); !ok || err != nil || v != d.Survey {
				t.Errorf("the survey says %v, %t, %v", v, ok, err)
			}
		})
	}
}

// A picture is read once however often it is named, and is shown as long as there is
// room for it.
func TestPictureNamedOften(t *testing.T) {
	broken := strings.Repeat("QUJD", 1000)
	message := "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<img src=cid:p alt=x>", 10_000) +
		"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + broken + "\r\n--b--\r\n"
	text, rec := read(t, []byte(message))
	counted := &countedText{stored: text}
	d, err := mailview.NewSanitizer().HTML(t.Context(), counted, rec)
	if err != nil {
		t.Fatal(err)
	}
	if counted.read > 2*len(message) {
		t.Errorf("%d bytes were read of a message of %d", counted.read, len(message))
	}
	if n := strings.Count(string(d.HTML), ">x</span>"); n != 10_000 {
		t.Errorf("%d words in place of pictures", n)
	}
}

// countedText counts the bytes that are read.
type countedText struct {
	stored
	read int
}

func (c *countedText) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.stored.ReadAt(p, at)
	c.read += n
	return n, err
}

// Who has left is not rendered for.
func TestHTMLEndsWithItsRequest(t *testing.T) {
	text, rec := read(t, asHTML("<p>x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := mailview.NewSanitizer().HTML(ctx, text, rec); err == nil {
		t.Errorf("rendered %s", d.HTML)
	}
}

// Sloppy markup keeps its looks.
func TestBalanced(t *testing.T) {
	for in, want := range map[string]string{
		"<p>a<p>b":                                "<p>a</p><p>b</p>",
		"<b>a<p>b</p>c</b>":                       "<b>a<p>b</p>c</b>",
		"<ul><li>a<ul><li>b</ul><li>c</ul>":       "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
		"<table><tr><td>a<td>b<tr><td>c</table>d": "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>d",
		"a</b>b</div>c":                           "abc",
		"<p>a<br>b<hr>c":                          "<p>a<br>b</p><hr>c",
		"<table><tr><td><p>a</td></tr></table>b":  "<table><tr><td><p>a</p></td></tr></table>b",
		"<td>a</div>b":                            "ab",
		"<table>a<tr><td>b</table>":               "<table><td>a</td><tr><td>b</td></tr></table>",
		"<dl><dt>a<dd>b<dt>c":                     "<dl><dt>a</dt><dd>b</dd><dt>c</dt></dl>",
	} {
		text, rec := read(t, asHTML(in))
		d, err := mailview.NewSanitizer().HTML(t.Context(), text, rec)
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(string(d.HTML), "<body>")
		if got := strings.TrimSpace(strings.TrimSuffix(body, "</body></html>")); got != want {
			t.Errorf("%s became\n%s, want\n%s", in, got, want)
		}
	}
}

// Whatever tags follow one another, a browser finds what stands there.
func TestAnyMarkupIsBounded(t *testing.T) {
	tags := strings.Fields("p div b i u a font span code table tr td th tbody thead caption colgroup col ul ol li dl dt dd h1 h2 blockquote pre center br hr img")
	clean := mailview.NewSanitizer()
	rapid.Check(t, func(rt *rapid.T) {
		var b strings.Builder
		for _, piece := range rapid.SliceOfN(rapid.SampledFrom(append(tags, "/p", "/div", "/b", "/i", "/a href=x", "/font", "/table", "/tr", "/td", "/ul", "/li", "/h1")), 1, 12).Draw(rt, "run") {
			b.WriteString("<" + piece + ">")
			b.WriteString(rapid.SampledFrom([]string{"", "x", " "}).Draw(rt, "text"))
		}
		body := strings.Repeat(b.String(), rapid.IntRange(1, 200).Draw(rt, "times"))
		text, rec := read(t, asHTML(body))
		d, err := clean.HTML(t.Context(), text, rec)
		if err != nil {
			rt.Fatal(err)
		}
		if have, stand := nodes(t, d.HTML), tokens(d.HTML); have > 4*stand+100 {
			rt.Fatalf("a browser makes %d nodes of the %d that stand in\n%.2000s", have, stand, d.HTML)
		}
	})
}

// BenchmarkHTML is the view of messages made to cost much.
func BenchmarkHTML(b *testing.B) {
	for name, body := range map[string]string{
		"formatting": formatting(400, 15_000), "as text": formatting(400, 500_000),
		"links": strings.Repeat("<a href=http://a/>x", 19_000), "styles": strings.Repeat("<p style='color:red;border:1px solid #fff;margin:1px 2px'>x", 19_000),
	} {
		text, rec := read(b, asHTML(body))
		clean := mailview.NewSanitizer()
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := clean.HTML(b.Context(), text, rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// boundedView checks that a view, as a page gets it, is in proportion to the message:
// a byte of a header field may stand in the field, in the subject or an address, and
// in the address of replies, each time as six bytes of JSON, and in a charset of more
// bytes; a part of five bytes has its own line with a section of up to 100 numbers.
func boundedView(t testing.TB, in []byte, v *mailview.View) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if most := 64*len(in) + 4<<10; len(b) > most {
		t.Errorf("%d bytes became a view of %d", len(in), len(b))
	}
}

// Views of messages that ask for much of one thing each.
func TestViewsAreBounded(t *testing.T) {
	const size = 200 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	deep := strings.Builder{}
	for range 99 {
		deep.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n")
	}
	for _, in := range []string{
		"\r\n" + fill("\x01"), "\r\n" + fill("\xff"), "Subject: " + fill("\x01") + "\r\n\r\n", "From: " + fill("\x01@b,") + "\r\n\r\n",
		"From: " + fill("a@b,") + "\r\n\r\n", "From: " + fill("a:;") + "\r\n\r\n", fill("a:\r\n") + "\r\n", fill("a:\x01\r\n") + "\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\n\r\n"), deep.String() + fill("\r\n--b\r\n"),
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\nContent-Type: message/rfc822\n\n\n"),
		"Content-Type: text/plain; charset=koi8-r\r\n\r\n" + fill("\xe2"), "Subject: " + fill("=?koi8-r?q?\xe2?= ") + "\r\n\r\n",
		"Content-Type: text/html\r\n\r\n" + fill("&#1;"), "Content-Type: text/html\r\n\r\n" + fill("<p>\x01"), "References: " + fill("<a>") + "\r\n\r\n",
		"Content-Type: text/plain" + fill(";name*0=x") + "\r\n\r\n", "Received: " + fill("\n x") + "\r\n\r\n",
	} {
		text, rec := read(t, []byte(in))
		v, err := mailview.Read(text, rec)
		if err != nil {
			t.Fatalf("%.40q: %v", in, err)
		}
		boundedView(t, []byte(in), v)
	}
}

// Several texts that together are longer than is shown end where the room ends, also in
// the middle of a letter.
func TestTextsBeyondTheRoom(t *testing.T) {
	const part = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
	for name, first := range map[string]string{
		"the room is full": strings.Repeat("x", mailview.MaxText), "a letter is cut": "x" + strings.Repeat("ก", mailview.MaxText/3+1),
	} {
		text, rec := read(t, []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n"+part+first+"\r\n"+part+"second\r\n"+part+"third\r\n--b--\r\n"))
		v, err := mailview.Read(text, rec)
		if err != nil || !v.Cut || len(v.Text) > mailview.MaxText+10 {
			t.Errorf("%s: %v, cut %v, %d bytes", name, err, v.Cut, len(v.Text))
		}
	}
}
