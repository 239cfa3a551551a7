package main

import (
	"os/exec"
	"testing"
)

// Processor time of a process that has ended counts, in a control group and
// without one.
func TestGroupCountsEnded(t *testing.T) {
	groups := map[string]*group{"tree": {}}
	if g := newGroup("test"); g.cgroup != "" {
		groups["control group"] = g
	}
	for name, g := range groups {
		t.Run(name, func(t *testing.T) {
			// The inner shell counts and ends; the outer one waits for its input.
			const script = `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo counted; read x`
			cmd := g.command(nil, "sh", "-c", script)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			g.root = cmd.Process.Pid
			if n, err := out.Read(make([]byte, 8)); n != 8 || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
			checkGroup(t, g)
			in.Close()
			cmd.Wait()
			if err := g.remove(); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkGroup(t *testing.T, g *group) {
	t.Helper()
	if d, err := g.cpu(); d == 0 || err != nil {
		t.Errorf("processor time %v, %v", d, err)
	}
	if pids, err := g.pids(); len(pids) != 1 || pids[0] != g.root || err != nil {
		t.Errorf("processes %v, %v; only %d lives", pids, err, g.root)
	}
	if n, err := g.memory(); n <= 0 || err != nil {
		t.Errorf("memory %d, %v", n, err)
	}
}

// Room that is set aside does not count as used, what is written does.
func TestDiskUse(t *testing.T) {
	dir := t.TempDir()
	empty, err := diskUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	file := dir + "/file"
	if out, err := exec.Command("fallocate", "-l", "8M", file).CombinedOutput(); err != nil {
		t.Skipf("needs the Debian package util-linux and a file system with fallocate: %s", out)
	}
	if n, err := diskUse(dir); n-empty >= 1<<20 || err != nil {
		t.Errorf("nothing is written, %d bytes are used, %v", n-empty, err)
	}
	if out, err := exec.Command("dd", "if=/dev/urandom", "of="+file, "bs=1M", "count=2", "seek=3", "conv=notrunc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n, err := diskUse(dir); n-empty < 2<<20 || n-empty > 3<<20 || err != nil {
		t.Errorf("2 MiB are written, %d bytes are used, %v", n-empty, err)
	}
}
