package top

import (
	"errors"
	"testing"

	"glassmail/trace"
)

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

// What was read stays when the server goes away, and is called old.
func TestLostAndBack(t *testing.T) {
	s := newScreen(t, "en")
	s.api.Close()
	s.tell(found{})
	s.want("✕ no answer, trying again", "What you see is old", "connection refused", "alice@crepes.fr")
	back := newAPI(t)
	s.o.Client.Find = func() (string, string, error) { return back.URL, "", nil }
	s.settle(s.refresh())
	s.want("● crepes.fr")
	s.wantNot("What you see is old")
	s.Update(lost{errors.New("stream\x1b]0;x\a")})
	s.want(`stream\x1b]0;x\x07`)
	s.o.Client.Find = func() (string, string, error) { return "", "", errors.New("no lab") }
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

// A journey that the server has forgotten is said to be gone.
func TestGone(t *testing.T) {
	s := newScreen(t, "en")
	s.settle(s.open(journeysPage, "gone"))
	s.want("not kept any more")
	s.press("up", "n", "b")
	s.press("3", "enter")
	s.want("S: 221 closing")
}
