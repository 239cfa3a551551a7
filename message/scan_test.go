package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func scan(t testing.TB, text string) *Record {
	t.Helper()
	r, err := Scan(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	check(t, r, int64(len(text)))
	return r
}

// check holds a record to what its documentation promises.
func check(t testing.TB, r *Record, size int64) {
	t.Helper()
	if r.Root.Header != 0 || r.Root.End != size {
		t.Fatalf("root [%d,%d) of %d bytes", r.Root.Header, r.Root.End, size)
	}
	parts := 0
	var walk func(p *Part, from, to int64, depth int)
	walk = func(p *Part, from, to int64, depth int) {
		parts++
		if !(from <= p.Header && p.Header <= p.Body && p.Body <= p.End && p.End <= to) {
			t.Fatalf("part [%d,%d,%d) inside [%d,%d)", p.Header, p.Body, p.End, from, to)
		}
		if p.Lines < 0 || p.Lines > p.Size() {
			t.Fatalf("%d lines in %d bytes", p.Lines, p.Size())
		}
		if depth > MaxDepth {
			t.Fatalf("depth %d", depth)
		}
		if p.Type == "" || p.Subtype == "" || p.Encoding == "" {
			t.Fatalf("empty type %q/%q or encoding %q", p.Type, p.Subtype, p.Encoding)
		}
		message := p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
		if (p.Multipart() || message) != (len(p.Parts) > 0) || message && len(p.Parts) != 1 {
			t.Fatalf("%s/%s with %d parts", p.Type, p.Subtype, len(p.Parts))
		}
		from = p.Body
		for i := range p.Parts {
			walk(&p.Parts[i], from, p.End, depth+1)
			from = p.Parts[i].End
			if message && p.Parts[i].Envelope == nil {
				t.Fatal("message without envelope")
			}
		}
	}
	walk(&r.Root, 0, size, 0)
	if parts > MaxParts {
		t.Fatalf("%d parts", parts)
	}
}

// sketch prints a tree with the content of its leaves.
func sketch(p *Part, text string) string {
	s := p.Type + "/" + p.Subtype
	if len(p.Parts) == 0 {
		return fmt.Sprintf("%s%q:%d", s, text[p.Body:p.End], p.Lines)
	}
	var in []string
	for i := range p.Parts {
		in = append(in, sketch(&p.Parts[i], text))
	}
	return s + "(" + strings.Join(in, " ") + ")"
}

func TestScanStructure(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\n"
	tests := []struct{ name, text, want string }{
		{"empty", "", `text/plain"":0`},
		{"blank line", "\n", `text/plain"":0`},
		{"header only", "Subject: x\n", `text/plain"":0`},
		{"header only, unfinished line", "Subject: x", `text/plain"":0`},
		{"header and body", "Subject: x\n\nhello\n", "text/plain\"hello\\n\":1"},
		{"two lines, no header", "Do you like ketchup?\nHow about pickles?\n", `text/plain"Do you like ketchup?\nHow about pickles?\n":2`},
		{"begins with a blank", " a\nb: c\n\nd\n", `text/plain" a\nb: c\n\nd\n":4`},
		{"mbox line", "From alice Mon\nSubject: x\n\ny\n", `text/plain"y\n":1`},
		{"line without colon", "A: b\nnonsense\nContent-Type: text/html\n\ny\n", `text/html"y\n":1`},
		{"blanks before colon", "Content-Type : text/html\n\ny", `text/html"y":0`},
		{"parts", mixed + "\npreamble\n--b\nA: b\n\none\n--b\n\ntwo\n\n--b--\nepilogue\n",
			`multipart/mixed(text/plain"one":0 text/plain"two\n":1)`},
		{"no closing", mixed + "\n--b\n\none\n", `multipart/mixed(text/plain"one\n":1)`},
		{"delimiter is the end", mixed + "\n--b", `multipart/mixed(text/plain"":0)`},
		{"blanks behind delimiters", mixed + "\n--b \t\n\none\n--b-- \n--b\n", `multipart/mixed(text/plain"one":0)`},
		{"not delimiters", mixed + "\n--b\n\n--bb\n --b\n-- b\n--b-\nx--b\n--b--\n", `multipart/mixed(text/plain"--bb\n --b\n-- b\n--b-\nx--b":4)`},
		{"no boundary", "Content-Type: multipart/mixed\n\n--b\n\nx\n", `text/plain"--b\n\nx\n":3`},
		{"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n", `text/plain"--\n\nx\n":3`},
		{"boundary never comes", mixed + "\nx\n", `text/plain"x\n":1`},
		{"only closed", mixed + "\n--b--\n", `text/plain"--b--\n":1`},
		{"part without header", mixed + "\n--b\nno header\n\nx\n--b--\n", `multipart/mixed(text/plain"no header\n\nx":2)`},
		{"part without body", mixed + "\n--b\nContent-Type: text/html\n--b\n--b--\n", `multipart/mixed(text/html"":0 text/plain"":0)`},
		{"nested", mixed + "\n--b\nContent-Type: multipart/alternative; boundary=\"c d\"\n\n--c d\n\none\n--c d\n\ntwo\n--c d--\n\n--b\n\nthree\n--b--\n",
			`multipart/mixed(multipart/alternative(text/plain"one":0 text/plain"two":0) text/plain"three":0)`},
		{"inner not closed", mixed + "\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(multipart/mixed(text/plain"one":0) text/plain"two":0)`},
		{"inner part ends in its header", mixed + "\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nA: b\n--b--\n",
			`multipart/mixed(multipart/mixed(text/plain"":0))`},
		{"same boundary twice", mixed + "\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(multipart/mixed(text/plain"one":0) text/plain"two":0)`},
		{"boundary in pieces", "Content-Type: multipart/mixed; boundary*0=a;\n boundary*1=b\n\n--ab\n\nx\n--ab--\n", `multipart/mixed(text/plain"x":0)`},
		{"message", "Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/html\n\nx\n", `message/rfc822(text/html"x\n":1)`},
		{"message without header", "Content-Type: message/rfc822\n\nhello there\n", `message/rfc822(text/plain"hello there\n":1)`},
		{"message, empty", "Content-Type: message/rfc822\n", `message/rfc822(text/plain"":0)`},
		{"message, encoded", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nUw==\n", `application/octet-stream"Uw==\n":1`},
		{"message/global", "Content-Type: message/global\n\nA: b\n\nx\n", `message/global(text/plain"x\n":1)`},
		{"message in parts", mixed + "\n--b\nContent-Type: message/rfc822\n\n" + mixed + "\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(message/rfc822(multipart/mixed(text/plain"one":0)) text/plain"two":0)`},
		{"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: 1\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b\nbare\n--b--\n",
			`multipart/digest(message/rfc822(text/plain"one":0) text/plain"two":0 message/rfc822(text/plain"bare":0))`},
		{"type without subtype", "Content-Type: text\n\nx", `text/plain"x":0`},
		{"type with comments", "Content-Type: (a) text (b) / (c(d)) HTML (e); charset=utf-8\n\nx", `text/html"x":0`},
		{"second type", "Content-Type: text/html\nContent-Type: text/css\n\nx", `text/html"x":0`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := scan(t, tt.text)
			if got := sketch(&r.Root, tt.text); got != tt.want {
				t.Errorf("LF: got  %s\nwant %s", got, tt.want)
			}
			crlf := strings.ReplaceAll(tt.text, "\n", "\r\n")
			r = scan(t, crlf)
			if got, want := sketch(&r.Root, crlf), strings.ReplaceAll(tt.want, `\n`, `\r\n`); got != want {
				t.Errorf("CRLF: got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestScanFields(t *testing.T) {
	text := strings.ReplaceAll(`Received: by hamburger.edu
From: "Alice A." <alice@crepes.fr>
To: bob@hamburger.edu (Bob), undisclosed:;
Cc: A
Cc: <c@d>
Subject: =?utf-8?q?caf=C3=A9?=
	folded
Date: Mon, 1 Jan 2024 00:00:00 +0000
Date: second
Message-ID: <1@crepes.fr>
In-Reply-To: <0@crepes.fr>
Content-Type: TEXT/Plain; Charset="a\"b"; name*0*=utf-8''x; name*1=y (no); z = un quoted ; bad; =x
Content-Transfer-Encoding: (c) Quoted-Printable
Content-Disposition: ATTACHMENT; filename="f;g.txt"
Content-ID: <id@x>
Content-Description: what it is
Content-Language: en, (c) fr
Content-Location: http://x/
Content-MD5: abc==

x`, "\n", "\r\n")
	p := scan(t, text).Root
	from := []Address{{"Alice A.", "alice", "crepes.fr"}}
	want := Part{
		Header: 0, Body: int64(len(text) - 1), End: int64(len(text)),
		Type: "text", Subtype: "plain",
		Params: []Param{{"charset", `a"b`}, {"name*0*", "utf-8''x"}, {"name*1", "y"}, {"z", "un quoted"}},
		ID:     "<id@x>", Description: "what it is", Encoding: "quoted-printable",
		Disposition: "attachment", DispParams: []Param{{"filename", "f;g.txt"}},
		Language: []string{"en", "fr"}, Location: "http://x/", MD5: "abc==",
		Envelope: &Envelope{
			Date: "Mon, 1 Jan 2024 00:00:00 +0000", Subject: "=?utf-8?q?caf=C3=A9?=\tfolded",
			From: from, Sender: from, ReplyTo: from,
			To:        []Address{{"Bob", "bob", "hamburger.edu"}, {Local: "undisclosed"}, {}},
			Cc:        []Address{{"", "A", MissingDomain}, {"", "c", "d"}},
			InReplyTo: "<0@crepes.fr>", MessageID: "<1@crepes.fr>",
		},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\n     %+v\nwant %+v\n     %+v", p, p.Envelope, want, want.Envelope)
	}
}

// The structure does not depend on where a chunk ends.
func TestScanChunks(t *testing.T) {
	for pad := ScanBuffer - 200; pad < ScanBuffer+20; pad++ {
		text := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat("x", pad) +
			"\r\n--b\r\nA: b\r\nContent-Type: text/html\r\n\r\none\r\n--b--\r\n"
		r := scan(t, text)
		if len(r.Root.Parts) != 2 {
			t.Fatalf("pad %d: %d parts", pad, len(r.Root.Parts))
		}
		if one, two := r.Root.Parts[0], r.Root.Parts[1]; one.Size() != int64(pad) || one.Lines != 0 || text[two.Body:two.End] != "one" || two.Subtype != "html" {
			t.Fatalf("pad %d: first of %d bytes, %d lines, second %q", pad, one.Size(), one.Lines, text[two.Body:two.End])
		}
	}
}

func TestScanLimits(t *testing.T) {
	depth := func(r *Record) (n int, last *Part) {
		for last = &r.Root; len(last.Parts) > 0; last = &last.Parts[0] {
			n++
		}
		return n, last
	}
	t.Run("nested messages", func(t *testing.T) {
		n, last := depth(scan(t, strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000)))
		if n != MaxDepth || last.Subtype != "octet-stream" {
			t.Errorf("depth %d, then %s/%s", n, last.Type, last.Subtype)
		}
	})
	t.Run("nested multiparts", func(t *testing.T) {
		var b strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		n, last := depth(scan(t, b.String()))
		if n != MaxDepth || last.Subtype != "octet-stream" {
			t.Errorf("depth %d, then %s/%s", n, last.Type, last.Subtype)
		}
	})
	t.Run("many parts", func(t *testing.T) {
		for _, part := range []string{"--b\r\n\r\nx\r\n", "--b\r\n", "--b\r\nContent-Type: message/rfc822\r\n\r\n"} {
			text := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, 5000)
			n := 0
			var last *Part
			scan(t, text).Root.Walk(func(p *Part) bool { n++; last = p; return true })
			if n != MaxParts || last.End != int64(len(text)) || last.Subtype != "octet-stream" {
				t.Errorf("%d parts of %q, the last is %s/%s and ends at %d of %d", n, part, last.Type, last.Subtype, last.End, len(text))
			}
		}
	})
	t.Run("texts", func(t *testing.T) {
		for _, text := range []string{
			"To: " + strings.Repeat("a,", 1<<20),
			"To: g:" + strings.Repeat("a,", 1<<20),
			"To: " + strings.Repeat("a ", 1<<20),
			"To: " + strings.Repeat("(", 1<<20),
			"To: " + strings.Repeat("<", 1<<20),
			"To: " + strings.Repeat("=?", 1<<20),
			"To: " + strings.Repeat("=?,", 1<<20),
			"To: " + strings.Repeat("=?a?q?,", 1<<20),
			"To: " + strings.Repeat("<(", 1<<20),
			"To: " + strings.Repeat("\"", 1<<20),
			"Content-Type: multipart/mixed" + pieces(1<<16),
			strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n", 1<<16),
			"To: " + strings.Repeat("@.", 1<<20),
			"Subject: " + strings.Repeat("x", 4<<20),
			"Content-Type: text/plain" + strings.Repeat(";a=b", 1<<20),
			"Content-Language: " + strings.Repeat("a,", 1<<20),
			"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Description: "+strings.Repeat("x", 9000)+"\r\n\r\n", 900),
		} {
			r := scan(t, text+"\r\n\r\n")
			if n := len(r.Marshal()); n > MaxTexts+MaxParts*100 {
				t.Errorf("%.30q…: record of %d bytes", text, n)
			}
		}
	})
}

// pieces are parameters that make up one boundary.
func pieces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";boundary*%d=a", i)
	}
	return b.String()
}

func TestScanReadErrors(t *testing.T) {
	boom := errors.New("boom")
	if _, err := Scan(errorReaderAt{boom}, 10); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if _, err := Scan(strings.NewReader("short"), 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if r, err := Scan(errorReaderAt{boom}, -1); err != nil || r.Root.Type != "text" {
		t.Errorf("got %v, %v", r, err)
	}
}

type errorReaderAt struct{ err error }

func (e errorReaderAt) ReadAt([]byte, int64) (int, error) { return 0, e.err }

func TestRecordRoundTrip(t *testing.T) {
	for _, text := range samples() {
		r := scan(t, text)
		b := r.Marshal()
		got, err := UnmarshalRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v\nwant %+v", got, r)
		}
		for i := range b {
			if _, err := UnmarshalRecord(b[:i]); err == nil {
				t.Fatalf("cut at %d of %d: no error", i, len(b))
			}
		}
		if _, err := UnmarshalRecord(append(bytes.Clone(b), 0)); err == nil {
			t.Fatal("a byte too many: no error")
		}
		b[0]++
		if _, err := UnmarshalRecord(b); err == nil {
			t.Fatal("unknown version: no error")
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	nested := func(depth int) *Record {
		r := &Record{Root: Part{End: 10}}
		for p := &r.Root; depth > 0; depth-- {
			p.Parts = []Part{{End: 10}}
			p = &p.Parts[0]
		}
		return r
	}
	outside := nested(1)
	outside.Root.Parts[0].End = 11
	backwards := nested(0)
	backwards.Root.Body = 11
	many := &Record{Root: Part{Parts: make([]Part, MaxParts)}}
	for name, r := range map[string]*Record{"too deep": nested(MaxDepth + 1), "a part outside": outside, "offsets backwards": backwards, "too many": many} {
		if _, err := UnmarshalRecord(r.Marshal()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, r := range map[string]*Record{"deep": nested(MaxDepth), "many": {Root: Part{Parts: make([]Part, MaxParts-1)}}} {
		if got, err := UnmarshalRecord(r.Marshal()); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range samples() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := scan(t, text)
		got, err := UnmarshalRecord(r.Marshal())
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("record does not survive: %v\n%+v\n%+v", err, got, r)
		}
	})
}

func FuzzUnmarshalRecord(f *testing.F) {
	for _, s := range samples() {
		f.Add(scan(f, s).Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := UnmarshalRecord(b)
		if err != nil {
			return
		}
		again, err := UnmarshalRecord(r.Marshal())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("not the same after a round trip: %v", err)
		}
	})
}

func samples() []string {
	lines := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	return []string{
		"",
		"hello\n",
		lines("From: alice@crepes.fr\nTo: bob@hamburger.edu\nSubject: hi\n\nDo you like ketchup?\n"),
		typical(),
		lines("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: 1\nTo: g: a@b, \"c d\"@e;\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b--\n"),
		lines("From a\nReply-To: <@r,@s:x@y>\nSender: z (comment)\nContent-Language: en, fr\nContent-Type: multipart/mixed; boundary*0=\"a\"; boundary*1=b\n\n--ab\nContent-Type: message/rfc822\n\nA: b\n--ab\n"),
	}
}

// typical is a message as mail programs write them, of about 5 KB.
func typical() string {
	var b strings.Builder
	b.WriteString("Return-Path: <alice@crepes.fr>\n")
	for i := range 4 {
		fmt.Fprintf(&b, "Received: from mx%d.crepes.fr (mx%d.crepes.fr [192.0.2.%d])\n\tby hamburger.edu with ESMTPS id abcdef%d\n\tfor <bob@hamburger.edu>; Mon, 1 Jan 2024 00:00:00 +0000\n", i, i, i, i)
	}
	b.WriteString(`From: "Alice Crêpe" <alice@crepes.fr>
To: Bob <bob@hamburger.edu>, =?utf-8?q?Ren=C3=A9?= <rene@crepes.fr>
Subject: =?utf-8?q?Les_cr=C3=AApes?= of the day
Date: Mon, 1 Jan 2024 00:00:00 +0000
Message-ID: <20240101.1@crepes.fr>
MIME-Version: 1.0
User-Agent: Something/1.0
Content-Type: multipart/mixed; boundary="=-outer-boundary"

This is a message in MIME format.
--=-outer-boundary
Content-Type: multipart/alternative; boundary="=-inner-boundary"

--=-inner-boundary
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

`)
	b.WriteString(strings.Repeat("Do you like ketchup? How about pickles? A line of text=\n", 20))
	b.WriteString("\n--=-inner-boundary\nContent-Type: text/html; charset=utf-8\n\n")
	b.WriteString(strings.Repeat("<p>Do you like ketchup? How about pickles?</p>\n", 20))
	b.WriteString("\n--=-inner-boundary--\n\n--=-outer-boundary\nContent-Type: image/png; name=\"crepe.png\"\nContent-Disposition: attachment; filename=\"crepe.png\"\nContent-Transfer-Encoding: base64\n\n")
	b.WriteString(strings.Repeat("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAAA=\n", 10))
	b.WriteString("--=-outer-boundary--\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

func BenchmarkScan(b *testing.B) {
	big := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1<<17) + "--b--\r\n"
	for _, bb := range []struct{ name, text string }{{"small", samples()[2]}, {"typical", typical()}, {"10MB", big}} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Scan(strings.NewReader(bb.text), int64(len(bb.text))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshalRecord(b *testing.B) {
	for _, bb := range []struct{ name, text string }{{"small", samples()[2]}, {"typical", typical()}} {
		r, _ := Scan(strings.NewReader(bb.text), int64(len(bb.text)))
		data := r.Marshal()
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(len(data)), "bytes")
			for b.Loop() {
				if _, err := UnmarshalRecord(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMarshal(b *testing.B) {
	text := typical()
	r, _ := Scan(strings.NewReader(text), int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Marshal()
	}
}
