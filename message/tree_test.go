package message

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	"pgregory.net/rapid"
)

// tree is a message that a test makes up, with what it should be found to be.
type tree struct {
	kind     string // "multipart", "message" or "leaf"
	fields   string
	boundary string
	content  string // of a leaf, encoded
	decoded  string // of a leaf
	parts    []*tree
}

// drawTree draws a well-formed message or part.
func drawTree(t *rapid.T, depth int, count *int) *tree {
	*count++
	kinds := []string{"leaf", "leaf", "multipart", "message"}
	n := &tree{kind: "leaf"}
	if depth < 5 && *count < 30 {
		n.kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	}
	if rapid.Bool().Draw(t, "other field") {
		n.fields = "X-Other: a\r\n\tb\r\n"
	}
	switch n.kind {
	case "multipart":
		n.boundary = fmt.Sprintf("%s-%d", rapid.SampledFrom([]string{"b", "=_b", "--b", "b'()+_,./:=?"}).Draw(t, "boundary"), *count)
		n.fields += fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\r\n", n.boundary)
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			n.parts = append(n.parts, drawTree(t, depth+1, count))
		}
	case "message":
		n.fields += "Content-Type: message/rfc822\r\n"
		n.parts = []*tree{drawTree(t, depth+1, count)}
	default:
		n.leaf(t)
	}
	return n
}

func (n *tree) leaf(t *rapid.T) {
	text := rapid.StringMatching(`([a-z -]{0,6}=?\r\n){0,4}[a-z-]{0,3}`).Draw(t, "content")
	n.decoded = text
	switch rapid.IntRange(0, 2).Draw(t, "encoding") {
	case 0:
		n.content = text
	case 1:
		n.fields += "Content-Transfer-Encoding: base64\r\n"
		n.content = base64.StdEncoding.EncodeToString([]byte(text))
	case 2:
		n.fields += "Content-Transfer-Encoding: quoted-printable\r\n"
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		n.content = b.String()
	}
	if n.fields == "" { // a part may lack a header, but the content must not look like one
		n.fields = "X-Leaf: y\r\n"
	}
}

// write appends the text of a tree and checks nothing: expect holds the offsets.
func (n *tree) write(b *strings.Builder, expect *[]Part) {
	at := len(*expect)
	*expect = append(*expect, Part{Header: int64(b.Len())})
	b.WriteString(n.fields + "\r\n")
	(*expect)[at].Body = int64(b.Len())
	switch n.kind {
	case "multipart":
		b.WriteString("preamble\r\n--\r\n")
		for _, p := range n.parts {
			b.WriteString("--" + n.boundary + "\r\n")
			p.write(b, expect)
			b.WriteString("\r\n")
		}
		b.WriteString("--" + n.boundary + "--\r\nepilogue\r\n--" + n.boundary)
	case "message":
		n.parts[0].write(b, expect)
	default:
		b.WriteString(n.content)
	}
	(*expect)[at].End = int64(b.Len())
}

// Offsets, sizes and line ends are those with which the message was put together,
// and the contents those that go-message finds.
func TestScanTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := 0
		root := drawTree(t, 0, &count)
		var b strings.Builder
		var expect []Part
		root.write(&b, &expect)
		text := b.String()
		r, err := Scan(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		r.Root.Walk(func(p *Part) bool {
			if i == len(expect) {
				t.Fatalf("more than %d parts in\n%s", i, text)
			}
			e := expect[i]
			if p.Header != e.Header || p.Body != e.Body || p.End != e.End {
				t.Fatalf("part %d at %d,%d,%d, not %d,%d,%d in\n%s", i, p.Header, p.Body, p.End, e.Header, e.Body, e.End, text)
			}
			if want := strings.Count(text[e.Body:e.End], "\n"); p.Lines != int64(want) {
				t.Fatalf("part %d has %d lines, not %d in\n%s", i, p.Lines, want, text)
			}
			i++
			return true
		})
		if i != len(expect) {
			t.Fatalf("%d parts, not %d in\n%s", i, len(expect), text)
		}
		entity, err := message.Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, text, root, &r.Root, entity)
	})
}

// compare holds a part against what was written and what go-message reads.
func compare(t *rapid.T, text string, n *tree, p *Part, e *message.Entity) {
	kind, _, err := e.Header.ContentType()
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Type + "/" + p.Subtype; got != kind {
		t.Fatalf("got %s, go-message %s", got, kind)
	}
	switch n.kind {
	case "multipart":
		r := e.MultipartReader()
		for i := range p.Parts {
			next, err := r.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, text, n.parts[i], &p.Parts[i], next)
		}
		if _, err := r.NextPart(); err != io.EOF {
			t.Fatalf("go-message finds another part: %v", err)
		}
	case "message":
		inner, err := message.Read(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, text, n.parts[0], p.Message(), inner)
	default:
		theirs := readAll(t, e.Body)
		ours := readAll(t, Content(strings.NewReader(text), p))
		if ours != theirs || ours != n.decoded {
			t.Fatalf("got %q, go-message %q, written %q", ours, theirs, n.decoded)
		}
	}
}
