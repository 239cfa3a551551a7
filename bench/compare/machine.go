package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fileSystem is the kind of the file system that holds a folder, as ext4.
func fileSystem(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "unknown file system"
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "unknown file system"
	}
	return mountKind(string(b), dir)
}

// mountKind finds the mount with the longest path above dir; of several with the
// same path the last one counts. The format is in proc_pid_mountinfo(5).
func mountKind(mountinfo, dir string) string {
	kind, longest := "unknown file system", -1
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(g) < 1 {
			continue
		}
		at := strings.ReplaceAll(f[4], `\040`, " ")
		if within(dir, at) && len(at) >= longest {
			kind, longest = g[0], len(at)
		}
	}
	return kind
}

func within(dir, at string) bool {
	return dir == at || at == "/" || strings.HasPrefix(dir, at+"/")
}

// postfixVersion is as Postfix says; "" when it is not installed.
func postfixVersion() string {
	out, err := exec.Command("postconf", "-d", "-h", "mail_version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
