package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// glassmail is a node for hamburger.edu.
type glassmail struct {
	program, data string
	cmd           *exec.Cmd
	out           bytes.Buffer
	done          chan struct{}
	smtp          string
}

const glassmailConfig = `domains = ["hamburger.edu"]
data = %q
[listen]
smtp = ["127.0.0.1:0"]
submission = []
submissions = []
imap = []
imaps = []
web = []
[limits]
connections_per_address = 1000
`

// startGlassmail builds the program if there is none yet, and starts it.
func startGlassmail(ctx context.Context, program, dir string) (*glassmail, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if program == "" {
		program = filepath.Join(dir, "program")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "glassmail/cmd/glassmail")
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	g := &glassmail{program: program, data: filepath.Join(dir, "data"), done: make(chan struct{})}
	file, ready := filepath.Join(dir, "glassmail.toml"), filepath.Join(dir, "ready")
	if err := os.WriteFile(file, fmt.Appendf(nil, glassmailConfig, g.data), 0o600); err != nil {
		return nil, err
	}
	g.cmd = exec.Command(program, "serve", "--config", file, "--user", "bob:bob", "--ready", ready)
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.out
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(g.done)
		g.cmd.Wait()
	}()
	if err := g.wait(ctx, ready); err != nil {
		return nil, errors.Join(err, g.stop())
	}
	return g, nil
}

// wait reads the ready file once it is there.
func (g *glassmail) wait(ctx context.Context, file string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if b, err := os.ReadFile(file); err == nil {
			var ready struct {
				Nodes map[string]struct{ SMTP string }
			}
			if err := json.Unmarshal(b, &ready); err != nil {
				return err
			}
			g.smtp = ready.Nodes["hamburger.edu"].SMTP
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("glassmail is not ready: %w", ctx.Err())
		case <-g.done:
			return fmt.Errorf("glassmail ended:\n%s", g.out.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (g *glassmail) name() string { return "glassmail" }

func (g *glassmail) addr() string { return g.smtp }

func (g *glassmail) delivered(ctx context.Context) (int, error) {
	out, err := exec.CommandContext(ctx, g.program, "mailbox", "list", "bob@hamburger.edu", "--json", "--data", g.data).Output()
	if err != nil {
		return 0, err
	}
	var folders []struct {
		Name     string
		Messages int
	}
	if err := json.Unmarshal(out, &folders); err != nil {
		return 0, err
	}
	for _, f := range folders {
		if f.Name == "INBOX" {
			return f.Messages, nil
		}
	}
	return 0, errors.New("there is no INBOX")
}

func (g *glassmail) stop() error {
	g.cmd.Process.Signal(os.Interrupt)
	select {
	case <-g.done:
		return nil
	case <-time.After(20 * time.Second):
		g.cmd.Process.Kill()
		<-g.done
		return errors.New("glassmail had to be killed")
	}
}
