package top

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"

	"glassmail/trace"
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

func TestLadder(t *testing.T) {
	s := newScreen(t, "en")
	s.press("enter")
	s.want("phase 3 of 3: Closure", "alice@crepes.fr → bob@hamburger.edu", "queue▸DNS▸", "[relaying]", "alice", "dns.ny", "S: 221 closing", "221 = done")
	if !s.following || s.rung != len(s.ladder.rungs)-1 {
		t.Errorf("rung %d of %d is chosen, following %v", s.rung, len(s.ladder.rungs), s.following)
	}
	s.press("home", "down", "down", "down")
	s.want("S: 250-crepes.fr Hello", "and 2 lines more")
	if s.following {
		t.Error("it follows, though another rung was chosen")
	}
	s.press("b")
	s.want("32 35 30", "0d 0a")
	s.press("b", "f", "down")
	s.want("S: 250-8BITMIME")
	s.wantNot("0d 0a", "and 2 lines")
	s.press("m")
	s.wantNot("8BITMIME: bytes")
	s.press("esc")
	s.want("[1]journeys")
	if s.opened != "" {
		t.Error("Esc does not lead back")
	}
}

// The newest line stays chosen while more come, until the reader looks elsewhere.
func TestFollows(t *testing.T) {
	s := newScreen(t, "en")
	s.press("enter")
	before := s.rung
	grow := func(text string) {
		d := s.api.answers["/journeys/m1"].(trace.Detail)
		step := d.Steps[len(d.Steps)-1]
		step.Seq, step.Mirror, step.Kind, step.Dir, step.Text = step.Seq+1, false, trace.Note, trace.Self, text
		d.Steps = append(d.Steps[:len(d.Steps):len(d.Steps)], step)
		s.api.answer("/journeys/m1", d)
		s.tell(found{})
	}
	grow("one more")
	if s.rung != before+1 {
		t.Errorf("rung %d, want %d", s.rung, before+1)
	}
	s.want("* one more")
	s.press("up", "up")
	at := s.rung
	grow("yet one more")
	if s.rung != at {
		t.Errorf("rung %d was chosen, now %d is", at, s.rung)
	}
	s.press("end")
	s.want("* yet one more")
}

// The chosen row is the same when others come before it; the first row stays the
// newest.
func TestChoiceIsKept(t *testing.T) {
	s := newScreen(t, "en")
	add := func(id string) {
		list := s.api.answers["/journeys"].(map[string]any)["items"].([]trace.Journey)
		s.api.answer("/journeys", map[string]any{"items": append([]trace.Journey{{ID: id, From: id + "@x"}}, list...)})
		s.tell(found{})
	}
	add("m2")
	if got := s.current().key; got != "m2" {
		t.Errorf("chosen %q, want the newest", got)
	}
	s.press("down")
	add("m3")
	if got := s.current().key; got != "m1" {
		t.Errorf("chosen %q, want m1", got)
	}
}

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
	want := `POST /hold/pause
POST /hold/step
POST /hold/resume
PUT /hold/speed {"speed":5}
PUT /hold/speed {"speed":0}
POST /queue/q1~x/retry
POST /queue/q1~x/hold
POST /queue/q2~x/release`
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

// A connection is followed line by line from its first word on, before there is
// any message.
func TestConversation(t *testing.T) {
	s := newScreen(t, "en")
	event := func(kind trace.Kind, dir trace.Dir, text string) {
		s.tell(happened{[]trace.Event{{Conn: 9, Node: "crepes.fr", Proto: trace.SMTP, Kind: kind, Dir: dir, Side: trace.Server,
			Local: "127.0.0.1:2525", Remote: "127.0.0.1:40009", Text: text}}})
	}
	event(trace.Open, '*', "open")
	event(trace.Line, 'S', "220 crepes.fr")
	s.tell(happened{[]trace.Event{{Conn: 8, Node: "crepes.fr", Proto: trace.SMTP, Kind: trace.Line, Dir: 'C', Text: "NOOP"}}})
	s.press("4", "enter")
	s.want("SMTP: 127.0.0.1:40009 → 127.0.0.1:2525", "S: 220 crepes.fr", "who you are: HELO or EHLO")
	event(trace.Line, 'C', "HELO hamburger.edu")
	s.want("C: HELO hamburger.edu", "◀╌220 crepes.fr")
	s.wantNot("NOOP")
	s.press("p")
	s.want("Choose a journey first")
	s.press("esc")
	s.want("SMTP+TLS")
	s.tell(found{})
	s.press("enter")
	s.want("not kept any more")
}

