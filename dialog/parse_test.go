package dialog

import (
	"strings"
	"testing"
)

func TestParseForms(t *testing.T) {
	s, err := Parse("forms", strings.Join([]string{
		"# comment", "", "* a remark, * STARTTLS within it", "* QUITTING now",
		"S: 220 x", "C:", "C:  two blanks", "S~ 250 .*", "S...", "S: a1 OK\t", `C= "a\r\n\x00"`,
		"> imap", ">", "* STARTTLS", "* END", "* HANGUP\r",
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"S: 220 x", "C:", "C:  two blanks", "S~ 250 .*", "S...", "S: a1 OK\t", `C= "a\r\n\x00"`,
		"> imap", "> ", "* STARTTLS", "* END", "* HANGUP"}
	if len(s.steps) != len(want) {
		t.Fatalf("%d steps, want %d", len(s.steps), len(want))
	}
	for i, st := range s.steps {
		if st.String() != want[i] {
			t.Errorf("step %d is %q, want %q", i, st, want[i])
		}
	}
	if s.steps[0].at != 5 {
		t.Errorf("the first step is said to be on line %d, not 5", s.steps[0].at)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"\n220 x", "f:2: \"220 x\" begins with none of"},
		{"C HELO", "after C comes"},
		{"C", "after C comes"},
		{"C:HELO", "a blank is missing"},
		{"S~ (", "the pattern"},
		{"C= abc", "Go's quotes"},
		{`C= ""`, "at least one byte"},
		{"* STARTLS", "no directive"},
		{"S...", "at which it stops"},
		{"S...\nC: x", "at which it stops"},
		{"C...\n* END", "at which it stops"},
		{"S....", "after S comes"},
		{"C: a\rb", "bare CR"},
		{strings.Repeat("#", MaxScript+1), "longer than"},
	} {
		_, err := Parse("f", c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", clip(c.text), err, c.want)
		}
	}
}

func TestLectureIsComplete(t *testing.T) {
	s, err := Parse("lecture.dialog", Lecture)
	if err != nil {
		t.Fatal(err)
	}
	said := map[byte]int{}
	for _, st := range s.steps {
		said[st.part]++
	}
	if said[client] != 8 || said[server] != 7 {
		t.Errorf("%d lines of the client and %d of the server, want 8 and 7", said[client], said[server])
	}
}

func TestBlocks(t *testing.T) {
	const md = "# x\n\n```sh\nC: not this\n```\n" +
		"1. item\n\n   ```dialog mail.hamburger.edu:25\n   S: 220 x\n   C:  y\n   ```\n" +
		"````markdown\n```dialog\nnor this\n```\n````\n" +
		"~~~ dialog\n* END\n~~~\n" +
		"inline ```dialog``` code\n"
	got, err := Blocks("README.md", md)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d blocks, want 2", len(got))
	}
	if got[0].Target != "mail.hamburger.edu:25" || len(got[0].steps) != 2 || got[0].steps[0].at != 9 || got[0].steps[1].text != " y" {
		t.Errorf("the first block came out as %+v", got[0])
	}
	if got[1].Target != "" || len(got[1].steps) != 1 || got[1].steps[0].kind != end {
		t.Errorf("the second block came out as %+v", got[1])
	}
	if _, err := Blocks("README.md", "```dialog\nwrong\n```"); err == nil || !strings.HasPrefix(err.Error(), "README.md:2: ") {
		t.Errorf("an error in a block is %v", err)
	}
	if _, err := Blocks("README.md", "a\n```dialog\nS: x"); err == nil || !strings.HasPrefix(err.Error(), "README.md:2: ") {
		t.Errorf("an open block is %v", err)
	}
}

// FuzzParse: whatever parses is written so that it parses to the same.
func FuzzParse(f *testing.F) {
	f.Add(Lecture)
	f.Add("S...\nS~ a.*\nC= \"\\x00\"\n> x\n* STARTTLS\n* END\n")
	f.Add("> x\r\nC: é \n*STARTTLS")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse("a", text)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, st := range a.steps {
			b.WriteString(st.String() + "\n")
		}
		again, err := Parse("b", b.String())
		if err != nil {
			t.Fatalf("written as %q: %v", b.String(), err)
		}
		if len(again.steps) != len(a.steps) {
			t.Fatalf("%d steps became %d", len(a.steps), len(again.steps))
		}
		for i := range a.steps {
			if a.steps[i].String() != again.steps[i].String() || a.steps[i].kind != again.steps[i].kind {
				t.Fatalf("step %q became %q", a.steps[i], again.steps[i])
			}
		}
	})
}

func FuzzBlocks(f *testing.F) {
	f.Add("```dialog x\nC: y\n```\n")
	f.Add("~~~~dialog\n* END\n~~~~~")
	f.Fuzz(func(t *testing.T, md string) {
		got, err := Blocks("f", md)
		lines := strings.Count(md, "\n") + 1
		for _, s := range got {
			for _, st := range s.steps {
				if st.at < 1 || st.at > lines {
					t.Fatalf("a step on line %d of %d", st.at, lines)
				}
			}
		}
		if err != nil && got != nil {
			t.Fatal("blocks came with an error")
		}
	})
}
