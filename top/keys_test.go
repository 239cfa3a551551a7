package top

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

func TestKeysChangeTheLab(t *testing.T) {
	s := newScreen(t, "en")
	s.press(" ")
	s.want("Every line waits now")
	s.api.answer("/hold", map[string]any{"paused": true, "held": []any{map[string]any{"node": "crepes.fr", "dir": "S", "text": "220 hi\x1b[2J"}}})
	s.settle(s.refresh())
	s.want("⏸ paused, 1 line waits", `next, at crepes.fr: S: 220 hi\x1b[2J`)
	s.press("right", " ", "-", "+")
	s.press("r")
	s.want("press 3")
	s.press("3", "r", "h", "down", "h")
	s.press("x")
	s.want("press 4")
	s.press("4", "x")
	s.want("The connection is cut.")
	s.press("enter", "x")
	want := `POST /hold/pause
POST /hold/step
POST /hold/resume
PUT /hold/speed {"speed":5}
PUT /hold/speed {"speed":0}
POST /queue/q1~x/retry
POST /queue/q1~x/hold
POST /queue/q2~x/release
DELETE /sessions/9
DELETE /sessions/9`
	if got := s.api.changes(); got != want {
		t.Errorf("it asked for\n%s\nwant\n%s", got, want)
	}
}

func TestSpeeds(t *testing.T) {
	var down, up []float64
	for v := slower(0); ; v = slower(v) {
		down = append(down, v)
		if slower(v) == v {
			break
		}
	}
	for v := faster(0.5); ; v = faster(v) {
		up = append(up, v)
		if v == 0 {
			break
		}
	}
	if len(down) != 4 || down[0] != 5 || down[3] != 0.5 || len(up) != 4 || up[0] != 1 || up[2] != 5 {
		t.Errorf("slower %v, faster %v", down, up)
	}
}

// A node that is no lab cannot hold lines, and says so.
func TestNoLab(t *testing.T) {
	s := newScreen(t, "en")
	s.api.answer("/node", map[string]any{"features": map[string]bool{"journeys": true}})
	s.settle(s.refresh())
	s.press(" ", "right", "-")
	s.want("Lines can be held in a lab only.")
	s.press("w")
	s.want("sent again in a lab only")
	if got := s.api.changes(); got != "" {
		t.Errorf("it asked for %s", got)
	}
	delete(s.api.answers, "/dns/cache")
	s.press("2")
	s.want("this server has none")
}

func TestSearch(t *testing.T) {
	s := newScreen(t, "en")
	s.press("/", "k", "e", "t", "c", "X")
	s.want("/ketcX")
	s.want("Nothing contains")
	s.press("backspace", "enter")
	s.want("“ketc”", "alice@crepes.fr")
	s.press("esc", "enter", "/", "H", "E", "L", "O", "enter")
	s.want("C: HELO crepes.fr")
	s.press("/", "o", "k", "enter")
	first := s.rung
	s.press("n")
	second := s.rung
	s.press("N")
	if first == second || s.rung != first {
		t.Errorf("found %d, then %d, and back %d", first, second, s.rung)
	}
	s.press("/", "z", "z", "z", "enter")
	s.want("Nothing contains “zzz”.")
	s.press("/", "q", "\x1b", "esc")
	if s.search != "" || s.typing {
		t.Error("Esc does not end the search")
	}
}

// Keys that come together are as many keys; text that is pasted is none.
func TestKeysTogether(t *testing.T) {
	s := newScreen(t, "en")
	s.press("/zz")
	s.want("/zz", "Nothing contains")
	s.press("esc")
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("/yy"), Paste: true})
	s.wantNot("yy")
	s.press("/")
	s.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("pasted"), Paste: true})
	s.want("/pasted")
}

// No key has two meanings.
func TestBindings(t *testing.T) {
	seen := map[string]string{}
	for _, b := range bindings() {
		for _, k := range b.keys {
			if seen[k] != "" {
				t.Errorf("%q is %s and %s", k, seen[k], b.name)
			}
			seen[k] = b.name
		}
	}
}

func TestQuit(t *testing.T) {
	for _, keys := range [][]tea.KeyMsg{
		{{Type: tea.KeyRunes, Runes: []rune("q")}},
		{{Type: tea.KeyRunes, Runes: []rune("/")}, {Type: tea.KeyCtrlC}},
	} {
		s := newScreen(t, "en")
		var cmd tea.Cmd
		for _, k := range keys {
			_, cmd = s.Update(k)
		}
		if cmd == nil {
			t.Fatalf("%v does not quit", keys)
		}
		if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Errorf("%v does not quit", keys)
		}
	}
}

func TestSaves(t *testing.T) {
	s := newScreen(t, "en")
	s.press("2", "p")
	s.want("Choose a journey first")
	s.press("1", "enter", "p")
	s.want("Saved for Wireshark")
	b, err := os.ReadFile(filepath.Join(s.o.Dir, "journey-m1.pcapng"))
	if err != nil || !strings.Contains(string(b), "packets") {
		t.Errorf("saved %q, %v", b, err)
	}
	s.api.answer("/journeys/../a.pcapng", "packets")
	s.settle(s.open(journeysPage, "../a"))
	s.press("p")
	if _, err := os.Stat(filepath.Join(s.o.Dir, "journey-___a.pcapng")); err != nil {
		t.Errorf("an id with a path in it: %v", err)
	}
	if got := fileName("../a/สb\x00"); got != "___a__b_" {
		t.Errorf("file name %q", got)
	}
	s.o.Dir = filepath.Join(s.o.Dir, "missing")
	s.press("p")
	s.want("That did not work")
}

func TestWhatIf(t *testing.T) {
	s := newScreen(t, "en")
	s.press("2", "w")
	s.want("Choose a journey first")
	s.press("1", "w")
	s.want("What if one fact were different?", "1  the mail host (MX)", "6  MX records")
	s.press("x")
	s.wantNot("What if")
	s.press("w", "9", "w", "1")
	s.want("That did not work: there is no /whatif")
	s.api.answer("/whatif", map[string]any{"journey": "m1", "state": "bounced"})
	s.press("w", "3")
	s.want("sent again: bounced", "[relaying]")
	s.api.answer("/whatif", map[string]any{"journey": "m1", "state": "bounced", "note": "the text was lost"})
	s.press("w", "1")
	s.want("the text was lost")
	want := `POST /whatif {"change":{"kind":"mx-down"},"journey":"m1"}
POST /whatif {"change":{"command":"RCPT","kind":"reply","text":"550 5.1.1 User unknown"},"journey":"m1"}
POST /whatif {"change":{"kind":"mx-down"},"journey":"m1"}`
	if got := s.api.changes(); got != want {
		t.Errorf("it asked for\n%s\nwant\n%s", got, want)
	}
}
