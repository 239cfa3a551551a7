package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// process is one line of /proc/PID/stat: who it is, and the time that it and its
// ended children took.
type process struct {
	pid, parent int
	cpu         time.Duration
}

// tick is the unit of the times in /proc/PID/stat. Linux shows it to programs as
// 1/100 s, whatever its own clock.
const tick = 10 * time.Millisecond

// parseStat reads /proc/PID/stat. The name in it may hold spaces and parentheses.
func parseStat(text string) (process, error) {
	pid, rest, ok := strings.Cut(text, " (")
	end := strings.LastIndex(rest, ") ")
	if !ok || end < 0 {
		return process{}, errors.New("stat: no name")
	}
	f := strings.Fields(rest[end+2:]) // from the third field, state
	if len(f) < 15 {
		return process{}, errors.New("stat: too short")
	}
	var p process
	var err error
	if p.pid, err = strconv.Atoi(pid); err != nil {
		return p, fmt.Errorf("stat: %w", err)
	}
	if p.parent, err = strconv.Atoi(f[1]); err != nil {
		return p, fmt.Errorf("stat: %w", err)
	}
	for _, field := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, fmt.Errorf("stat: %w", err)
		}
		p.cpu += time.Duration(n) * tick
	}
	return p, nil
}

// processes are all that live, by number.
func processes() (map[int]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("processor time is read on Linux only: %w", err)
	}
	all := map[int]process{}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		p, err := parseStat(string(b))
		if err != nil {
			return nil, err
		}
		all[p.pid] = p
	}
	return all, nil
}

// tree is root and all below it that live.
func tree(all map[int]process, root int) []int {
	children := map[int][]int{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p.pid)
	}
	var out []int
	next := []int{root}
	for len(next) > 0 {
		pid := next[0]
		next = append(next[1:], children[pid]...)
		if _, ok := all[pid]; ok {
			out = append(out, pid)
		}
	}
	return out
}

// treeCPU is the time of root and of all that ever lived below it, of which each
// parent waited for its children.
func treeCPU(root int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range tree(all, root) {
		sum += all[pid].cpu
	}
	return sum, nil
}
