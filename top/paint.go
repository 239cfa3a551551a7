package top

import "strings"

// painter marks text for the eye. What it marks is told by letters, arrows and
// line styles too.
type painter struct {
	colour bool
	ascii  bool
}

// Colours that stand out from black and from white with a contrast of at least 3.
const (
	blue      = "38;5;32"  // what clients say
	vermilion = "38;5;166" // what servers say
	green     = "38;5;29"  // the name system
)

func sgr(code, s string) string {
	if s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string    { return sgr("1", s) }
func (p painter) reverse(s string) string { return sgr("7", s) }

func (p painter) tint(code, s string) string {
	if !p.colour {
		return s
	}
	return sgr(code, s)
}

// screen joins lines to what is shown.
func (p painter) screen(lines []string) string {
	s := strings.Join(lines, "\n")
	if !p.ascii {
		return s
	}
	return strings.NewReplacer("│", "|", "─", "-", "═", "=", "╌", ".", "╍", ":", "▶", ">", "◀", "<", "▸", ">", "→", ">", "…", "~",
		"⏸", "!", "●", "*", "✕", "x", "·", "-", "↑", "^", "↓", "v", "↔", "-", "“", `"`, "”", `"`, "×", "x", "§", "s", "▏", "_").Replace(s)
}
