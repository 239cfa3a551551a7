package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// group is the processes of one server.
//
// Where the system lets us make a control group (Linux, cgroup v2, root), the
// server is started in one: the kernel then adds up the processor time of all
// its processes, also of those that have ended. Elsewhere the tree below root is
// added up from /proc: each living process with what its ended children took.
type group struct {
	cgroup string // folder; "" when there is none
	root   int    // process at the top
}

// cgroupRoots are where version 2 of the control groups is mounted: alone, or
// beside version 1.
func cgroupRoots() []string { return []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} }

// newGroup makes a group without processes.
func newGroup(name string) *group {
	for _, root := range cgroupRoots() {
		dir := filepath.Join(root, fmt.Sprintf("glassmail-compare-%d-%s", os.Getpid(), name))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		g := &group{cgroup: dir}
		if _, err := g.cpu(); err == nil {
			return g
		}
		os.Remove(dir)
	}
	return &group{}
}

// command is one whose process, with all it starts, is in the group.
func (g *group) command(under []string, program string, args ...string) *exec.Cmd {
	line := append(append(append([]string(nil), under...), program), args...)
	if g.cgroup == "" {
		return exec.Command(line[0], line[1:]...)
	}
	enter := []string{"-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(g.cgroup, "cgroup.procs")}
	return exec.Command("/bin/sh", append(enter, line...)...)
}

// cpu is the processor time that the group has taken so far.
func (g *group) cpu() (time.Duration, error) {
	if g.cgroup == "" {
		return treeCPU(g.root)
	}
	b, err := os.ReadFile(filepath.Join(g.cgroup, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	return parseCPUStat(string(b))
}

// parseCPUStat finds usage_usec in a cgroup's cpu.stat.
func parseCPUStat(text string) (time.Duration, error) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "usage_usec" {
			us, err := strconv.ParseInt(f[1], 10, 64)
			return time.Duration(us) * time.Microsecond, err
		}
	}
	return 0, errors.New("cpu.stat: no usage_usec")
}

// pids are the processes that live.
func (g *group) pids() ([]int, error) {
	if g.cgroup == "" {
		all, err := processes()
		if err != nil {
			return nil, err
		}
		return tree(all, g.root), nil
	}
	b, err := os.ReadFile(filepath.Join(g.cgroup, "cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var out []int
	for _, f := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			return nil, err
		}
		out = append(out, pid)
	}
	return out, nil
}

// memory is the sum of the processes' proportional set sizes, in bytes: a page
// that several of them share is counted once.
func (g *group) memory() (int64, error) {
	pids, err := g.pids()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it ended meanwhile
		}
		n, err := parsePSS(string(b))
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// parsePSS finds Pss in smaps_rollup, in bytes. A process that is ending has none.
func parsePSS(text string) (int64, error) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "Pss:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, nil
}

// remove ends the group, whose processes have ended.
func (g *group) remove() error {
	if g.cgroup == "" {
		return nil
	}
	return os.Remove(g.cgroup)
}

// interrupt asks the processes of the group that run a program to end; others,
// as strace, end by themselves after it.
func (g *group) interrupt(program string) error {
	pids, err := g.pids()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || !sameFile(exe, program) {
			continue
		}
		p, err := os.FindProcess(pid)
		if err == nil {
			err = p.Signal(os.Interrupt)
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
