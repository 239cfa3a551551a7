package mailview

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"glassmail/mail"
	"glassmail/message"
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

// Bounds of what HTML makes of itself, beside those of what is read (view.go). A
// browser opens formatting elements that were never closed again in each block that
// follows, so that some kilobytes can ask for gigabytes: elements are closed here
// before that, and counted.
const (
	MaxElements   = 20_000  // of a message; one with more is shown as its text
	MaxNesting    = 100     // elements inside one another; those deeper go, their text stays
	MaxFormatting = 16      // of these, elements of formatting; likewise
	MaxStyle      = 2 << 10 // bytes of a style attribute; what comes after goes: it is read in time that grows with the square of its length
)

// Forms in which the HTML of a message is shown.
const (
	Whole  = "whole"
	Cut    = "cut"  // the beginning: it is longer than MaxHTML
	AsText = "text" // its text alone: it has more than MaxElements
)

// Survey is what is known of the HTML of a message before it is made harmless.
type Survey struct {
	Shown   string // Whole, Cut or AsText
	Blocked int    // pictures that would have been loaded from elsewhere
}

// Document is the HTML of a message as a document of its own. It has at most eight
// bytes for each byte of the message's HTML that is looked at, and 4 KiB, beside the
// pictures that the message brings along.
type Document struct {
	Survey
	HTML []byte
}

// Survey reads the HTML of a message once and says how it will be shown; ok is false
// if the message has none.
func (s *Sanitizer) Survey(ctx context.Context, text mail.Message, rec *message.Record) (v Survey, ok bool, err error) {
	raw, v, err := survey(ctx, text, rec)
	return v, raw != nil, err
}

// HTML returns the message's HTML made harmless, or nil if it has none. Pictures
// that the message brings along stand in it; all others are left out. It ends early
// with ctx.
func (s *Sanitizer) HTML(ctx context.Context, text mail.Message, rec *message.Record) (*Document, error) {
	raw, v, err := survey(ctx, text, rec)
	if raw == nil || err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(`<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title></title>` +
		`<style>body{margin:8px;font-family:sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}</style></head><body>`)
	if v.Shown == AsText {
		plain, _, err := plainOf(bytes.NewReader(raw), MaxText)
		if err != nil {
			return nil, err
		}
		out.WriteString("<pre>" + html.EscapeString(plain) + "</pre>")
	} else {
		b := &balancer{ctx: ctx, out: &out, pictures: newPictures(text, rec)}
		if err := b.write(s.policy.SanitizeBytes(shortStyles(raw))); err != nil {
			return nil, err
		}
	}
	out.WriteString("</body></html>")
	return &Document{Survey: v, HTML: out.Bytes()}, nil
}

// survey reads the HTML of a message, at most MaxHTML bytes of it, and counts in it.
func survey(ctx context.Context, text mail.Message, rec *message.Record) (raw []byte, v Survey, err error) {
	part := displayed(&rec.Root).html
	if part == nil {
		return nil, v, nil
	}
	raw, err = io.ReadAll(io.LimitReader(message.Text(text, part), MaxHTML+1))
	if err != nil {
		return nil, v, err
	}
	v.Shown = Whole
	if len(raw) > MaxHTML {
		raw, v.Shown = raw[:MaxHTML], Cut
	}
	z := html.NewTokenizer(bytes.NewReader(raw))
	for elements := 0; ; {
		switch z.Next() {
		case html.ErrorToken:
			return raw, v, ctx.Err()
		case html.StartTagToken, html.SelfClosingTagToken:
			if elements++; elements > MaxElements {
				v.Shown = AsText
				return raw, v, ctx.Err()
			}
			name, attributes := z.TagName()
			if string(name) == "img" && attributes && remote(z) {
				v.Blocked++
			}
		}
	}
}

// shortStyles is HTML whose style attributes have at most MaxStyle bytes each: of
// longer ones, the declarations that fit.
func shortStyles(raw []byte) []byte {
	z := html.NewTokenizer(bytes.NewReader(raw))
	var out []byte // nil as long as it would be raw
	for at := 0; ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Raw()
		if len(token) > MaxStyle && (kind == html.StartTagToken || kind == html.SelfClosingTagToken) {
			if out == nil {
				out = append(make([]byte, 0, len(raw)), raw[:at]...)
			}
			at += len(token)
			out = append(out, shortStyle(z.Token()).String()...)
			continue
		}
		at += len(token)
		if out != nil {
			out = append(out, token...)
		}
	}
	if out == nil {
		return raw
	}
	return out
}

func shortStyle(t html.Token) html.Token {
	for i := range t.Attr {
		if a := &t.Attr[i]; strings.EqualFold(a.Key, "style") && len(a.Val) > MaxStyle {
			a.Val = a.Val[:strings.LastIndexByte(a.Val[:MaxStyle], ';')+1]
		}
	}
	return t
}

// remote reports whether a picture asks to be loaded from elsewhere.
func remote(z *html.Tokenizer) bool {
	for {
		key, value, more := z.TagAttr()
		if string(key) == "src" {
			u, err := url.Parse(strings.TrimSpace(string(value)))
			return err != nil || u.Scheme != "cid" && u.Scheme != "data"
		}
		if !more {
			return false
		}
	}
}
