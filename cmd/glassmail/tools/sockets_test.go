package tools

import (
	"bufio"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"glassmail/cmd/glassmail/cli"
)

func TestSockets(t *testing.T) {
	for _, kind := range []string{"udp", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			cmd := Sockets()
			cmd.SetArgs([]string{kind + "-server", "--listen", "127.0.0.1:0"})
			cmd.SetOut(w)
			done := make(chan error, 1)
			go func() { done <- cmd.ExecuteContext(ctx) }()
			printed := bufio.NewReader(r)
			first, _ := printed.ReadString('\n')
			m := regexp.MustCompile(`ready on (\S+)\.\n`).FindStringSubmatch(first)
			if m == nil {
				t.Fatalf("the server printed %q", first)
			}
			go io.Copy(io.Discard, printed)
			out, err := runs(t, Sockets(), "ketchup\n", kind+"-client", "--server", m[1])
			if err != nil {
				t.Error(err)
			}
			contains(t, out, `Sent "ketchup"`, `Got "KETCHUP" from `+m[1])
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			w.Close()
		})
	}
}

func TestSocketsShow(t *testing.T) {
	out, err := runs(t, Sockets(), "", "show", "udp-client")
	if err != nil || !strings.Contains(out, "func UDPClient(") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runs(t, Sockets(), "", "show", "tcp-server", "--python")
	if err != nil || !strings.Contains(out, "serverSocket.accept()") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSocketsUsage(t *testing.T) {
	for _, args := range [][]string{
		{"nonsense"}, {"udp-server", "x"}, {"udp-client", "--tries", "0"}, {"tcp-client", "--timeout", "0s"}, {"show"}, {"show", "x"}, {"udp-client", "--wrong"},
	} {
		if _, err := runs(t, Sockets(), "", args...); code(err) != cli.Usage {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := runs(t, Sockets(), "x\n", "tcp-client", "--server", "127.0.0.1:1"); code(err) != cli.Failed {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestHelp: each command explains itself with an example.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"udp-server"}, {"udp-client"}, {"tcp-server"}, {"tcp-client"}, {"show"}} {
		out, err := runs(t, Sockets(), "", append(args, "--help")...)
		if err != nil || !strings.Contains(out, "Examples:\n  glassmail sockets ") && !strings.Contains(out, "Examples:\n  echo ") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	for name, cmd := range map[string]func() (string, error){
		"telnet": func() (string, error) { return runs(t, Telnet(), "", "--help") },
		"send":   func() (string, error) { return runs(t, Send(), "", "--help") },
	} {
		if out, err := cmd(); err != nil || !strings.Contains(out, "Examples:\n") || !strings.Contains(out, "glassmail "+name) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
