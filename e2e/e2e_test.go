// Package e2e_test starts the real program and lets real programs talk to it.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

	"glassmail/dialog"
	"glassmail/lab"
)

// patience bounds everything that is waited for: it makes no test slower, and a
// test that fails ends.
const patience = 60 * time.Second

// program is the path of the program under test, built once.
var program string

// builtProgram is the environment variable that has the path if it is built already.
const builtProgram = "GLASSMAIL_TEST_PROGRAM"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "glassmail-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "glassmail")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", "build", "-o", program, "glassmail/cmd/glassmail")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if built := os.Getenv(builtProgram); built != "" { // a test runs this one
		program = built
		code = m.Run()
	} else if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running glassmail.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   printed
	ready lab.Ready
	done  chan struct{}
}

// printed is what a process has printed so far.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// start runs glassmail with --ready and waits until it is.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startBy(t, nil, args...)
}

// startBy runs it by another command, which runs what it is given.
func startBy(t *testing.T, by []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{})}
	file := filepath.Join(t.TempDir(), "ready.json")
	all := slices.Concat(by, []string{program}, args, []string{"--ready", file})
	p.cmd = exec.Command(all[0], all[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.Env = environment(t)
	p.cmd.Dir = t.TempDir()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.stop)
	eventually(t, "glassmail "+args[0]+" is ready", func() bool {
		select {
		case <-p.done:
			t.Fatalf("glassmail %s ended:\n%s", strings.Join(args, " "), p.out.String())
		default:
		}
		b, err := os.ReadFile(file)
		return err == nil && json.Unmarshal(b, &p.ready) == nil
	})
	return p
}

// stop ends the process as Ctrl-C does, and expects that it obeys.
func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("glassmail did not stop; it had printed:\n%s", p.out.String())
	}
	if p.t.Failed() {
		p.t.Logf("glassmail had printed:\n%s", p.out.String())
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// environment keeps labs of different tests, and of the user, apart.
func environment(t *testing.T) []string {
	home := filepath.Join(os.TempDir(), "glassmail-e2e-home-"+fmt.Sprint(os.Getpid()))
	os.MkdirAll(home, 0o700)
	t.Cleanup(func() { os.RemoveAll(home) })
	return append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "LANG=C.UTF-8", "LC_ALL=", "LC_MESSAGES=", "GLASSMAIL_LANG=")
}

// startLab runs the lab on free ports.
func startLab(t *testing.T) *process {
	t.Helper()
	return start(t, "lab", "--port-base", "0", "--web", "127.0.0.1:0")
}

// run runs glassmail to its end and returns what it printed, and its exit code.
func run(t *testing.T, stdin string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = environment(t)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("glassmail %s: %v", strings.Join(args, " "), err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// must is run for a command that has to succeed.
func must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, code := run(t, stdin, args...)
	if code != 0 {
		t.Fatalf("glassmail %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// tool runs a program of the system, or skips the test if it is missing; pkg is
// the Debian package that has it.
func tool(t *testing.T, pkg, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install %s", name, pkg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment(t)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("in vain waited %v until %s", patience, what)
}

// play plays a script in the notation of package dialog.
func play(t *testing.T, addr, script string) {
	t.Helper()
	s, err := dialog.Parse(t.Name(), script)
	if err != nil {
		t.Fatal(err)
	}
	playScript(t, &dialog.Player{Dial: dialog.To(addr)}, s)
}

func playScript(t *testing.T, p *dialog.Player, s *dialog.Script) {
	t.Helper()
	var log bytes.Buffer
	p.Log = &log
	if err := p.Play(t.Context(), s); err != nil {
		t.Fatalf("%v\nthe dialogue so far:\n%s", err, log.String())
	}
}

// imap is a connection that speaks raw IMAP.
type imap struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	tag  int
}

// login opens an IMAP connection for a user.
func login(t *testing.T, addr, user, password string) *imap {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &imap{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.line()
	c.do("LOGIN %s %s", user, password)
	return c
}

// line reads one line, without its end.
func (c *imap) line() string {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	s, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("IMAP: %v", err)
	}
	return strings.TrimRight(s, "\r\n")
}

// do sends a command and returns everything before its OK.
func (c *imap) do(format string, args ...any) string {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d ", c.tag)
	command := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(c.conn, tag+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	var out strings.Builder
	for {
		l := c.line()
		if done, ok := strings.CutPrefix(l, tag); ok {
			if !strings.HasPrefix(done, "OK") {
				c.t.Fatalf("%s: %s", command, done)
			}
			return out.String()
		}
		out.WriteString(l + "\n")
	}
}

// count is the number of messages in a folder.
func (c *imap) count(folder string) int {
	c.t.Helper()
	var n int
	reply := c.do("STATUS %s (MESSAGES)", folder)
	if _, err := fmt.Sscanf(reply[strings.Index(reply, "(")+1:], "MESSAGES %d", &n); err != nil {
		c.t.Fatalf("STATUS: %q", reply)
	}
	return n
}
