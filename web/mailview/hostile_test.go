package mailview_test

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"glassmail/message"
	"glassmail/web/mailview"
)

// stored is a message text in memory.
type stored struct{ *bytes.Reader }

func (stored) Close() error { return nil }

func read(t testing.TB, text []byte) (stored, *message.Record) {
	t.Helper()
	rec, err := message.Scan(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return stored{bytes.NewReader(text)}, rec
}

// harmless reports what in a document could run, load or reach anything. It
// reads the document as a browser would, and knows nothing of the policy.
func harmless(doc []byte) (faults []string) {
	may := " html head meta title style body p div span br hr b strong i em u s strike del ins sub sup small big " +
		"h1 h2 h3 h4 h5 h6 blockquote pre code tt kbd samp q cite abbr address center ul ol li dl dt dd table thead tbody " +
		"tfoot tr td th caption colgroup col font wbr a img "
	attributes := " href src alt width height border cellpadding cellspacing colspan rowspan align valign dir lang bgcolor color style " +
		"target rel charset name content "
	loads := regexp.MustCompile(`(?i)url|expression|import|image-set|\\|/\*|var\(|behavior|binding|position|@`)
	root, err := html.Parse(bytes.NewReader(doc))
	if err != nil {
		return []string{err.Error()}
	}
	styles := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !strings.Contains(may, " "+n.Data+" ") || n.Namespace != "" {
			faults = append(faults, "element "+n.Data)
		}
		if n.Data == "style" {
			styles++
		}
		for _, a := range n.Attr {
			value := strings.ToLower(a.Val)
			switch {
			case !strings.Contains(attributes, " "+a.Key+" "):
				faults = append(faults, "attribute "+a.Key)
			case a.Key == "href" && !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "mailto:"):
				faults = append(faults, "link to "+value)
			case a.Key == "src" && !regexp.MustCompile(`^data:image/(png|gif|jpeg);base64,[a-z0-9+/=]+$`).MatchString(value):
				faults = append(faults, "source "+value)
			case a.Key == "style" && loads.MatchString(value):
				faults = append(faults, "style "+value)
			}
		}
	}
	if styles > 1 {
		faults = append(faults, "a style sheet of the message")
	}
	return faults
}

// Nothing in a hostile message survives, and every message has a view.
func TestHostileCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*.eml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	clean := mailview.NewSanitizer()
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".eml"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text, rec := read(t, b)
			v, err := mailview.Read(text, rec)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Text) > mailview.MaxText || len(v.Header) > mailview.MaxFields || len(v.References) > 100 {
				t.Errorf("%d bytes of text, %d fields, %d references", len(v.Text), len(v.Header), len(v.References))
			}
			for _, p := range v.Parts {
				if strings.ContainsAny(p.Name, "/\\<>\r\n\u202e") || strings.HasPrefix(p.Name, ".") {
					t.Errorf("file name %q", p.Name)
				}
				if mailview.Section(rec, p.Section) == nil {
					t.Errorf("section %s cannot be found", p.Section)
				}
			}
			if _, err := mailview.Preview(text, rec); err != nil {
				t.Error(err)
			}
			d, err := clean.HTML(t.Context(), text, rec)
			if err != nil {
				t.Fatal(err)
			}
			if d == nil {
				return
			}
			if faults := harmless(d.HTML); len(faults) > 0 {
				t.Errorf("what is left: %q\n%.2000s", faults, d.HTML)
			}
			if bytes.Contains(d.HTML, []byte("alert(")) && strings.Contains(string(d.HTML), "<script") {
				t.Error("a script is left")
			}
			bounded(t, b, d)
		})
	}
}

