package dnsd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"glassmail/dns"
	"glassmail/lab/lesson"
	"glassmail/server/dnsd"
	"glassmail/wire"
)

// BenchmarkServer is one query and its reply over loopback, by kind of answer.
func BenchmarkServer(b *testing.B) {
	h, err := lesson.Lecture(lesson.LectureOptions{})
	if err != nil {
		b.Fatal(err)
	}
	s := run(b, h.Server("dns1.hamburger.edu").Authority, dnsd.Options{PerClient: -1})
	c := dns.Client{Host: wire.OS{}}
	for b.Loop() {
		if _, err := c.Ask(context.Background(), s.Addr(), dns.NewMessage(dns.Query{Name: "hamburger.edu", Type: dns.TypeMX})); err != nil {
			b.Fatal(err)
		}
	}
}

// TestThroughput measures queries per second with dnsperf, this server and the
// established one in turn: NSD as an authority, Unbound for answers from a cache.
// It takes a while: set GLASSMAIL_DNSPERF to run it.
func TestThroughput(t *testing.T) {
	if os.Getenv("GLASSMAIL_DNSPERF") == "" {
		t.Skip("set GLASSMAIL_DNSPERF=1 to measure (needs the Debian packages dnsperf, nsd and unbound)")
	}
	l := newLab(t)
	nsd, pid := startNSDProcess(t, l.h.Zone("hamburger.edu"))
	self := os.Getpid()
	var every strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&every, "n%d.hamburger.edu A\n", i)
	}
	usual := "hamburger.edu MX\nmail.hamburger.edu A\nwww.hamburger.edu A\nno.hamburger.edu A\n"
	compare(t, "authoritative", usual, measured{"glassmail", l.at("dns1.hamburger.edu").Port(), self}, measured{"NSD", nsd.Port(), pid})
	compare(t, "authoritative, a new name each time", every.String(), measured{"glassmail", l.at("dns1.hamburger.edu").Port(), self}, measured{"NSD", nsd.Port(), pid})

	path, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("unbound is missing: install the Debian package unbound")
	}
	dir, at := t.TempDir(), freePort(t)
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, fmt.Sprintf("server:\n interface: 127.0.0.1\n port: %d\n username: \"\"\n chroot: \"\"\n directory: %q\n pidfile: \"\"\n use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n module-config: iterator\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\nremote-control:\n control-enable: no\n", at.Port(), dir, l.local.Port()))
	cmd := exec.Command(path, "-d", "-c", conf)
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if err := answering(at, "hamburger.edu"); err != nil {
		t.Fatal(err)
	}
	compare(t, "recursive, cached", usual, measured{"glassmail", l.local.Port(), self}, measured{"Unbound", at.Port(), cmd.Process.Pid})
}

type measured struct {
	name string
	port uint16
	pid  int
}

// compare prints for two servers, asked in turn so that a busy machine is unfair to
// both, the queries answered in a second of processor time, which does not depend
// on who else is busy, the best rate, and the memory afterwards. Of this process
// the memory is that of the test with all servers of the lecture.
func compare(t *testing.T, what, queries string, a, b measured) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "queries")
	write(t, file, queries)
	var rate, spent, done [2]float64
	for range 2 {
		for i, s := range []measured{a, b} {
			before := processorTime(t, s.pid)
			out, err := exec.Command("dnsperf", "-s", "127.0.0.1", "-p", fmt.Sprint(s.port), "-d", file, "-l", "4", "-c", "8", "-q", "200").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			spent[i] += processorTime(t, s.pid) - before
			n := number(t, out, `Queries completed:\s+(\d+)`)
			done[i] += n
			if lost := number(t, out, `Queries lost:\s+(\d+)`); lost > n/100 {
				t.Errorf("%s lost %.0f of %.0f queries", s.name, lost, n)
			}
			rate[i] = max(rate[i], number(t, out, `Queries per second:\s+([\d.]+)`))
		}
	}
	for i, s := range []measured{a, b} {
		t.Logf("%s: %s answers %.0f queries in a processor second (%.1f µs each), %.0f in a second at best, in %.1f MiB",
			what, s.name, done[i]/spent[i], spent[i]/done[i]*1e6, rate[i], memory(t, s.pid))
	}
	t.Logf("%s: %.2f of %s per processor", what, done[0]/spent[0]/(done[1]/spent[1]), b.name)
}

func number(t *testing.T, out []byte, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// processorTime is the seconds that a process and its group have used.
func processorTime(t *testing.T, pid int) float64 {
	t.Helper()
	ticks := 0.0
	for _, f := range group(t, pid) {
		user, _ := strconv.ParseFloat(f[11], 64)
		system, _ := strconv.ParseFloat(f[12], 64)
		ticks += user + system
	}
	return ticks / 100
}

// memory is what a process and its group hold in MiB, shared pages divided.
func memory(t *testing.T, pid int) float64 {
	t.Helper()
	sum := 0.0
	for id := range group(t, pid) {
		b, err := os.ReadFile("/proc/" + id + "/smaps_rollup")
		if err != nil {
			t.Logf("memory of %s: %v", id, err)
			continue
		}
		sum += number(t, b, `Pss:\s+(\d+) kB`)
	}
	return sum / 1024
}

// group is the fields of the state of a process and those of its group, behind the
// name, by process.
func group(t *testing.T, pid int) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		t.Skip("this system has no /proc")
	}
	out := map[string][]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		id, rest, ok := strings.Cut(string(b), " (")
		_, rest, ok2 := strings.Cut(rest, ") ")
		w := strings.Fields(rest)
		if !ok || !ok2 || len(w) < 13 || id != strconv.Itoa(pid) && w[2] != strconv.Itoa(pid) {
			continue
		}
		if pid == os.Getpid() && id != strconv.Itoa(pid) {
			continue // programs that we started
		}
		out[id] = w
	}
	return out
}
