package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is a call of the system in strace's output. begin and end are the numbers
// of the lines that show its begin and its end; a call that was interrupted by
// those of other processes has two. end is -1 for one that never ended.
type call struct {
	begin, end int
	at         time.Time
	name       string
	file       string // of the first argument; "" when that is none
	args       string
	result     string
}

// longestLine bounds a line of strace's output: 4,096 bytes of text, each at most
// four characters, in several pieces.
const longestLine = 1 << 20

// parseStrace reads the output of "strace -f -ttt -y -a 1 -o".
func parseStrace(in io.Reader) ([]call, error) {
	var calls []call
	open := map[string]int{} // by process: index of the call that has not ended
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	for n := 0; lines.Scan(); n++ {
		pid, rest, _ := strings.Cut(lines.Text(), " ")
		stamp, text, ok := strings.Cut(strings.TrimLeft(rest, " "), " ")
		at, err := parseStamp(stamp)
		if !ok || err != nil {
			return nil, fmt.Errorf("strace: line %d: %q", n+1, lines.Text())
		}
		if resumed, ok := strings.CutPrefix(text, "<... "); ok {
			if i, ok := open[pid]; ok {
				delete(open, pid)
				calls[i].end = n
				_, calls[i].result = cutLast(resumed, ") = ")
			}
			continue
		}
		name, args, ok := strings.Cut(text, "(")
		if !ok || strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
			continue // a signal, or the end of a process
		}
		k := call{begin: n, end: n, at: at, name: name, args: args}
		if before, ok := strings.CutSuffix(args, " <unfinished ...>"); ok {
			k.args, k.end = before, -1
			open[pid] = len(calls)
		} else {
			k.args, k.result = cutLast(args, ") = ")
		}
		k.file = firstFile(k.args)
		calls = append(calls, k)
	}
	return calls, lines.Err()
}

// parseStamp reads seconds since 1970 with six places.
func parseStamp(s string) (time.Time, error) {
	seconds, micros, ok := strings.Cut(s, ".")
	if !ok || len(micros) != 6 {
		return time.Time{}, fmt.Errorf("no time: %q", s)
	}
	us, err := strconv.ParseInt(seconds+micros, 10, 64)
	return time.UnixMicro(us), err
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

// firstFile is the path in 7</path>, the first argument.
func firstFile(args string) string {
	_, rest, ok := strings.Cut(args, "<")
	path, _, closed := strings.Cut(rest, ">")
	if !ok || !closed || !strings.HasPrefix(path, "/") || strings.ContainsAny(args[:strings.IndexByte(args, '<')], `,"`) {
		return ""
	}
	return path
}

func (c call) flushes() bool { return slices.Contains(strings.Split(flushCalls, ","), c.name) }

func (c call) writes() bool { return slices.Contains(strings.Split(writeCalls, ","), c.name) }

// flushedBefore250 looks whether the text that holds mark was written to a file
// after the 354 and that file flushed, both before the write of the 250 began.
// evidence tells these calls in words, without the prefix of the paths.
func flushedBefore250(calls []call, mark, prefix string) (yes bool, evidence []string) {
	asked, ok := find(calls, 0, func(c call) bool { return c.writes() && c.file == "" && strings.Contains(c.args, "354 ") })
	if !ok {
		return false, []string{"no 354 was seen"}
	}
	answered, ok := find(calls, asked, func(c call) bool { return c.writes() && c.file == "" && strings.Contains(c.args, `"250 `) })
	if !ok {
		return false, []string{"no 250 was seen after the 354"}
	}
	written := map[string]int{} // file: line at which the text was in it
	for i := asked; i < answered; i++ {
		c := calls[i]
		name := strings.TrimPrefix(c.file, prefix)
		before := c.end >= 0 && c.end < calls[answered].begin
		switch {
		case c.writes() && c.file != "" && before && strings.Contains(c.args, mark):
			written[c.file] = c.end
			evidence = append(evidence, fmt.Sprintf("%s of the text to %s", c.name, name))
		case c.flushes() && c.result == "0" && before:
			evidence = append(evidence, fmt.Sprintf("%s of %s", c.name, name))
			if line, ok := written[c.file]; ok && line < c.begin {
				yes = true
			}
		}
	}
	return yes, append(evidence, calls[answered].name+" of the 250")
}

// find is the first call at from or later of which f holds.
func find(calls []call, from int, f func(call) bool) (int, bool) {
	i := slices.IndexFunc(calls[from:], f)
	return from + i, i >= 0
}
