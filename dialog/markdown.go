package dialog

import (
	"fmt"
	"strings"
)

// Blocks returns the scripts in the fenced code blocks of a Markdown text whose
// info string begins with the word dialog. The rest of the info string is the
// script's Target:
//
//	```dialog hamburger.edu:25
//	S: 220 hamburger.edu
//	```
//
// Line numbers in errors are those of the Markdown text.
func Blocks(name, markdown string) ([]*Script, error) {
	var out []*Script
	var open *fence
	n := 0
	for l := range strings.SplitSeq(markdown, "\n") {
		n++
		l = strings.TrimSuffix(l, "\r")
		switch {
		case open == nil:
			open = openFence(l, n)
		case open.closedBy(l):
			if open.dialog {
				s, err := parse(name, open.text.String(), open.at+1)
				if err != nil {
					return nil, err
				}
				s.Target = open.target
				out = append(out, s)
			}
			open = nil
		default:
			open.add(l)
		}
	}
	if open != nil && open.dialog {
		return nil, fmt.Errorf("%s:%d: the block is never closed", name, open.at)
	}
	return out, nil
}

// fence is a fenced code block that is being read (CommonMark §4.5).
type fence struct {
	at     int    // line of the opening fence
	mark   string // the backticks or tildes that opened it
	indent int    // blanks before them, taken off each line of the block
	dialog bool
	target string
	text   strings.Builder
}

// openFence is nil unless l opens a block.
func openFence(l string, at int) *fence {
	body := strings.TrimLeft(l, " ")
	if body == "" || (body[0] != '`' && body[0] != '~') {
		return nil
	}
	info := strings.TrimLeft(body, body[:1])
	mark := body[:len(body)-len(info)]
	if len(mark) < 3 || (mark[0] == '`' && strings.Contains(info, "`")) {
		return nil
	}
	f := &fence{at: at, mark: mark, indent: len(l) - len(body)}
	word, target, _ := strings.Cut(strings.TrimSpace(info), " ")
	f.dialog, f.target = word == "dialog", strings.TrimSpace(target)
	return f
}

func (f *fence) closedBy(l string) bool {
	body := strings.TrimSpace(l)
	return len(body) >= len(f.mark) && strings.Trim(body, f.mark[:1]) == ""
}

func (f *fence) add(l string) {
	if !f.dialog {
		return
	}
	for range f.indent {
		l = strings.TrimPrefix(l, " ")
	}
	f.text.WriteString(l)
	f.text.WriteByte('\n')
}
