package intercept_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"glassmail/intercept"
	"glassmail/trace"
	"glassmail/wire"
)

// What a person does to a line that waits is what its connection gets.
func TestDo(t *testing.T) {
	for _, c := range []struct {
		name, deed, text string
		point            wire.Line
		want             wire.Verdict
	}{
		{"pass a command", intercept.DeedPass, "", client("MAIL", "MAIL FROM:<a@b>"), wire.Verdict{}},
		{"edit a command", intercept.DeedEdit, "MAIL FROM:<>", client("MAIL", "MAIL FROM:<a@b>"), wire.Verdict{Action: wire.Edit, Text: "MAIL FROM:<>"}},
		{"drop a command", intercept.DeedDrop, "", client("MAIL", "MAIL FROM:<a@b>"), wire.Verdict{Action: wire.Drop}},
		{"edit a reply", intercept.DeedEdit, "451 4.3.0 not now", server("MAIL", "250 Ok"), wire.Verdict{Action: wire.Edit, Text: "451 4.3.0 not now"}},
		{"drop a reply", intercept.DeedDrop, "", server("MAIL", "250 Ok"), wire.Verdict{Action: wire.Drop}},
		{"an empty line", intercept.DeedEdit, "", client("MAIL", "MAIL FROM:<a@b>"), wire.Verdict{Action: wire.Edit}},
		{"drop a password", intercept.DeedDrop, "", secret(), wire.Verdict{Action: wire.Drop}},
		{"pass text", intercept.DeedPass, "", text(), wire.Verdict{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := newDesk(t)
			d.Pause()
			line := pass(t, d, c.point)
			h := held(t, d, 1)[0]
			if err := d.Do(h.ID, c.deed, c.text); err != nil {
				t.Fatal(err)
			}
			if v := went(t, line); v != c.want {
				t.Errorf("verdict %+v, want %+v", v, c.want)
			}
			if err := d.Do(h.ID, c.deed, c.text); !errors.Is(err, intercept.ErrNotFound) {
				t.Errorf("it was done twice: %v", err)
			}
			if len(held(t, d, 0)) != 0 || !d.State().Paused {
				t.Error("a deed on one line ended the pause")
			}
		})
	}
}

func secret() wire.Line {
	p := client("AUTH", "AUTH PLAIN ****")
	p.Secret = true
	return p
}

func text() wire.Line {
	p := client("DATA", "Subject: lunch")
	p.Data, p.Size = true, 500
	return p
}

// What cannot be done is refused with a reason, and the line goes on waiting.
func TestCannotDo(t *testing.T) {
	long := strings.Repeat("x", wire.MaxEdit+1)
	for _, c := range []struct {
		name, deed, text string
		point            wire.Line
		want             string
	}{
		{"no such deed", "burn", "", client("NOOP", "NOOP"), "it is pass, edit or drop"},
		{"a second line", intercept.DeedEdit, "NOOP\r\nRSET", client("NOOP", "NOOP"), "line end"},
		{"a NUL", intercept.DeedEdit, "NOOP\x00", client("NOOP", "NOOP"), "NUL"},
		{"too long", intercept.DeedEdit, long, client("NOOP", "NOOP"), "at most 2000"},
		{"edit a password", intercept.DeedEdit, "AUTH", secret(), "password"},
		{"edit text", intercept.DeedEdit, "Subject: x", text(), "only passed"},
		{"drop text", intercept.DeedDrop, "", text(), "only passed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := newDesk(t)
			d.Pause()
			line := pass(t, d, c.point)
			h := held(t, d, 1)[0]
			if h.Secret != c.point.Secret || h.Size != c.point.Size {
				t.Errorf("held as %+v", h)
			}
			if err := d.Do(h.ID, c.deed, c.text); !errors.Is(err, intercept.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want it to say %q", err, c.want)
			}
			held(t, d, 1)
			waits(t, line)
			d.Resume()
			went(t, line)
		})
	}
	d, _ := newDesk(t)
	for _, id := range []string{"", "h1"} {
		if err := d.Do(id, intercept.DeedPass, ""); !errors.Is(err, intercept.ErrNotFound) {
			t.Errorf("the line %q: %v", id, err)
		}
	}
}

// The page's form of a state has lists where nothing is, and the words of the wire.
func TestStateJSON(t *testing.T) {
	d, _ := newDesk(t)
	b, err := json.Marshal(d.State())
	if want := `{"enabled":true,"paused":false,"speed":0,"breakpoints":[],"held":[]}`; err != nil || string(b) != want {
		t.Errorf("%s, %v\nwant %s", b, err, want)
	}
	breakAt(t, d, intercept.Breakpoint{Where: intercept.Where{Proto: trace.SMTP, Dir: "S", Command: "RCPT"}})
	c := pass(t, d, server("RCPT", "250 2.1.5 Ok"))
	held(t, d, 1)
	b, err = json.Marshal(d.State())
	for _, want := range []string{
		`"breakpoints":[{"id":"b1","proto":"smtp","dir":"S","command":"RCPT"}]`,
		`"dir":"S","text":"250 2.1.5 Ok","command":"RCPT","state":"reply","why":"b1","since":"2026-05-04T12:00:00Z","releases":"2026-05-04T12:01:00Z"`,
	} {
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s, %v\nwant it to have %s", b, err, want)
		}
	}
	d.Resume()
	went(t, c)
}

// A journey is shown by the id that the pages have for it.
func TestJourneyShown(t *testing.T) {
	d := intercept.New(intercept.Options{Clock: wire.NewManual(start), Journey: known})
	t.Cleanup(d.Close)
	d.Pause()
	p := client("RCPT", "RCPT TO:<bob@hamburger.edu>")
	for i, c := range []struct{ raw, want string }{{"", ""}, {"second", "first"}, {"strange", "strange"}} {
		p.Journey = c.raw
		line := pass(t, d, p)
		if got := held(t, d, 1)[0].Journey; got != c.want {
			t.Errorf("journey %d: %q, want %q", i, got, c.want)
		}
		if err := d.Step(""); err != nil {
			t.Fatal(err)
		}
		went(t, line)
	}
}

// known is the journey of which the id "second" is another server's.
func known(raw string) string {
	return map[string]string{"first": "first", "second": "first"}[raw]
}
