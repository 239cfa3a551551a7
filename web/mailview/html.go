package mailview

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif"  // the formats whose size can be told
	_ "image/jpeg" // before a browser unpacks them
	_ "image/png"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"glassmail/mail"
	"glassmail/mailbox"
)

// Policy is the Content-Security-Policy under which a Document is to be served:
// a sandbox without scripts, forms and an origin, in which only pictures that
// stand in the document itself are shown. Links open in windows of their own.
const Policy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; " +
	"style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// Sanitizer makes HTML of messages harmless. It may be shared.
type Sanitizer struct{ policy *bluemonday.Policy }

// NewSanitizer lists what may stay: the elements and styles of text, tables and
// pictures. All else goes; so do scripts and style sheets with their content.
func NewSanitizer() *Sanitizer {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "span", "br", "hr", "b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "sub", "sup", "small", "big",
		"h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "tt", "kbd", "samp", "q", "cite", "abbr", "address", "center",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col", "font", "wbr")
	p.AllowNoAttrs().OnElements("span", "font")
	link := regexp.MustCompile(`(?i)^(https?://|mailto:)[^\s]*$`)
	p.AllowAttrs("href").Matching(link).OnElements("a")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`(?i)^cid:[^\s"'<>]{1,300}$`)).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowURLSchemes("http", "https", "mailto", "cid")
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	number := regexp.MustCompile(`^[0-9]{1,4}%?$`)
	p.AllowAttrs("width", "height").Matching(number).OnElements("img", "table", "td", "th", "col")
	p.AllowAttrs("border", "cellpadding", "cellspacing").Matching(number).OnElements("table")
	p.AllowAttrs("colspan", "rowspan").Matching(regexp.MustCompile(`^[0-9]{1,3}$`)).OnElements("td", "th")
	p.AllowAttrs("align", "valign").Matching(regexp.MustCompile(`(?i)^[a-z]{1,10}$`)).Globally()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`(?i)^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z0-9-]{1,35}$`)).Globally()
	p.AllowAttrs("bgcolor", "color").Matching(regexp.MustCompile(`^#?[A-Za-z0-9]{1,20}$`)).Globally()
	// A value of words, numbers and colours: without a colon, a backslash or an
	// unknown function nothing in it can load.
	value := regexp.MustCompile(`(?i)^(rgba?\([0-9., %]{1,40}\)|[#a-z0-9.,%' -]{1,120})$`)
	p.AllowStyles("color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight", "line-height",
		"text-align", "text-decoration", "text-indent", "vertical-align", "white-space", "width", "max-width", "height",
		"padding", "padding-top", "padding-right", "padding-bottom", "padding-left", "margin", "margin-top", "margin-right", "margin-bottom", "margin-left",
		"border", "border-top", "border-right", "border-bottom", "border-left", "border-color", "border-style", "border-width", "border-radius",
		"border-collapse", "border-spacing", "list-style-type", "direction").Matching(value).Globally()
	return &Sanitizer{p}
}

// Document is the HTML of a message as a document of its own.
type Document struct {
	HTML    []byte
	Blocked int  // pictures that would have been loaded from elsewhere
	Cut     bool // it was longer than the limits
}

// HTML returns the message's HTML made harmless, or nil if it has none. Pictures
// that the message brings along stand in it; all others are left out.
func (s *Sanitizer) HTML(text mail.Message, rec *mailbox.Record) (*Document, error) {
	part := displayed(&rec.Root).html
	if part == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(mailbox.Text(text, part), MaxHTML+1))
	if err != nil {
		return nil, err
	}
	d := &Document{Cut: len(raw) > MaxHTML}
	raw = raw[:min(len(raw), MaxHTML)]
	d.Blocked = remotePictures(raw)
	var out bytes.Buffer
	out.WriteString(`<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title></title>` +
		`<style>body{margin:8px;font-family:sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}</style></head><body>`)
	pictures := &pictures{text: text, rec: rec, left: MaxImages, pixels: MaxPixels}
	if err := pictures.place(&out, s.policy.SanitizeBytes(raw)); err != nil {
		return nil, err
	}
	out.WriteString("</body></html>")
	d.HTML = out.Bytes()
	return d, nil
}

