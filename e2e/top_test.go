package e2e_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// screen is a program in a terminal of tmux, 80 columns wide and 24 lines high.
type screen struct {
	t      *testing.T
	socket string
}

// onScreen starts a program of the house in a terminal. vars are added to its
// environment.
func onScreen(t *testing.T, vars []string, args ...string) *screen {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is missing: apt-get install tmux")
	}
	dir, err := os.MkdirTemp("", "glassmail-tmux-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t, filepath.Join(dir, "s")}
	t.Cleanup(func() {
		s.tmux("kill-server")
		os.RemoveAll(dir)
	})
	shell := exec.Command("tmux", append([]string{"-S", s.socket, "-f", os.DevNull, "-u", "new-session", "-d", "-x", "80", "-y", "24", "--",
		program}, args...)...)
	shell.Env = append(append(environment(t), "TERM=xterm-256color"), vars...)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	return s
}

func (s *screen) tmux(args ...string) (string, error) {
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	return string(out), err
}

// press types keys, by their names in tmux.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	if out, err := s.tmux(append([]string{"send-keys"}, keys...)...); err != nil {
		s.t.Fatalf("send-keys: %v\n%s", err, out)
	}
}

// want waits until all texts are on the screen, and returns it.
func (s *screen) want(texts ...string) string {
	s.t.Helper()
	shown := ""
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the screen was\n%s", shown)
		}
	}()
	eventually(s.t, fmt.Sprintf("the screen shows %q", texts), func() bool {
		shown, _ = s.tmux("capture-pane", "-p")
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return false
			}
		}
		return true
	})
	return shown
}

// ended waits until the program has ended.
func (s *screen) ended() {
	s.t.Helper()
	eventually(s.t, "the program ends", func() bool {
		_, err := s.tmux("has-session")
		return err != nil
	})
}

// freeAddr is an address of this machine at which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A message is watched on its way, line by line; the lab is stopped, and another
// takes its place.
func TestTop(t *testing.T) {
	web := freeAddr(t)
	s := onScreen(t, nil, "top", "--url", "http://"+web)
	s.want("✕ no answer", "glassmail lab")
	l := start(t, "lab", "--port-base", "0", "--web", web)
	s.want("● crepes.fr · hamburger.edu", "No message yet")

	s.press("Space")
	s.want("Every line waits now")
	sent := make(chan string)
	go func() {
		out, code := run(t, "", "send", "--server", l.ready.Nodes["crepes.fr"].Submission, "--auth", "alice:alice",
			"--from", "alice@crepes.fr", "--to", "bob@hamburger.edu", "--subject", "น้ำจิ้มรสเด็ด", "--body", "Do you like ketchup?")
		sent <- fmt.Sprint(code, out)
	}()
	s.want("⏸ paused, 1 line waits", "next, at crepes.fr: S: 220")
	s.press("Right")
	s.want("next, at crepes.fr: C: EHLO")
	s.press("Space")
	if out := <-sent; !strings.HasPrefix(out, "0") {
		t.Fatalf("send: %s", out)
	}

	shown := s.want("alice@crepes.fr", "bob@hamburger.edu", "น้ำจิ้ม", "delivered")
	checkColumns(t, shown)
	s.press("Enter")
	s.want("[delivered]", "═MAIL FROM", "◀╍250", "hambur")
	s.press("/", "Q", "Space", "h", "Enter")
	s.want("─MX?", "C: Q hamburger.edu. MX")
	s.press("/", "R", "C", "P", "T", "Enter")
	s.want("RCPT TO:<bob@hamburger.edu>", "a recipient on the envelope")
	s.press("b")
	s.want("52 43 50 54")
	s.press("l")
	s.want("การเดินทาง", "RCPT TO:<bob@hamburger.edu>", "52 43 50 54")
	s.press("l", "w")
	s.want("What if one fact were different?")
	s.press("3")
	s.want("sent again: bounced", "◀╍550")
	s.press("2")
	s.want("mail.hamburger.edu.", "203.0.113.25")

	s.press("4")
	conn, err := net.Dial("tcp", l.ready.Nodes["hamburger.edu"].SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.want("hamburger.edu SMTP", "220 hamburger.edu")
	s.press("/", "2", "2", "0", "Enter", "Enter") // a relay's connection may be open too
	s.want("S: 220 hamburger.edu", "who you are: HELO or EHLO")
	fmt.Fprint(conn, "HELO crepes.fr\r\n")
	s.want("S: 250 Hello crepes.fr", "─HELO crepes.fr")
	s.press("x")
	s.want("The connection is cut.")

	l.stop()
	s.want("✕ no answer", "What you see is old")
	start(t, "lab", "--port-base", "0", "--web", web)
	s.press("1")
	s.want("● crepes.fr", "No message yet")
	s.press("q")
	s.ended()
}

// checkColumns holds the terminal's own count of cells against ours: what stands
// behind Thai text is where it belongs.
func checkColumns(t *testing.T, shown string) {
	t.Helper()
	for line := range strings.Lines(shown) {
		if strings.Contains(line, "alice@crepes.fr") && !strings.HasPrefix(line, "▸") {
			t.Errorf("the row begins with %q", line)
		}
	}
}

// Into a pipe, each event is a line.
func TestTopLines(t *testing.T) {
	l := startLab(t)
	play(t, l.ready.Nodes["hamburger.edu"].SMTP, "S: 220 hamburger.edu\nC: HELO crepes.fr\nS: 250 Hello crepes.fr, pleased to meet you\nC: QUIT\nS: 221 hamburger.edu closing connection\n")
	cmd := exec.Command(program, "top", "--url", l.ready.Web, "--lang", "th", "--explain")
	cmd.Env = environment(t)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "smtp#1   C: HELO crepes.fr  # ") {
			break
		}
	}
	if !strings.ContainsAny(lines.Text(), "กขคงจฉชซ") {
		t.Errorf("the line is %q", lines.Text())
	}
	out.Close() // as head does; the next event finds nobody who reads
	play(t, l.ready.Nodes["hamburger.edu"].SMTP, "S: 220 hamburger.edu\nC: QUIT\nS: 221 hamburger.edu closing connection\n")
	err = cmd.Wait()
	if cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("it ended with %v", err)
	}

	printed, code := run(t, "", "top", "--url", "http://"+freeAddr(t))
	if code != 1 || !strings.Contains(printed, "glassmail lab") {
		t.Errorf("without a server: exit code %d, %s", code, printed)
	}
}
