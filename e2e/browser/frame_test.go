package browser_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hit clicks what a JavaScript expression finds, as soon as it is there and not
// covered: for what has no name of its own, such as a row of a list.
func (p *page) hit(find string) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		var at struct {
			X, Y float64
			Why  string
		}
		p.eval(fmt.Sprintf(`((e) => e ? (%s).call(e) : { why: "it is not in the page" })(%s)`, middle, find), &at)
		if at.Why == "" {
			p.do("click "+find, chromedp.MouseClickXY(at.X, at.Y))
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("cannot click %s: %s", find, at.Why)
		}
	}
}

// strike presses a key of the page, such as "c". Unlike write it is one event with the
// letter in it, as a keyboard's is: where the page answers the key, the letter does
// not also get into the field that has the focus then.
func (p *page) strike(letters string) {
	p.t.Helper()
	for _, r := range letters {
		down := *kb.Encode(r)[0]
		down.Text, down.UnmodifiedText = string(r), string(r)
		call(p, input.DispatchKeyEvent, down)
		up := down
		up.Type, up.Text, up.UnmodifiedText = kb.KeyUp, "", ""
		call(p, input.DispatchKeyEvent, up)
	}
}

// frame is the document in the page's frame, nil while there is none. It is read
// from outside, for nothing runs in that frame.
func (p *page) frame() *cdp.Node {
	p.t.Helper()
	depth, pierce := int64(-1), true
	root := call(p, dom.GetDocument, dom.GetDocumentParams{Depth: &depth, Pierce: &pierce}).Root
	var found *cdp.Node
	walk(root, func(n *cdp.Node) {
		if n.ContentDocument != nil {
			found = n.ContentDocument
		}
	})
	return found
}

// frameText is what is written in the frame, without its style sheet.
func (p *page) frameText() string {
	p.t.Helper()
	var b strings.Builder
	if doc := p.frame(); doc != nil {
		walk(doc, func(n *cdp.Node) {
			if n.NodeName == "BODY" {
				walk(n, func(n *cdp.Node) {
					if n.NodeName == "#text" {
						b.WriteString(n.NodeValue)
					}
				})
			}
		})
	}
	return b.String()
}

func walk(n *cdp.Node, visit func(*cdp.Node)) {
	visit(n)
	for _, child := range n.Children {
		walk(child, visit)
	}
	if n.ContentDocument != nil {
		walk(n.ContentDocument, visit)
	}
}
