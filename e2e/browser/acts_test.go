package browser_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// see waits until an element that matches the selector contains the text.
func (p *page) see(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s shows %q", selector, text), fmt.Sprintf(
		`[...document.querySelectorAll(%q)].some((e) => (e.matches("input, textarea, select") ? e.value : e.textContent).includes(%s) && e.checkVisibility())`, selector, quote(text)))
}

// gone waits until no element that matches the selector contains the text.
func (p *page) gone(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s no longer shows %q", selector, text), fmt.Sprintf(
		`![...document.querySelectorAll(%q)].some((e) => (e.matches("input, textarea, select") ? e.value : e.textContent).includes(%s) && e.checkVisibility())`, selector, quote(text)))
}

// count is how many elements match a selector.
func (p *page) count(selector string) int {
	p.t.Helper()
	var n int
	p.eval(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n)
	return n
}

// text is what the first match of a selector shows.
func (p *page) text(selector string) string {
	p.t.Helper()
	var s string
	p.eval(fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector), &s)
	return s
}

// quote is a Go string as one of JavaScript.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// click clicks the control of a role ("button", "link", "textbox", "checkbox",
// "combobox", "tab" …) with a name, as assistive technology knows both. It waits
// until the control is there, enabled, and not covered by anything.
func (p *page) click(role, name string) {
	p.t.Helper()
	end := time.Now().Add(patience)
	for {
		x, y, why := p.target(role, name)
		if why == "" {
			p.do("click "+name, chromedp.MouseClickXY(x, y))
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("no %s %q to click: %s", role, name, why)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// focus gives a control the focus, as a click or Tab does.
func (p *page) focus(role, name string) {
	p.t.Helper()
	end := time.Now().Add(patience)
	for {
		id, ok := p.find(role, name)
		if ok {
			if _, err := chromedp.Call(p.ctx, dom.Focus, dom.FocusParams{BackendNodeID: id}); err == nil {
				return
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("no %s %q to focus", role, name)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// fill replaces what is in a text field.
func (p *page) fill(role, name, text string) {
	p.t.Helper()
	p.focus(role, name)
	p.eval("document.activeElement.select()", nil)
	p.press("Backspace")
	p.write(text)
}

// choose takes an option, by its text, of a select.
func (p *page) choose(name, option string) {
	p.t.Helper()
	p.focus("combobox", name)
	p.eval(fmt.Sprintf(`(() => {
		const s = document.activeElement, o = [...s.options].find((o) => o.text === %s);
		if (!o) throw new Error("there is no such option: " + [...s.options].map((o) => o.text));
		s.value = o.value;
		s.dispatchEvent(new Event("input", { bubbles: true }));
		s.dispatchEvent(new Event("change", { bubbles: true }));
	})()`, quote(option)), nil)
}

// write types text where the focus is, key by key.
func (p *page) write(text string) {
	p.t.Helper()
	p.do("write "+text, chromedp.KeyEvent(text))
}

// press presses keys that have names: "Enter", "Tab", "Shift+Tab", "Space",
// "ArrowDown", "Escape", "End" …
func (p *page) press(keys ...string) {
	p.t.Helper()
	named := map[string]string{
		"Enter": kb.Enter, "Tab": kb.Tab, "Space": " ", "Escape": kb.Escape, "Backspace": kb.Backspace, "Delete": kb.Delete,
		"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
		"Home": kb.Home, "End": kb.End, "PageDown": kb.PageDown, "PageUp": kb.PageUp,
	}
	for _, key := range keys {
		plain, shift := strings.CutPrefix(key, "Shift+")
		code, ok := named[plain]
		if !ok {
			p.t.Fatalf("press: there is no key %q", key)
		}
		if shift {
			p.do("press "+key, chromedp.KeyEvent(code, chromedp.KeyModifiers(chromedp.ModifierShift)))
		} else {
			p.do("press "+key, chromedp.KeyEvent(code))
		}
	}
}

// find finds a control in the accessibility tree.
func (p *page) find(role, name string) (id cdp.BackendNodeID, ok bool) {
	p.t.Helper()
	document := call(p, dom.GetDocument, dom.GetDocumentParams{})
	found, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		BackendNodeID: document.Root.BackendNodeID, Role: role, AccessibleName: name,
	})
	if err != nil { // the page is just being replaced
		return 0, false
	}
	for _, n := range found.Nodes {
		if !n.Ignored {
			return n.BackendDOMNodeID, true
		}
	}
	return 0, false
}

// target is the middle of a control, or the reason why it cannot be clicked.
func (p *page) target(role, name string) (x, y float64, why string) {
	p.t.Helper()
	id, ok := p.find(role, name)
	if !ok {
		return 0, 0, "it is not in the page"
	}
	node, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	if err != nil {
		return 0, 0, err.Error()
	}
	byValue := true
	found, err := chromedp.Call(p.ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: middle, ObjectID: node.Object.ObjectID, ReturnByValue: &byValue,
	})
	if err != nil {
		return 0, 0, err.Error()
	}
	var at struct {
		X, Y float64
		Why  string
	}
	if err := json.Unmarshal(found.Result.Value, &at); err != nil {
		return 0, 0, err.Error()
	}
	return at.X, at.Y, at.Why
}

// middle is run on a control.
const middle = `function () {
	if (this.disabled) return { why: "it is disabled" };
	this.scrollIntoView({ block: "nearest", inline: "nearest" });
	const r = this.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top) return { why: "it is outside of the window" };
	if (this !== top && !this.contains(top) && !top.contains(this)) return { why: "it is covered by " + top.outerHTML.slice(0, 200) };
	return { x, y, why: "" };
}`
