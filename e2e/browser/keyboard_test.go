package browser_test

import (
	"fmt"
	"strings"
	"testing"
)

// The whole Journey page without a mouse: connect, type the dialogue by taking the
// greyed-in lines, walk through the ladder, choose a journey, pause, step, and ask
// for the list of keys.
func TestJourneyByKeyboard(t *testing.T) {
	p := open(t, startLab(t), "/")
	p.see("#state", p.texts.of("shell.live"))
	p.tabTo("#terminal-connect")
	p.press("Enter")
	p.see("#terminal-line:focus", "")
	for _, line := range lecture() {
		p.until("the next line is greyed in", `document.querySelector("#terminal-line").placeholder === `+quote(line))
		p.press("Tab", "Enter")
	}
	p.see("#terminal-log .S", "221 hamburger.edu closing connection")
	p.see("#list .state", p.texts.of("journey.state.delivered"))

	p.tabTo("#rungs [aria-current]")
	last := p.chosen()
	p.press("ArrowUp", "ArrowUp")
	p.until("the ladder is two lines up", fmt.Sprintf(`document.querySelector("#rungs [aria-current] .n").textContent === "%d"`, last-2))
	p.see("#rungs button:focus[aria-current]", "")
	p.press("End")
	p.until("the ladder is at its end", fmt.Sprintf(`document.querySelector("#rungs [aria-current] .n").textContent === "%d"`, last))

	p.write("1")
	p.see("#ladder-title", p.texts.of("journey.state.delivered"))
	p.write("0")
	p.see("#ladder-title", p.texts.of("journey.live"))
	p.write("b")
	p.see("#bytes .scroll:focus", "")
	p.write("f")
	p.until("long replies are shown in full", `!document.querySelector("#fold").checked`)
	p.write("?")
	p.see("dialog[open] td", p.texts.of("journey.key.pause"))
	p.press("Escape")
	p.until("the list of keys is closed", `!document.querySelector("dialog")`)
}

// A held line is stepped by the arrow, edited in its field, and passed by Enter on
// its button.
func TestHoldByKeyboard(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/")
	p.see("#state", p.texts.of("shell.live"))
	p.press("Space")
	p.see("#pause[aria-pressed=true]", "")
	submit(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	p.see("#held input", "220 ")
	p.press("ArrowRight")
	p.see("#held input", "EHLO")
	p.tabTo("#held input")
	p.eval("document.activeElement.select()", nil)
	p.write("NOOP")
	p.tabTo("#held .edit")
	p.press("Enter")
	p.see("#held input", "250")
	p.eval("document.activeElement.blur()", nil)
	p.press("Space")
	p.until("nothing is held", `document.querySelector("#held").hidden`)
	p.see("#rungs .text", "NOOP")
}

// Language, colours and the projector's letters, without a mouse, on every page.
func TestShellByKeyboard(t *testing.T) {
	p := open(t, startLab(t), "/")
	p.see("#state", p.texts.of("shell.live"))
	p.press("Tab")
	p.see(".skip:focus", p.texts.of("shell.skip"))
	p.press("Enter")
	p.until("the content has the focus", `document.activeElement.id === "content"`)
	p.write("P")
	p.until("the letters are large", `parseFloat(getComputedStyle(document.documentElement).fontSize) >= 22`)
	p.write("l")
	p.texts.lang = "th"
	p.see("nav a[aria-current]", p.texts.of("shell.nav.journey"))
	p.until("the letters are still large", `document.documentElement.dataset.projector === "yes"`)
}

// Every control can be reached by Tab, is in sight when it is, and shows the focus.
func TestFocusIsSeen(t *testing.T) {
	l := startLab(t)
	scene(t, l)
	for _, one := range stages() {
		t.Run(one.name, func(t *testing.T) {
			p := open(t, l, one.path)
			one.act(p)
			p.eval(`document.activeElement.blur()`, nil)
			seen := map[string]bool{}
			for range 150 {
				p.press("Tab")
				at := p.focused() // none between the last control and the first
				if at.Fault != "" && !seen[at.Name] {
					t.Errorf("%s: %s", at.Name, at.Fault)
				}
				seen[at.Name] = true
			}
			if len(seen) < 3 {
				t.Errorf("Tab reaches %d controls only", len(seen))
			}
		})
	}
}

// focused tells what has the focus, and what is wrong about how it shows.
func (p *page) focused() (at struct{ Name, Fault string }) {
	p.t.Helper()
	p.eval(`(() => {
		const e = document.activeElement;
		if (!e || e === document.body) return { Name: "" };
		const r = e.getBoundingClientRect(), s = getComputedStyle(e), name = e.outerHTML.slice(0, 120), faults = [];
		if (r.width < 2 || r.height < 2) faults.push("it has no size");
		if (r.bottom <= 0 || r.top >= innerHeight || r.right <= 0 || r.left >= innerWidth) faults.push("it is out of sight");
		if (s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 2) faults.push("its outline is " + s.outline);
		return { Name: name, Fault: faults.join(", ") };
	})()`, &at)
	return at
}

// tabTo presses Tab until the focus is on what matches a selector.
func (p *page) tabTo(selector string) {
	p.t.Helper()
	var way []string
	for range 100 {
		var there bool
		p.eval(fmt.Sprintf(`document.activeElement.matches(%s)`, quote(selector)), &there)
		if there {
			return
		}
		p.press("Tab")
		way = append(way, p.focused().Name)
	}
	p.t.Fatalf("Tab does not reach %s; it was at\n%s", selector, strings.Join(way, "\n"))
}

// chosen is the number of the rung that is chosen.
func (p *page) chosen() (n int) {
	p.t.Helper()
	p.eval(`Number(document.querySelector("#rungs [aria-current] .n").textContent)`, &n)
	return n
}
