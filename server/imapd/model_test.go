package imapd

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"glassmail/mailbox"
)

// follower is a client that believes everything it is told and checks it.
type follower struct {
	*client
	name string
	uids []int // of each sequence number, 0 if not known yet
}

// run sends a command and follows what comes back.
func (f *follower) run(t *rapid.T, command string) {
	verb := command[:strings.IndexByte(command+" ", ' ')]
	for l := range strings.Lines(f.try("a " + command)) {
		f.follow(t, verb, strings.TrimSpace(l))
	}
}

func (f *follower) follow(t *rapid.T, verb, line string) {
	var n int
	var kind string
	if k, _ := fmt.Sscanf(line, "* %d %s", &n, &kind); k != 2 {
		return
	}
	switch kind {
	case "EXISTS":
		if n < len(f.uids) {
			t.Fatalf("%s: %s shrinks from %d", f.name, line, len(f.uids))
		}
		f.uids = append(f.uids, make([]int, n-len(f.uids))...)
	case "EXPUNGE":
		if verb == "FETCH" || verb == "STORE" || verb == "SEARCH" {
			t.Fatalf("%s: %s during %s", f.name, line, verb)
		}
		if n < 1 || n > len(f.uids) {
			t.Fatalf("%s: %s of %d", f.name, line, len(f.uids))
		}
		f.uids = slices.Delete(f.uids, n-1, n)
	case "FETCH":
		m := regexp.MustCompile(`UID (\d+)`).FindStringSubmatch(line)
		if n < 1 || n > len(f.uids) {
			t.Fatalf("%s: %s of %d", f.name, line, len(f.uids))
		}
		if m == nil {
			return
		}
		uid, _ := strconv.Atoi(m[1])
		if f.uids[n-1] != 0 && f.uids[n-1] != uid {
			t.Fatalf("%s: %s was %d", f.name, line, f.uids[n-1])
		}
		f.uids[n-1] = uid
	}
}

// Two clients change one folder while mail comes in. Each must be able to follow
// by what it is told alone.
func TestTwoClientsFollow(t *testing.T) {
	s := newSite(t, nil)
	boss := s.bob(t)
	boss.run("x CREATE other")
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		folder := fmt.Sprintf("f%d", round)
		boss.try("x CREATE " + folder)
		fs := []*follower{{client: s.bob(boss.t), name: "one"}, {client: s.bob(boss.t), name: "two"}}
		for _, f := range fs {
			f.run(t, "SELECT "+folder)
		}
		set := rapid.SampledFrom([]string{"1", "*", "1:2", "2:*", "1:*"})
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			f := fs[rapid.IntRange(0, 1).Draw(t, "who")]
			switch rapid.IntRange(0, 10).Draw(t, "what") {
			case 0, 1:
				for range rapid.IntRange(1, 3).Draw(t, "mails") {
					s.deliverTo(boss.t, folder, hello)
				}
			case 2:
				f.run(t, "NOOP")
			case 3:
				f.run(t, "FETCH "+set.Draw(t, "set")+" (UID FLAGS)")
			case 4:
				f.run(t, "STORE "+set.Draw(t, "set")+" +FLAGS (\\Deleted)")
			case 5:
				f.run(t, "STORE "+set.Draw(t, "set")+" -FLAGS.SILENT (\\Deleted)")
			case 6:
				f.run(t, "EXPUNGE")
			case 7:
				f.run(t, "SEARCH DELETED")
			case 8:
				f.run(t, "MOVE "+set.Draw(t, "set")+" other")
			case 9:
				f.run(t, "COPY "+set.Draw(t, "set")+" "+folder)
			case 10:
				f.run(t, "UID STORE 1:* FLAGS (k)")
			}
		}
		for _, f := range fs {
			f.run(t, "NOOP")
			f.run(t, "FETCH 1:* (UID)")
			f.Close()
		}
		want := []int{}
		id := s.folder(boss.t, folder).ID
		for m, err := range s.Messages(context.Background(), id, mailbox.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, int(m.UID))
		}
		for _, f := range fs {
			if !slices.Equal(f.uids, want) {
				t.Fatalf("%s believes %v, the folder has %v", f.name, f.uids, want)
			}
		}
		boss.try("x DELETE " + folder)
	})
}

// What the encoder quotes, the grammar reads back.
func TestStringRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		e := encoder{utf8: rapid.Bool().Draw(t, "utf8")}
		e.string(string(want))
		got := e.b
		if got[0] == '"' {
			if n := tokenLen(got); n != len(got) || bytes.ContainsAny(got, "\x00\r\n") {
				t.Fatalf("%q", got)
			}
			got = regexp.MustCompile(`(?s)\\(.)`).ReplaceAll(got[1:len(got)-1], []byte("$1"))
		} else {
			head := fmt.Sprintf("{%d}\r\n", len(want))
			if !bytes.HasPrefix(got, []byte(head)) {
				t.Fatalf("%q", got)
			}
			got = got[len(head):]
			want = bytes.ReplaceAll(want, []byte{0}, []byte{'?'})
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
