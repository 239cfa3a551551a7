package main

import (
	"slices"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "4711 (a (strange) name) S 1 4711 4711 0 -1 4194560 9 8 7 6 100 20 3 4 20 0 1 0 55 0 0\n"
	p, err := parseStat(line)
	if want := (process{pid: 4711, parent: 1, cpu: 1270 * time.Millisecond}); err != nil || p != want {
		t.Errorf("%+v, %v; want %+v", p, err, want)
	}
	for _, bad := range []string{"", "4711", "4711 (x", "4711 (x) S 1 2 3", "x (x) S 1 1 1 0 -1 0 0 0 0 0 1 1 1 1 0",
		"1 (x) S 1 1 1 0 -1 0 0 0 0 0 1 y 1 1 0"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestTree(t *testing.T) {
	all := map[int]process{}
	for pid, parent := range map[int]int{1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20} {
		all[pid] = process{pid: pid, parent: parent}
	}
	got := tree(all, 10)
	slices.Sort(got)
	if !slices.Equal(got, []int{10, 11, 12}) {
		t.Errorf("below 10: %v", got)
	}
	if got := tree(all, 99); len(got) != 0 {
		t.Errorf("below nobody: %v", got)
	}
}

func TestParseCPUStat(t *testing.T) {
	d, err := parseCPUStat("usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n")
	if err != nil || d != 1500*time.Microsecond {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := parseCPUStat("user_usec 1\n"); err == nil {
		t.Error("no error without usage_usec")
	}
}

func TestParsePSS(t *testing.T) {
	n, err := parsePSS("00400000-7ffd000 ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:  12 kB\nPss_Anon: 5 kB\n")
	if err != nil || n != 12<<10 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := parsePSS(""); n != 0 || err != nil {
		t.Errorf("of a process that ended: %d, %v", n, err)
	}
}

func TestMountKind(t *testing.T) {
	const info = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:27 / /tmp rw - tmpfs tmpfs rw
31 22 0:28 / /srv/mail\040spool rw master:1 - xfs /dev/vdb rw
a line that is none
`
	for dir, want := range map[string]string{
		"/": "ext4", "/var/tmp": "ext4", "/tmp": "tmpfs", "/tmp/x": "tmpfs", "/tmpfiles": "ext4", "/srv/mail spool/x": "xfs",
	} {
		if got := mountKind(info, dir); got != want {
			t.Errorf("%s is on %s, want %s", dir, got, want)
		}
	}
}