// What was asked for another page comes too late to be shown.
func TestLateAnswer(t *testing.T) {
	s := newScreen(t, "en")
	late, err := s.o.Client.snapshot(t.Context(), journeysPage, "", s.o.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.press("2")
	s.tell(read{late})
	s.want("said by 192.0.2.1")
}

// However much happens, one reading is under way at a time, and one more after it.
func TestReadsAreRare(t *testing.T) {
	s := newScreen(t, "en")
	_, first := s.Update(found{})
	for range 5 {
		if _, more := s.Update(happened{}); more != nil {
			t.Fatal("it reads while it reads")
		}
	}
	s.Update(first())
	_, again := s.Update(rested{})
	if again == nil {
		t.Fatal("what happened meanwhile is not read")
	}
	s.Update(again())
	if _, more := s.Update(rested{}); more != nil {
		t.Error("it reads though nothing happened")
	}
}

// A long answer leaves room for the list.
func TestLongDetail(t *testing.T) {
	s := newScreen(t, "en")
	s.api.answer("/queue", map[string]any{"items": []waiting{{ID: "q", To: "bob@hamburger.edu", Reply: strings.Repeat("451 not now, ", 100)}}})
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 12})
	s.press("3")
	s.want("last answer", "▸", "→ bob@hamburger.edu")
}

// Only the newest events are kept.
func TestEventsAreBounded(t *testing.T) {
	s := newScreen(t, "en")
	for i := range 2*maxEvents + 1 {
		s.Update(happened{[]trace.Event{{Seq: uint64(i)}}})
		if len(s.events) > maxEvents {
			t.Fatalf("%d events are kept", len(s.events))
		}
	}
	if n := len(s.events); n < maxEvents/2 || s.events[n-1].Seq != 2*maxEvents {
		t.Errorf("%d events are kept, the newest is %d", n, s.events[n-1].Seq)
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

// What was read stays when the server goes away, and is called old.
func TestLostAndBack(t *testing.T) {
	s := newScreen(t, "en")
	s.api.Close()
	s.tell(found{})
	s.want("✕ no answer, trying again", "What you see is old", "connection refused", "alice@crepes.fr")
	back := newAPI(t)
	s.o.Client.Find = func() (string, error) { return back.URL, nil }
	s.settle(s.refresh())
	s.want("● crepes.fr")
	s.wantNot("What you see is old")
	s.Update(lost{errors.New("stream\x1b]0;x\a")})
	s.want(`stream\x1b]0;x\x07`)
	s.o.Client.Find = func() (string, error) { return "", errors.New("no lab") }
	s.Update(rested{})
	s.settle(s.refresh())
	s.want("no lab")
}

func TestRefused(t *testing.T) {
	s := newScreen(t, "en")
	s.api.answer("/node", &refusal{401, "the token is missing"})
	s.settle(s.refresh())
	s.want("✕ the server refuses", "the token is missing", "--token-file")
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

// A journey that the server has forgotten is said to be gone.
func TestGone(t *testing.T) {
	s := newScreen(t, "en")
	s.settle(s.open(journeysPage, "gone"))
	s.want("not kept any more")
	s.press("up", "n", "b")
	s.press("3", "enter")
	s.want("S: 221 closing")
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
