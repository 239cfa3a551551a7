package e2e_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Idle memory, in KiB.
const (
	mostLab  = 60 << 10
	mostNode = 30 << 10
)

var vmRSS = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// resident is how much memory a process occupies, in KiB.
func (p *process) resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := vmRSS.FindSubmatch(b)
	if m == nil {
		t.Fatalf("no VmRSS in\n%s", b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A lab in which nothing happens is content with 60 MB, a node with 30 MB, some
// seconds after each is ready.
func TestIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the test reads /proc")
	}
	l, n := startLab(t), startNode(t, t.TempDir(), "--web", "127.0.0.1:0")
	time.Sleep(3 * time.Second) // idleness is what is measured
	for _, one := range []struct {
		name string
		p    *process
		most int
	}{{"lab", l, mostLab}, {"node", n, mostNode}} {
		got := one.p.resident(t)
		if got > one.most {
			t.Errorf("%s: %d KiB are resident, promised are %d", one.name, got, one.most)
		}
		t.Logf("%s: %d KiB of %d", one.name, got, one.most)
	}
}

// Who asks a node for one address after the other does not come far, in the lab
// somebody who mistypes does.
func TestAddressesAreNotFished(t *testing.T) {
	ask := "S~ 220 .*\nC: HELO crepes.fr\nS~ 250 .*\nC: MAIL FROM:<alice@crepes.fr>\nS~ 250 .*\n"
	ask += strings.Repeat("C: RCPT TO:<nobody@hamburger.edu>\nS~ 550 .*\n", 99)
	last := "C: RCPT TO:<nobody@hamburger.edu>\nS~ 550 .*\n"
	play(t, startNode(t, t.TempDir()).ready.Nodes["hamburger.edu"].SMTP, ask+last+"S~ 421 .*\n")
	play(t, startLab(t).ready.Nodes["hamburger.edu"].SMTP, ask+last+"C: RCPT TO:<bob@hamburger.edu>\nS~ 250 .*\nC: QUIT\nS~ 221 .*\n")
}
