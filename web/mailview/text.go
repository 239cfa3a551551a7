package mailview

import (
	"io"
	"strings"

	"golang.org/x/net/html"

	"glassmail/mail"
	"glassmail/message"
)

// choice is the parts of a message that are there to be read.
type choice struct {
	texts []*message.Part // text/plain, to be read one after the other
	html  *message.Part   // the richest form, nil if there is none
}

// displayed walks the structure: of alternatives the last HTML and the first
// plain text, of related parts the first, of others all (RFC 2046 §5.1, RFC 2387).
func displayed(p *message.Part) choice {
	var c choice
	c.collect(p, 0)
	return c
}

func (c *choice) collect(p *message.Part, depth int) {
	switch {
	case depth > message.MaxDepth:
	case p.Multipart() && p.Subtype == "alternative":
		c.alternative(p, depth)
	case p.Multipart() && p.Subtype == "related":
		c.collect(&p.Parts[0], depth+1)
	case p.Multipart():
		for i := range p.Parts {
			c.collect(&p.Parts[i], depth+1)
		}
	case p.Type != "text" || p.Disposition == "attachment":
	case p.Subtype == "html":
		if c.html == nil {
			c.html = p
		}
	case p.Disposition == "" && FileName(p) != "": // an attachment that does not say so
	default:
		c.texts = append(c.texts, p)
	}
}

func (c *choice) alternative(p *message.Part, depth int) {
	var text, rich choice
	for i := range p.Parts {
		var one choice
		one.collect(&p.Parts[i], depth+1)
		if one.html != nil {
			rich = one
		}
		if len(text.texts) == 0 {
			text.texts = one.texts
		}
	}
	c.texts = append(c.texts, text.texts...)
	if c.html == nil {
		c.html = rich.html
	}
}

// readText fills in what there is to read, from the HTML if there is no other.
func (v *View) readText(text mail.Message, shown choice) error {
	var out strings.Builder
	for _, p := range shown.texts {
		left := MaxText - out.Len()
		if left <= 0 {
			v.Cut = true
			break
		}
		b, err := io.ReadAll(io.LimitReader(message.Text(text, p), int64(left)+1))
		if err != nil {
			return err
		}
		if len(b) > left {
			b, v.Cut = b[:left], true
		}
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(strings.ToValidUTF8(string(b), "\uFFFD"))
	}
	if out.Len() == 0 && shown.html != nil {
		plain, cut, err := plainOf(message.Text(text, shown.html), MaxText)
		if err != nil {
			return err
		}
		v.Cut = v.Cut || cut
		out.WriteString(plain)
	}
	v.Text = strings.ReplaceAll(out.String(), "\r\n", "\n")
	return nil
}

// plainOf is the text of HTML without its markup, at most most bytes of it.
func plainOf(r io.Reader, most int) (plain string, cut bool, err error) {
	limited := &io.LimitedReader{R: r, N: MaxHTML}
	z := html.NewTokenizer(limited)
	z.SetMaxBuf(MaxHTML)
	var out strings.Builder
	skip := ""
	for out.Len() < most {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF && z.Err() != html.ErrBufferExceeded {
				return "", false, z.Err()
			}
			return tidy(out.String()), limited.N <= 0, nil
		case html.TextToken:
			if skip == "" {
				out.WriteString(strings.Join(strings.Fields(string(z.Text())), " ") + " ")
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			skip = start(&out, string(name), skip)
		case html.SelfClosingTagToken:
			name, _ := z.TagName()
			start(&out, string(name), "-")
		case html.EndTagToken:
			name, _ := z.TagName()
			if string(name) == skip {
				skip = ""
			}
		}
	}
	return tidy(out.String()), true, nil
}

// start ends the line before a block, and tells which element's text is no text.
func start(out *strings.Builder, name, skip string) string {
	switch name {
	case "p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "hr", "pre":
		if skip == "" || skip == "-" {
			out.WriteString("\n")
		}
	case "script", "style", "title", "head", "noscript", "template":
		if skip == "" && name != "head" {
			return name
		}
	}
	return skip
}

// tidy takes away blanks at line ends and all but one of several empty lines.
func tidy(s string) string {
	var out strings.Builder
	empty := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			empty++
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\n")
			if empty > 0 {
				out.WriteString("\n")
			}
		}
		empty = 0
		out.WriteString(line)
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

// Preview is the beginning of a message's text in one line.
func Preview(text mail.Message, rec *message.Record) (string, error) {
	shown := displayed(&rec.Root)
	var raw string
	switch {
	case len(shown.texts) > 0:
		b, err := io.ReadAll(io.LimitReader(message.Text(text, shown.texts[0]), previewRaw))
		if err != nil {
			return "", err
		}
		raw = strings.ToValidUTF8(string(b), "")
	case shown.html != nil:
		var err error
		if raw, _, err = plainOf(io.LimitReader(message.Text(text, shown.html), 8*previewRaw), previewRaw); err != nil {
			return "", err
		}
	}
	line := strings.Join(strings.Fields(raw), " ")
	if r := []rune(line); len(r) > MaxPreview {
		return string(r[:MaxPreview]), nil
	}
	return line, nil
}

// HasAttachment reports whether something is attached.
func HasAttachment(rec *message.Record) bool {
	found := false
	rec.Root.Walk(func(p *message.Part) bool {
		found = !p.Multipart() && attached(p)
		return !found
	})
	return found
}
