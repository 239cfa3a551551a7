package dialog

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Parse reads a script. name stands in error messages, as name:line.
func Parse(name, text string) (*Script, error) {
	return parse(name, text, 1)
}

// parse reads a script whose first line has the number first.
func parse(name, text string, first int) (*Script, error) {
	if len(text) > MaxScript {
		return nil, fmt.Errorf("%s: the script is longer than %d bytes", name, MaxScript)
	}
	s := &Script{Name: name}
	n := first
	for l := range strings.SplitSeq(text, "\n") {
		st, ok, err := parseLine(strings.TrimSuffix(l, "\r"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if ok {
			st.at = n
			s.steps = append(s.steps, st)
		}
		n++
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// parseLine reads one line; ok is false when there is nothing to do for it.
func parseLine(l string) (st step, ok bool, err error) {
	if strings.TrimSpace(l) == "" {
		return step{}, false, nil
	}
	switch l[0] {
	case '#':
		return step{}, false, nil
	case '>':
		return step{kind: use, text: strings.TrimSpace(l[1:])}, true, nil
	case '*':
		return parseRemark(strings.TrimSpace(l[1:]))
	case client, server:
		st, err = parseSpoken(l)
		return st, err == nil, err
	}
	return step{}, false, fmt.Errorf("%q begins with none of C, S, >, * and #", clip(l))
}

// parseRemark tells a directive from a remark.
func parseRemark(text string) (step, bool, error) {
	switch text {
	case "STARTTLS":
		return step{kind: startTLS}, true, nil
	case "END":
		return step{kind: end}, true, nil
	case "HANGUP":
		return step{kind: hangup}, true, nil
	}
	if capitals(text) {
		return step{}, false, fmt.Errorf("%q is no directive: there are STARTTLS, END and HANGUP", clip(text))
	}
	return step{}, false, nil
}

// capitals reports whether s is one word of capital letters.
func capitals(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// parseSpoken reads a line that begins with C or S.
func parseSpoken(l string) (step, error) {
	st := step{part: l[0]}
	mark, rest := byte(0), ""
	if len(l) > 1 {
		mark, rest = l[1], l[2:]
	}
	if strings.TrimRight(l[1:], " \t") == "..." {
		st.kind = anything
		return st, nil
	}
	if !strings.ContainsRune(":~=", rune(mark)) {
		return st, fmt.Errorf("after %c comes one of \":\", \"~\", \"=\" and \"...\" here", l[0])
	}
	if rest != "" && rest[0] != ' ' {
		return st, fmt.Errorf("a blank is missing after %q", l[:2])
	}
	rest = strings.TrimPrefix(rest, " ")
	var err error
	switch mark {
	case ':':
		st.kind, st.text = line, rest
		if strings.ContainsRune(rest, '\r') {
			err = fmt.Errorf("a bare CR stands within the line: write it with %c=", l[0])
		}
	case '~':
		st.kind, st.text = pattern, rest
		if st.re, err = regexp.Compile(`\A(?:` + rest + `)\z`); err != nil {
			err = fmt.Errorf("the pattern %q: %w", clip(rest), err)
		}
	case '=':
		st.kind = bytes
		if st.text, err = strconv.Unquote(strings.TrimSpace(rest)); err != nil || st.text == "" {
			err = errors.New("after = comes a string in Go's quotes, with at least one byte")
		}
	}
	return st, err
}

// check makes sure that each "..." knows where to stop.
func (s *Script) check() error {
	for i, st := range s.steps {
		if st.kind != anything {
			continue
		}
		if i+1 == len(s.steps) || !s.steps[i+1].stops(st.part) {
			return fmt.Errorf("%s:%d: after %c... comes the line of %c at which it stops", s.Name, st.at, st.part, st.part)
		}
	}
	return nil
}

// stops reports whether the step can end a "..." of part.
func (st step) stops(part byte) bool {
	switch st.kind {
	case line, pattern:
		return st.part == part
	case end:
		return part == server
	case hangup:
		return part == client
	}
	return false
}

// clip shortens s for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}
