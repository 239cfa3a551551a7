package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mix is the trial: a node on a disk of its own, its clients, and what was seen.
type mix struct {
	t        *testing.T
	image    string
	at, data string
	ports    map[string]string // by flag
	node     *process
	over     chan struct{}
	wg       sync.WaitGroup
	down     atomic.Int64 // rises when the node, or a client's connection, is brought down
	dark     atomic.Int64 // odd while the power is cut: what is said then, nobody hears

	mu      sync.Mutex
	acked   map[string]string // id to folder
	tallies map[string]*tally
	faults  map[string]int
	peak    int // of the node's memory, in KiB
	stop    time.Duration
	late    int // messages that a reader did not see at once
	cuts    int // of unsynced files that a power cut took, which shows that it is one
}

// tally is what became of one kind of honest operation.
type tally struct {
	ok, refused, lost, improper int
	said                        []string
}

func newMix(t *testing.T) *mix {
	m := &mix{t: t, ports: map[string]string{}, over: make(chan struct{}), acked: map[string]string{}, tallies: map[string]*tally{}, faults: map[string]int{}}
	dir := t.TempDir()
	m.image, m.at = filepath.Join(dir, "disk.img"), filepath.Join(dir, "at")
	m.data = filepath.Join(m.at, "data")
	m.command("truncate", "-s", "1G", m.image)
	m.command("mkfs.ext4", "-q", "-F", m.image)
	if err := os.Mkdir(m.at, 0o700); err != nil {
		t.Fatal(err)
	}
	m.mount()
	t.Cleanup(func() {
		if m.node != nil {
			m.node.kill()
		}
		exec.Command("umount", m.at).Run()
	})
	for _, flag := range []string{"--smtp", "--submission", "--imap", "--web"} {
		m.ports[flag] = fmt.Sprint("127.0.0.1:", freePort(t, "127.0.0.1"))
	}
	return m
}

func (m *mix) mount() { m.command("mount", "-o", "loop", m.image, m.at) }

// command runs a program of the system, and skips the test where it cannot work from
// the beginning.
func (m *mix) command(name string, args ...string) {
	m.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	switch {
	case err != nil && m.node == nil:
		m.t.Skipf("%s: %v %s", name, err, out)
	case err != nil:
		m.t.Fatalf("%s: %v %s", name, err, out)
	}
}

// works expects that honest clients are served again soon: a message is taken, a reader
// and the pages are let in.
func (m *mix) works(when string) {
	m.t.Helper()
	for _, visit := range []func(*visitor) error{(*visitor).submit, (*visitor).deliver, (*visitor).read, (*visitor).appendOne, (*visitor).pages} {
		v := &visitor{m: m}
		var err error
		eventually(m.t, "the node works "+when, func() bool { err = visit(v); return err == nil })
	}
}

// start runs the node, with few file descriptors if the trial says so.
func (m *mix) start(few bool) {
	m.t.Helper()
	var by []string
	if few {
		by = []string{"sh", "-c", `ulimit -n 128; exec "$@"`, "sh"}
	}
	args := []string{"serve", "--domain", "hamburger.edu", "--data", m.data, "--user", "bob:bob", "--user", "eve:eve", "--resolver", "127.0.0.1:1",
		"--submissions", "", "--imaps", ""}
	for flag, addr := range m.ports {
		args = append(args, flag, addr)
	}
	m.node = startBy(m.t, by, args...)
}

func (m *mix) count(fault string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults[fault]++
}

// ended takes note of what a node took before it is brought down.
func (m *mix) ended() {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.node.cmd.Process.Pid))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			m.mu.Lock()
			m.peak = max(m.peak, kib)
			m.mu.Unlock()
		}
	}
}

// ready expects that the node takes mail again soon.
func (m *mix) ready(when string) {
	m.t.Helper()
	eventually(m.t, "the node is ready "+when, func() bool { status, _, err := m.get("bob", "/readyz"); return err == nil && status == 200 })
}

// check compares what was acknowledged with what is there. A reader may see a message a
// moment after its 250.
func (m *mix) check() {
	m.t.Helper()
	acked := m.settled()
	var found map[string]string
	missing := func() (ids []string) {
		for id, folder := range acked {
			if found[id] != folder {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		found = m.found()
		late := len(missing())
		if late == 0 || time.Now().After(end) {
			break
		}
		m.late += late
	}
	for _, id := range missing() {
		m.t.Errorf("%s was acknowledged in %s and is in %q", id, acked[id], found[id])
	}
	if m.cuts == 0 {
		m.t.Error("no power cut took what was not flushed: they were none")
	}
}

// found is the messages of the trial that are there, and where.
func (m *mix) found() map[string]string {
	m.t.Helper()
	all := map[string]string{}
	for _, folder := range []string{"INBOX", "Archive"} {
		var ids []string
		eventually(m.t, "a reader is let in to "+folder, func() bool {
			c, err := imapLogin(m.ports["--imap"], "bob")
			if err != nil {
				return false
			}
			defer c.conn.Close()
			ids, err = c.subjects(folder)
			return err == nil
		})
		for _, id := range ids {
			if all[id] != "" {
				m.t.Errorf("%s is there twice", id)
			}
			all[id] = folder
		}
	}
	return all
}

// contents compares the newest messages with what was sent.
func (m *mix) contents() {
	m.t.Helper()
	c, err := imapLogin(m.ports["--imap"], "bob")
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.conn.Close()
	text, err := c.do("EXAMINE INBOX")
	if err != nil {
		m.t.Fatal(err)
	}
	n := number(m.t, regexp.MustCompile(`\* (\d+) EXISTS`), text)
	if text, err = c.do("FETCH %d:* BODY.PEEK[]", max(1, int(n)-2000)); err != nil {
		m.t.Fatal(err)
	}
	whole := 0
	for one := range strings.SplitSeq(text, "Subject: SMTP") {
		id, rest, _ := strings.Cut(one, "\r\n")
		if id = "SMTP" + id; !strings.Contains(id, "-") {
			continue
		}
		if got := strings.Count(rest, id+"\r\n"); got != 40 {
			m.t.Errorf("%s has %d of its 40 lines", id, got)
		}
		whole++
	}
	if whole == 0 {
		m.t.Error("no content was compared")
	}
}

func (m *mix) settled() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[string]string, len(m.acked))
	for id, folder := range m.acked {
		out[id] = folder
	}
	return out
}

// report prints what was seen, and fails on what was not proper.
func (m *mix) report() {
	m.ended()
	var b strings.Builder
	for fault, n := range m.faults {
		fmt.Fprintf(&b, "%6d × %s\n", n, fault)
	}
	fmt.Fprintf(&b, "%-24s %8s %8s %8s %8s\n", "honest operations", "done", "refused", "lost", "improper")
	for name, t := range m.tallies {
		fmt.Fprintf(&b, "%-24s %8d %8d %8d %8d\n", name, t.ok, t.refused, t.lost, t.improper)
		for _, said := range t.said {
			m.t.Errorf("%s: %s", name, said)
		}
		if t.ok == 0 {
			m.t.Errorf("%s: nothing was done: this has tested nothing", name)
		}
	}
	fmt.Fprintf(&b, "acknowledged %d (%d seen a moment later); memory at most %d MiB; the longest stop took %v; %d power cuts took what was not flushed",
		len(m.acked), m.late, m.peak>>10, m.stop.Round(time.Millisecond), m.cuts)
	m.t.Log("\n" + b.String())
}
