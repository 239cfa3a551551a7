package top

import (
	"os"
	"strings"
	"testing"
)

// block is the picture behind a title in docs/top.md.
func block(t *testing.T, title string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/top.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "\n"+title+"\n")
	_, rest, fenced := strings.Cut(rest, "```text\n")
	picture, _, closed := strings.Cut(rest, "\n```")
	if !ok || !fenced || !closed {
		t.Fatalf("docs/top.md has no picture behind %q", title)
	}
	return picture
}

// trimmed is a screen without blanks at the ends of its lines.
func trimmed(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// The pictures in the documentation are what is shown.
func TestDocumentation(t *testing.T) {
	s := newScreen(t, "en")
	s.press("enter", "/", "R", "C", "P", "T", "enter", "esc", "b")
	for title, got := range map[string]string{"## The ladder of a journey": s.shows()} {
		if want := block(t, title); trimmed(got) != want {
			t.Errorf("%s: docs/top.md shows\n%s\nit is\n%s", title, want, trimmed(got))
		}
	}
	b, err := os.ReadFile("../docs/top.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range bindings() {
		if !strings.Contains(string(b), "`"+strings.ReplaceAll(k.shown, " ", "` `")+"`") {
			t.Errorf("docs/top.md does not tell of the key %s", k.shown)
		}
	}
}
