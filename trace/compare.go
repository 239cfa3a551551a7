package trace

import "strings"

// maxAligned is how many steps of each journey are compared.
const maxAligned = 1200

// Difference is what two journeys have at one rung of their ladders.
type Difference string

// Differences.
const (
	Same      Difference = "same"
	Different Difference = "different" // both do it, with other words
	OnlyA     Difference = "only-a"
	OnlyB     Difference = "only-b"
)

// Rung is one step of two journeys side by side.
type Rung struct {
	A          *Step      `json:"a,omitempty"`
	B          *Step      `json:"b,omitempty"`
	Difference Difference `json:"difference"`
}

// Comparison is two ladders, aligned.
type Comparison struct {
	A         Journey `json:"a"`
	B         Journey `json:"b"`
	Rungs     []Rung  `json:"rungs"`
	Differing int     `json:"differing"` // rungs that are not the same
	Truncated bool    `json:"truncated"` // not all steps were compared
}

// Compare lays two journeys side by side: the longest sequence of steps that both
// have in the same order stands on the same rungs. Ids, times, addresses of
// clients and the like, which differ in any two runs, do not count as differences.
func Compare(a, b Detail) Comparison {
	sa, cutA := seenOnce(a.Steps)
	sb, cutB := seenOnce(b.Steps)
	c := Comparison{A: a.Journey, B: b.Journey, Truncated: cutA || cutB}
	c.Rungs = align(tellAll(a, sa), tellAll(b, sb))
	for _, r := range c.Rungs {
		if r.Difference != Same {
			c.Differing++
		}
	}
	return c
}

// seenOnce leaves out what was seen at the other end before.
func seenOnce(steps []Step) (out []Step, cut bool) {
	for _, s := range steps {
		if s.Mirror {
			continue
		}
		if len(out) == maxAligned {
			return out, true
		}
		out = append(out, s)
	}
	return out, false
}

// told is a step with what it is compared by.
type told struct {
	step *Step
	key  string // what it is: steps with the same key are of one rung
	text string // what it says, without what differs in any two runs
}

func tellAll(d Detail, steps []Step) []told {
	out := make([]told, 0, len(steps))
	own := []string{d.ID, d.MessageID}
	for i := range steps {
		s := &steps[i]
		text := settle(s, own)
		word, _, _ := strings.Cut(text, " ")
		if s.Dir == Server && len(word) > 3 && word[3] == '-' { // a line of a reply of several
			word = text
		}
		if s.Kind != Line {
			word = ""
		}
		hop := ""
		if s.Hop > 0 && s.Hop <= len(d.Route) {
			hop = string(d.Route[s.Hop-1].Kind)
		}
		key := strings.Join([]string{hop, s.Node, string(s.Proto), string(s.Kind), string(rune(s.Dir)), strings.ToUpper(word)}, "\x00")
		out = append(out, told{s, key, text})
	}
	return out
}

// settle is the text of a step without the ids, times and ports in it.
func settle(s *Step, own []string) string {
	text := s.Text
	for _, id := range own {
		if id != "" {
			text = strings.ReplaceAll(text, id, "…")
		}
	}
	if s.Kind == Datagram {
		if len(s.Bytes) > 2 {
			return string(s.Bytes[2:]) // RFC 1035 §4.1.1: the first two are the id
		}
		return text
	}
	words := strings.Split(text, " ")
	for i, w := range words {
		if varies(w) {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// varies reports a word that is another in any two runs: an id of many letters
// and digits, a time, an address with a port.
func varies(w string) bool {
	w = strings.Trim(w, "<>()[],;.")
	if isID(w) {
		return true
	}
	digits, letters, colons := 0, 0, 0
	for _, r := range w {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r == ':':
			colons++
		case r >= 'A' && r <= 'Z':
			letters++
		}
	}
	switch {
	case colons > 0 && digits >= 3: // 12:30:05, 192.0.2.1:4711, 5m0.01s
		return true
	case digits > 0 && letters > 0 && digits+letters >= 10 && digits+letters >= len(w)-2:
		return true
	}
	return false
}

// isID reports an id that a server of ours gives to a message, or one made from it.
func isID(w string) bool {
	w, _, _ = strings.Cut(w, ".")
	return len(w) == 18 && strings.Trim(w, "0123456789abcdefghijklmnopqrstuvwxyz") == "" && strings.ContainsAny(w, "0123456789")
}

// align finds the longest common sequence of keys.
func align(a, b []told) []Rung {
	width := len(b) + 1
	longest := make([]uint16, (len(a)+1)*width) // of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			n := max(longest[(i+1)*width+j], longest[i*width+j+1])
			if a[i].key == b[j].key {
				n = max(n, longest[(i+1)*width+j+1]+1)
			}
			longest[i*width+j] = n
		}
	}
	rungs := make([]Rung, 0, max(len(a), len(b)))
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i].key == b[j].key && longest[i*width+j] == longest[(i+1)*width+j+1]+1:
			d := Same
			if a[i].text != b[j].text {
				d = Different
			}
			rungs = append(rungs, Rung{a[i].step, b[j].step, d})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[(i+1)*width+j] >= longest[i*width+j+1]:
			rungs = append(rungs, Rung{A: a[i].step, Difference: OnlyA})
			i++
		default:
			rungs = append(rungs, Rung{B: b[j].step, Difference: OnlyB})
			j++
		}
	}
	return rungs
}
