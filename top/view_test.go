package top

import (
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
)

func TestPages(t *testing.T) {
	s := newScreen(t, "en")
	s.want("[1]journeys", "● crepes.fr · hamburger.edu", "alice@crepes.fr", "bob@hamburger.edu", "น้ำจิ้ม", "relaying")
	s.press("2")
	s.want("edu.", "a.edu.", " 90s edu.", "said by 192.0.2.1 for .", "signatures: secure")
	s.wantNot("old.", "alice")
	s.press("3")
	s.want("60s", "451 later", "mail.hamburger.edu said: 451 later", "held")
	s.press("4")
	s.want("SMTP+TLS", "b:25", "5s", "crepes.fr is the client here", "3 lines")
	s.press("tab")
	s.want("น้ำจิ้ม")
	s.press("shift+tab")
	s.want("SMTP+TLS")
}

// What is left of a TTL goes down by itself.
func TestTTLGoesDown(t *testing.T) {
	s := newScreen(t, "en")
	s.press("2")
	s.now = s.now.Add(30 * time.Second)
	s.want(" 60s edu.")
	s.now = s.now.Add(time.Minute)
	s.wantNot("edu. ")
}

// A long answer leaves room for the list.
func TestLongDetail(t *testing.T) {
	s := newScreen(t, "en")
	s.api.answer("/queue", map[string]any{"items": []waiting{{ID: "q", To: "bob@hamburger.edu", Reply: strings.Repeat("451 not now, ", 100)}}})
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 12})
	s.press("3")
	s.want("last answer", "▸", "→ bob@hamburger.edu")
}

func TestLanguages(t *testing.T) {
	s := newScreen(t, "th")
	s.want("การเดินทาง", "กำลังส่งต่อ")
	s.press("enter", "home", "down")
	s.want("S: 220 crepes.fr", "สำเร็จ")
	s.press("l")
	s.want("journeys", "S: 220 crepes.fr", "done")
	s.wantNot("สำเร็จ")
}

func TestHelp(t *testing.T) {
	for _, lang := range []string{"en", "th"} {
		s := newScreen(t, lang)
		s.press("?")
		for _, b := range bindings() {
			s.want(b.shown, s.text("top.key."+b.name))
		}
		s.press("x")
		s.want("alice@crepes.fr")
	}
}

// The keys at the bottom are all to be read on the smallest usual terminal.
func TestFootFits(t *testing.T) {
	for _, lang := range []string{"en", "th"} {
		s := newScreen(t, lang)
		for _, keys := range [][]string{{"1"}, {"enter"}, {"?"}} {
			s.press(keys...)
			if foot := bare(s.foot()); strings.HasSuffix(foot, "…") {
				t.Errorf("%s: %s", lang, foot)
			}
		}
	}
}

// Every screen has exactly the size of the terminal, in every language, on every
// page; nothing that a terminal would obey is in it but SGR.
func TestFits(t *testing.T) {
	for _, lang := range []string{"en", "th"} {
		s := newScreen(t, lang)
		for _, keys := range [][]string{{}, {"enter"}, {"home"}, {"b"}, {"f"}, {"?"}, {"?", "2"}, {"3"}, {"4"}, {"/", "x"}, {"enter", "?"}, {"x", "esc", "1", "w"}} {
			s.press(keys...)
			for w := 20; w <= 180; w += 13 {
				for _, h := range []int{5, 8, 12, 24, 50} {
					s.Update(tea.WindowSizeMsg{Width: w, Height: h})
					checkSize(t, s, w, h)
				}
			}
		}
	}
}

func checkSize(t *testing.T, s *screen, w, h int) {
	t.Helper()
	lines := strings.Split(s.shows(), "\n")
	if len(lines) > h || w >= leastWidth && h >= leastHeight && len(lines) != h {
		t.Fatalf("%d lines on a screen of %d×%d:\n%s", len(lines), w, h, s.shows())
	}
	for _, line := range lines {
		if width(line) > w {
			t.Fatalf("a line of %d cells on a screen of %d×%d:\n%s", width(line), w, h, s.shows())
		}
		if strings.ContainsFunc(line, unsafe) {
			t.Fatalf("control characters on the screen: %q", line)
		}
	}
}

// Without colour, there is none; nothing else is missing.
func TestNoColour(t *testing.T) {
	s := newScreen(t, "en")
	s.press("enter")
	if !strings.Contains(s.View(), "\x1b[38;5;") {
		t.Fatal("there is no colour to leave out")
	}
	with := s.shows()
	s.paint.colour = false
	if strings.Contains(s.View(), "[38;") || s.shows() != with {
		t.Error("without colour, the screen is another one, or has some")
	}
}

func TestASCII(t *testing.T) {
	s := newScreen(t, "en")
	s.paint.ascii = true
	for _, keys := range [][]string{{"1"}, {"2"}, {"3"}, {"/", "z"}, {"esc", "4"}, {"1", "enter"}, {"?"}} {
		s.press(keys...)
		for _, r := range s.shows() {
			if r > 0x7e && !unicode.Is(unicode.Thai, r) { // the name of a language, texts of others
				t.Errorf("%q on page %v:\n%s", r, keys, s.shows())
				break
			}
		}
	}
}