// Every message of the corpus says what it tries.
func TestCorpusIsDescribed(t *testing.T) {
	index, err := os.ReadFile("testdata/hostile/index.txt")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/hostile/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for line := range strings.Lines(string(index)) {
		if name, what, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && what != "" {
			described[name] = true
		}
	}
	for _, name := range files {
		if !described[filepath.Base(name)] {
			t.Errorf("%s is not in index.txt", name)
		}
		delete(described, filepath.Base(name))
	}
	for name := range described {
		t.Errorf("index.txt describes %s, which is not there", name)
	}
}

// What harms nobody stays: the checker above must not pass by emptiness.
func TestGoodHTMLStays(t *testing.T) {
	message := "Content-Type: text/html\r\n\r\n" + `<h1 style="color: #cc0000; font-family: Arial, sans-serif">Menu</h1>` +
		`<table border="1"><tr><td colspan="2" bgcolor="#eeeeee">Burger</td></tr></table><a href="https://hamburger.edu/?a=1&amp;b=2">order</a>` +
		`<img src="https://hamburger.edu/logo.png" alt="logo">`
	text, rec := read(t, []byte(message))
	d, err := mailview.NewSanitizer().HTML(t.Context(), text, rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"color: #cc0000", "Arial, sans-serif", `colspan="2"`, `bgcolor="#eeeeee"`, "hamburger.edu/?a=1", `target="_blank"`, "noreferrer", `padding: 0 4px">logo</span>`} {
		if !strings.Contains(string(d.HTML), want) {
			t.Errorf("%q is missing in %s", want, d.HTML)
		}
	}
	if d.Blocked != 1 || strings.Contains(string(d.HTML), "logo.png") {
		t.Errorf("blocked %d pictures in %s", d.Blocked, d.HTML)
	}
}

func TestInlinePictures(t *testing.T) {
	clean := mailview.NewSanitizer()
	for name, want := range map[string]int{"inline-picture": 1, "inline-bomb": 0, "inline-pixels": 1} {
		b, err := os.ReadFile("testdata/hostile/" + name + ".eml")
		if err != nil {
			t.Fatal(err)
		}
		text, rec := read(t, b)
		d, err := clean.HTML(t.Context(), text, rec)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(d.HTML, []byte("data:image/")); got != want {
			t.Errorf("%s shows %d pictures, want %d: %s", name, got, want, d.HTML)
		}
	}
}

// A picture larger than the limit is not placed, one below it is.
func TestPictureLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a large picture")
	}
	var big bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 1000, 1000))
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>3 ^ i>>5 ^ i*7)
	}
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&big, img); err != nil {
		t.Fatal(err)
	}
	message := "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=cid:p alt=x>\r\n--b\r\n" +
		"Content-Type: image/png\r\nContent-ID: <p>\r\n\r\n" + big.String() + "\r\n--b--\r\n"
	text, rec := read(t, []byte(message))
	d, err := mailview.NewSanitizer().HTML(t.Context(), text, rec)
	if err != nil || bytes.Contains(d.HTML, []byte("data:")) {
		t.Errorf("a picture of %d bytes stands in the document (%v)", big.Len(), err)
	}
}

func FuzzHTML(f *testing.F) {
	files, err := filepath.Glob("testdata/hostile/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && len(b) < 8<<10 {
			f.Add(b)
		}
	}
	clean := mailview.NewSanitizer()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, message := range [][]byte{b, append([]byte("Content-Type: text/html\r\n\r\n"), b...)} {
			text, rec := read(t, message)
			v, err := mailview.Read(text, rec)
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			boundedView(t, message, v)
			if p, err := mailview.Preview(text, rec); err != nil || len([]rune(p)) > mailview.MaxPreview {
				t.Fatalf("a preview of %d bytes, %v", len(p), err)
			}
			d, err := clean.HTML(t.Context(), text, rec)
			if err != nil {
				t.Fatal(err)
			}
			if d != nil {
				if faults := harmless(d.HTML); len(faults) > 0 {
					t.Fatalf("what is left: %q\n%s", faults, d.HTML)
				}
				bounded(t, message, d)
			}
		}
	})
}
