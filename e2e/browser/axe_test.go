package browser_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// axeSource is the program axe-core, from the file that $GLASSMAIL_AXE names.
func axeSource(t *testing.T) string {
	t.Helper()
	path := os.Getenv("GLASSMAIL_AXE")
	if path == "" {
		t.Skip("GLASSMAIL_AXE names no axe.min.js: npm install axe-core")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// axe-core finds no violation on any page, in both languages, light and dark, with
// the projector's letters, and on a phone.
func TestAxe(t *testing.T) {
	needBrowser(t)
	axe := axeSource(t)
	l := startLab(t)
	scene(t, l)
	for _, one := range stages() {
		t.Run(one.name, func(t *testing.T) {
			for _, lang := range []string{"en", "th"} {
				p := openAs(t, l, one.path, look{width: 1280, height: 800, lang: lang, theme: "light"})
				one.act(p)
				for _, how := range []look{
					{1280, 800, lang, "light", false}, {1280, 800, lang, "dark", false}, {1280, 800, lang, "light", true},
					{1280, 800, lang, "dark", true}, {390, 844, lang, "light", false}, {390, 844, lang, "dark", false},
				} {
					p.wear(how)
					p.axe(axe, fmt.Sprintf("%s, %s, %d wide, projector %v", lang, how.theme, how.width, how.projector))
				}
			}
		})
	}
}

// Dialogs are no exception.
func TestAxeInDialogs(t *testing.T) {
	needBrowser(t)
	axe := axeSource(t)
	l := startLab(t)
	for name, at := range map[string]struct{ path, button string }{
		"keys": {"/dns", "shell.keys"}, "breakpoint": {"/", "journey.break"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, l, at.path)
			p.click("button", p.texts.of(at.button))
			p.see("dialog[open]", "")
			p.axe(axe, "in the dialog")
		})
	}
}

// wear changes the look of a page without loading it anew.
func (p *page) wear(how look) {
	p.t.Helper()
	p.resize(how.width, how.height)
	projector := "no"
	if how.projector {
		projector = "yes"
	}
	p.eval(fmt.Sprintf(`Object.assign(document.documentElement.dataset, {theme: %q, projector: %q})`, how.theme, projector), nil)
}

// axe runs axe-core and reports each violation with the elements that have it.
func (p *page) axe(source, where string) {
	p.t.Helper()
	p.eval("if (!window.axe) { "+source+"\n}", nil)
	var found []struct {
		ID, Help string
		Nodes    []struct {
			HTML           string `json:"html"`
			FailureSummary string `json:"failureSummary"`
		}
	}
	p.eval(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations)`, &found)
	for _, v := range found {
		var nodes strings.Builder
		for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
			fmt.Fprintf(&nodes, "\n  %s\n    %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n    "))
		}
		p.t.Errorf("%s: %s (%s), %d times:%s", where, v.Help, v.ID, len(v.Nodes), nodes.String())
	}
}