// remotePictures counts what asked to be loaded, for the reader to know.
func remotePictures(raw []byte) int {
	z := html.NewTokenizer(bytes.NewReader(raw))
	n := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return n
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.Data != "img" {
				continue
			}
			for _, a := range t.Attr {
				u, err := url.Parse(strings.TrimSpace(a.Val))
				if a.Key == "src" && (err != nil || u.Scheme != "cid" && u.Scheme != "data") {
					n++
				}
			}
		}
	}
}

// pictures puts the parts that HTML names by cid: in the place of the names
// (RFC 2392).
type pictures struct {
	text   mail.Message
	rec    *mailbox.Record
	left   int // bytes that may still be placed
	pixels int // and pixels
}

func (p *pictures) place(out *bytes.Buffer, clean []byte) error {
	root, err := html.Parse(bytes.NewReader(clean))
	if err != nil { // elements lie deeper in one another than browsers bear
		return p.flat(out, clean)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "img" {
			if err := p.picture(n); err != nil {
				return err
			}
		}
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			for child := range n.ChildNodes() {
				if err := html.Render(out, child); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return nil
}

// flat writes the text alone.
func (p *pictures) flat(out *bytes.Buffer, clean []byte) error {
	plain, _, err := plainOf(bytes.NewReader(clean), MaxText)
	out.WriteString("<pre>" + html.EscapeString(plain) + "</pre>")
	return err
}

// picture exchanges the source of one picture, or puts its words in its place.
func (p *pictures) picture(t *html.Node) error {
	kept, alt, shown := t.Attr[:0], "", false
	for _, a := range t.Attr {
		if a.Key != "src" {
			kept = append(kept, a)
			if a.Key == "alt" {
				alt = strings.TrimSpace(a.Val)
			}
			continue
		}
		data, err := p.load(a.Val)
		if err != nil {
			return err
		}
		if data != "" {
			a.Val, shown = data, true
			kept = append(kept, a)
		}
	}
	t.Attr = kept
	if !shown {
		leaveOut(t, alt)
	}
	return nil
}

// leaveOut puts the words of a picture in its place; without words it leaves nothing.
func leaveOut(t *html.Node, alt string) {
	t.Data, t.DataAtom, t.Attr = "span", atom.Span, nil
	if alt != "" {
		t.Attr = []html.Attribute{{Key: "style", Val: "border: 1px dashed gray; padding: 0 4px"}}
		t.AppendChild(&html.Node{Type: html.TextNode, Data: alt})
	}
}

// load returns a picture of the message as a data: URL, "" if it has no such
// picture or one that is too large.
func (p *pictures) load(src string) (string, error) {
	part := p.find(src)
	if part == nil {
		return "", nil
	}
	limit := min(MaxImage, p.left)
	b, err := io.ReadAll(io.LimitReader(mailbox.Content(p.text, part), int64(limit)+1))
	if err != nil || len(b) > limit {
		return "", err
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || size.Width <= 0 || size.Height <= 0 || size.Width > p.pixels/size.Height {
		return "", nil
	}
	p.left -= len(b)
	p.pixels -= size.Width * size.Height
	return "data:image/" + format + ";base64," + base64.StdEncoding.EncodeToString(b), nil
}

func (p *pictures) find(src string) *mailbox.Part {
	if len(src) < 4 || !strings.EqualFold(src[:4], "cid:") {
		return nil
	}
	id, err := url.PathUnescape(src[4:])
	if err != nil || id == "" {
		return nil
	}
	var found *mailbox.Part
	p.rec.Root.Walk(func(one *mailbox.Part) bool {
		if !one.Multipart() && strings.Trim(one.ID, "<> ") == id {
			found = one
		}
		return found == nil
	})
	return found
}
