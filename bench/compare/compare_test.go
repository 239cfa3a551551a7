package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test program be the null server, as startNull wants of its
// own program.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == nullCommand {
		if err := serveNull(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// TestCompare measures twenty messages of each load.
func TestCompare(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time and memory are read from Linux's /proc")
	}
	file := filepath.Join(t.TempDir(), "runs.json")
	var out, progress bytes.Buffer
	args := []string{"--quick", "--messages", "20", "--dir", t.TempDir(), "--json", file, "--flushes=false", "--subjects"}
	if err := command(append(args, "glassmail,null"), nil, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	checkRuns(t, file, glassmailName, nullName)
	for _, word := range []string{"100 × 4 KiB, pipelined", "÷ the null server's"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("the table lacks %q:\n%s", word, out.String())
		}
	}
}

// TestComparePostfix is the same with Postfix, and with the look at flushes.
func TestComparePostfix(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Postfix three times")
	}
	if err := canRunPostfix(); err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs the Debian package strace")
	}
	file := filepath.Join(t.TempDir(), "runs.json")
	dir, err := os.MkdirTemp("/var/tmp", "glassmail-test-") // a folder that Postfix's user may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	args := []string{"--quick", "--messages", "20", "--dir", dir, "--json", file, "--subjects", "postfix,glassmail", "--markdown"}
	if err := command(args, nil, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	rep := checkRuns(t, file, postfixName, glassmailName)
	if len(rep.Flushes) != 2 {
		t.Fatalf("flushes of %d servers", len(rep.Flushes))
	}
	for _, f := range rep.Flushes {
		if !f.Before250 || len(f.Rates) != 3 {
			t.Errorf("%+v", f)
		}
		for _, r := range f.Rates {
			if r.Flushes == 0 {
				t.Errorf("%s: no flush with %d connections", f.Subject, r.Connections)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkRuns reads the JSON: three loads, one round, twenty messages each.
func checkRuns(t *testing.T, file string, subjects ...string) report {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rep report
	if err := json.Unmarshal(b, &rep); err != nil {
		t.Fatal(err)
	}
	if len(rep.Runs) != 3*len(subjects) {
		t.Fatalf("%d runs", len(rep.Runs))
	}
	for i, r := range rep.Runs {
		keeps := r.Subject != nullName
		switch {
		case r.Subject != subjects[i%len(subjects)]:
			t.Errorf("run %d is %s's: the servers take turns", i, r.Subject)
		case r.Messages != 20 || r.Accepted <= 0 || r.Reply.P50 <= 0 || r.Whole.P99 < r.Whole.P50 || r.Memory <= 0:
			t.Errorf("%+v", r)
		case keeps != (r.Delivered > 0) || keeps != (r.Disk > 0):
			t.Errorf("%s: delivered %v/s, %v bytes each", r.Subject, r.Delivered, r.Disk)
		}
	}
	return rep
}

// TestInProcess profiles a node.
func TestInProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processor time and memory are read from Linux's /proc")
	}
	dir := t.TempDir()
	cpu, mem := filepath.Join(dir, "cpu"), filepath.Join(dir, "mem")
	var out bytes.Buffer
	err := command([]string{"--subjects", "glassmail", "--in-process", "--cpuprofile", cpu, "--memprofile", mem, "--dir", dir,
		"--connections", "3", "--rounds", "1", "--messages", "20", "--kept=false", "--pipelined=false"}, nil, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{cpu, mem} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSendStopsAtRefusal: a run in which something is refused has no figures.
func TestSendStopsAtRefusal(t *testing.T) {
	s, err := startNull(context.Background(), place{dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	l := load{connections: 2, size: 100, perConn: 3, messages: 7, duration: time.Hour}
	if o, err := send(context.Background(), s.addr, l); err != nil || o.accepted != 7 || len(o.whole) != 7 {
		t.Fatalf("%+v, %v", o, err)
	}
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := refusing.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220-come\r\n220 in\r\n250 yes\r\n250-go\r\n250 on\r\n550 no\r\n")
			served.Go(func() {
				io.Copy(io.Discard, c)
				c.Close()
			})
		}
	})
	_, err = send(context.Background(), refusing.Addr().String(), l)
	if err == nil || !strings.Contains(err.Error(), "550 no") {
		t.Errorf("RCPT was refused, and the error is %v", err)
	}
	refusing.Close()
	served.Wait()
}

func TestFlags(t *testing.T) {
	for _, bad := range []string{"--rounds=0", "--subjects=sendmail", "--subjects=null,null", "--tool=x", "--cpuprofile=x", "word"} {
		if _, err := parseFlags([]string{bad}, io.Discard); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
	var help bytes.Buffer
	if _, err := parseFlags([]string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-subjects") {
		t.Errorf("%v\n%s", err, help.String())
	}
	o, err := parseFlags([]string{"--connections=7", "--size=99", "--kept=false"}, io.Discard)
	if want := []scenario{{Tool: "go", Connections: 7, Size: 99, Pipelined: true}}; err != nil || !slices.Equal(o.plan(), want) {
		t.Errorf("%+v, %v", o.plan(), err)
	}
}

func TestText(t *testing.T) {
	for _, size := range []int{1, 500, 4096, 4097, 65536} {
		a := newText(size)
		body, ok := bytes.CutSuffix(a.bytes, []byte(".\r\n"))
		if !ok || size >= 500 && (len(body) > size || len(body) < size-2) {
			t.Errorf("%d bytes are %d", size, len(body))
		}
		if !bytes.Contains(body, []byte(firstLine())) && size >= 500 {
			t.Errorf("%d bytes: the first line is missing", size)
		}
		if bytes.Count(body, []byte("\n")) != bytes.Count(body, []byte("\r\n")) || !bytes.HasSuffix(body, []byte("\r\n")) {
			t.Errorf("%d bytes: a line does not end in CR LF", size)
		}
		b := a.of(1)
		b.number(2)
		if !bytes.Contains(b.bytes, []byte("<0000000100000002@crepes.fr>")) || bytes.Equal(a.bytes, b.bytes) {
			t.Errorf("number: %q", b.bytes[:200])
		}
		b.number(10)
		b.number(3)
		if !bytes.Contains(b.bytes, []byte("<0000000100000003@crepes.fr>")) {
			t.Errorf("a smaller number after a larger one: %q", b.bytes[:200])
		}
	}
}
