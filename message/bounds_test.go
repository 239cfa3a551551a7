package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// nestedMultiparts is the beginning of depth multiparts inside one another, whose
// boundaries are b0, b1 and so on.
func nestedMultiparts(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\n"
}

// The work for a line that might be a delimiter does not grow with the multiparts
// that are open: each line is looked up once, and once more if it might close one.
func TestDelimitersAreLookedUpOnce(t *testing.T) {
	for _, line := range []string{"--x\n", "--b7x\n", "--x--\n", "--b7-\n", "----\n", "--" + strings.Repeat("x", maxBoundary) + "\n", "--" + strings.Repeat("b", 2*maxBoundary) + "\n"} {
		const lines = 2000
		text := nestedMultiparts(MaxDepth-1) + strings.Repeat(line, lines)
		s := scanner{budget: budget{MaxTexts}}
		rec := new(Record)
		s.push(&rec.Root, 0, true)
		s.lines([]byte(text), 0, false, true)
		s.finish(int64(len(text)))
		if most := 2*lines + 3*MaxDepth; s.compared > most {
			t.Errorf("%.20q: %d looks for %d lines, at most %d are needed", line, s.compared, lines, most)
		}
	}
}

// FuzzDelimiter holds what is looked up against a search through all open parts.
func FuzzDelimiter(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		names := []string{"a", "a--", "a----", "b", "ab", "--", "-", strings.Repeat("l", maxBoundary)}
		s := scanner{budget: budget{MaxTexts}}
		rec := new(Record)
		s.push(&rec.Root, 0, true)
		for range 200 {
			line := names[random.IntN(len(names))] + []string{"", "--", " ", "-- \r\n", "\n"}[random.IntN(5)]
			level, closing := s.delimiter([]byte(line))
			if wantLevel, wantClosing := slowDelimiter(&s, []byte(line)); level != wantLevel || closing != wantClosing {
				t.Fatalf("%q: level %d, closing %v; want %d, %v", line, level, closing, wantLevel, wantClosing)
			}
			switch n := random.IntN(3); {
			case n == 0 && len(s.open) > 1:
				s.closeDownTo(random.IntN(len(s.open)-1)+1, 0, 0)
			case n == 1:
				s.awaited(&s.open[len(s.open)-1])
			case s.open[len(s.open)-1].boundary == "":
				s.await(names[random.IntN(len(names))])
			default:
				s.open = append(s.open, openPart{Part: new(Part)})
			}
			waiting := 0
			for _, o := range s.open {
				if o.boundary != "" {
					waiting++
				}
			}
			if waiting != s.waiting {
				t.Fatalf("%d parts wait, it counts %d", waiting, s.waiting)
			}
		}
	})
}

// slowDelimiter is what delimiter must find.
func slowDelimiter(s *scanner, l []byte) (level int, closing bool) {
	l = bytes.TrimRight(l, " \t\r\n")
	for i := len(s.open) - 1; i >= 0; i-- {
		b := s.open[i].boundary
		switch {
		case b == "" || !bytes.HasPrefix(l, []byte(b)):
		case len(l) == len(b):
			return i, false
		case string(l[len(b):]) == "--":
			return i, true
		}
	}
	return -1, false
}

// A value in pieces is put together in one look at each parameter, whatever order
// they come in; "01" and "+1" number nothing.
func TestPieces(t *testing.T) {
	for in, want := range map[string]string{
		"n*1=b;n*0=a;n*2=c":       "abc",
		"n*0=a;n*2=c":             "a",
		"n*0=a;n*0=x;n*01=y;n*1=": "a",
		"n*1=b":                   "",
		"n*0=a;n*+1=x;n*-1=y":     "a",
		"n*0=a;n*1=b;n=whole":     "whole",
	} {
		l := lexer{s: ";" + in}
		if got := joined(parameters(&l, &budget{MaxTexts}), "n"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	var all []Param
	for n := range 2 * maxPieces {
		all = append(all, Param{fmt.Sprintf("n*%d", n), "x"})
	}
	if got := joined(all, "n"); len(got) != maxPieces {
		t.Errorf("%d pieces", len(got))
	}
}
