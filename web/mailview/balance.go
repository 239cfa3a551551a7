package mailview

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// balancer writes clean HTML so that each element is closed before the one around it
// is. What a browser makes of the result has the elements that stand in it and no
// more: where markup leaves formatting open, browsers open it again in each block
// (HTML §13.2.4.3, "reconstruct the active formatting elements"), and the work of 400
// open elements in 100,000 paragraphs is 40 million.
type balancer struct {
	ctx        context.Context
	out        *bytes.Buffer
	pictures   *pictures
	open       []string // elements, the outermost first
	formatting int      // of these
}

// write takes the output of the sanitiser, whose tags and attributes are fit to be
// shown as they are.
func (b *balancer) write(clean []byte) error {
	z := html.NewTokenizer(bytes.NewReader(clean))
	for n := 0; ; n++ {
		if n%1024 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		kind := z.Next()
		if kind == html.ErrorToken {
			b.closeTo(0)
			return nil
		}
		t := z.Token()
		switch kind {
		case html.TextToken:
			if strings.TrimSpace(t.Data) != "" {
				b.cell()
			}
			b.out.WriteString(t.String())
		case html.StartTagToken, html.SelfClosingTagToken:
			if err := b.start(t); err != nil {
				return err
			}
		case html.EndTagToken:
			if i := b.innermost(t.Data); i >= 0 {
				b.closeTo(i)
			}
		}
	}
}

// start opens an element, closing first those that cannot hold it. Parts of a table
// outside of one are nothing to a browser, and go.
func (b *balancer) start(t html.Token) error {
	if isTable(t.Data) && t.Data != "table" && !slices.Contains(b.open, "table") {
		return nil
	}
	b.closeFor(t.Data)
	if !isTable(t.Data) || t.Data == "table" {
		b.cell()
	}
	switch t.Data {
	case "img":
		return b.pictures.write(b.out, t)
	case "br", "hr", "wbr", "col":
	default:
		if len(b.open) >= MaxNesting || formats(t.Data) && b.formatting >= MaxFormatting {
			return nil
		}
		b.push(t.Data)
	}
	t.Type = html.StartTagToken
	b.out.WriteString(t.String())
	return nil
}

func (b *balancer) push(name string) {
	b.open = append(b.open, name)
	if formats(name) {
		b.formatting++
	}
}

// cell begins a cell for what stands in a table outside of its cells: browsers would
// move it out of the table, and open formatting again for each piece.
func (b *balancer) cell() {
	if n := len(b.open); n > 0 && isTable(b.open[n-1]) && !isCell(b.open[n-1]) {
		b.closeFor("td")
		b.out.WriteString("<td>")
		b.push("td")
	}
}

// innermost is the place of the innermost open element of a name, -1 if there is none
// in the same cell of a table.
func (b *balancer) innermost(name string) int {
	for i := len(b.open) - 1; i >= 0; i-- {
		switch {
		case b.open[i] == name:
			return i
		case isCell(b.open[i]) && !isTable(name):
			return -1
		}
	}
	return -1
}

// closeTo closes the elements from place i on.
func (b *balancer) closeTo(i int) {
	for len(b.open) > i {
		last := b.open[len(b.open)-1]
		b.open = b.open[:len(b.open)-1]
		b.out.WriteString("</" + last + ">")
		if formats(last) {
			b.formatting--
		}
	}
}

// closeFor closes what a browser would close by itself when name begins, and what is
// in it, which a browser would leave open.
func (b *balancer) closeFor(name string) {
	closes, within := impliedEnds(name)
	for i := len(b.open) - 1; i >= 0; i-- {
		if slices.Contains(closes, b.open[i]) {
			b.closeTo(i)
			continue
		}
		if slices.Contains(within, b.open[i]) || isCell(b.open[i]) && !isTable(name) {
			return
		}
	}
}

// impliedEnds lists the elements that end where name begins (HTML §13.1.2.4), and
// those beyond which it does not matter.
func impliedEnds(name string) (closes, within []string) {
	switch name {
	case "li":
		return []string{"li", "p"}, []string{"ul", "ol"}
	case "dt", "dd":
		return []string{"dt", "dd", "p"}, []string{"dl"}
	case "td", "th":
		return []string{"td", "th", "caption", "colgroup"}, []string{"table", "tr"}
	case "tr":
		return []string{"tr", "td", "th", "caption", "colgroup"}, []string{"table"}
	case "thead", "tbody", "tfoot", "caption", "colgroup", "col":
		return []string{"thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup"}, []string{"table"}
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return []string{"p", "h1", "h2", "h3", "h4", "h5", "h6"}, []string{"table"}
	case "a":
		return []string{"a"}, []string{"table"}
	case "p", "div", "blockquote", "pre", "address", "center", "ul", "ol", "dl", "hr", "table":
		return []string{"p"}, []string{"table"}
	}
	return nil, nil
}

// isCell reports the elements of a table in which a text stands by itself: what
// happens inside does not close what is outside.
func isCell(name string) bool { return name == "td" || name == "th" || name == "caption" }

// isTable reports the elements of tables.
func isTable(name string) bool {
	switch name {
	case "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col":
		return true
	}
	return false
}

// formats reports the elements that browsers open again (HTML §13.2.4.3).
func formats(name string) bool {
	switch name {
	case "a", "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u":
		return true
	}
	return false
}

// attribute is the value of an attribute, without blanks around it.
func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}
