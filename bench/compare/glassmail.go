package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// glassmailConfig is a node for hamburger.edu that takes all its connections
// from one address.
const glassmailConfig = `domains = ["hamburger.edu"]
data = %q
[listen]
smtp = ["127.0.0.1:0"]
submission = []
submissions = []
imap = []
imaps = []
web = %[3]q
[limits]
connections = %[2]d
connections_per_address = %[2]d
`

// startTime bounds the start of a server.
const startTime = 30 * time.Second

// build makes the program of this source.
func build(ctx context.Context, program string) error {
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "glassmail/cmd/glassmail").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// startGlassmail runs "glassmail serve".
func startGlassmail(ctx context.Context, p place) (*subject, error) {
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, err
	}
	data, file, ready := filepath.Join(p.dir, "data"), filepath.Join(p.dir, "glassmail.toml"), filepath.Join(p.dir, "ready")
	web := []string{}
	if p.web {
		web = []string{"127.0.0.1:0"}
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, glassmailConfig, data, p.connections+50, web), 0o600); err != nil {
		return nil, err
	}
	s := &subject{name: glassmailName, data: data, group: newGroup(filepath.Base(p.dir))}
	var out bytes.Buffer
	cmd := s.group.command(p.under, p.program, "serve", "--config", file, "--user", "bob:bob", "--ready", ready)
	cmd.Stdout, cmd.Stderr = &out, &out
	c, err := startChild(cmd)
	if err != nil {
		return nil, errors.Join(err, s.group.remove())
	}
	s.group.root = cmd.Process.Pid
	s.stop = func() error {
		return errors.Join(s.group.interrupt(p.program), c.end(s.name), s.group.remove())
	}
	s.delivered = func(ctx context.Context) (int, error) { return inbox(ctx, p.program, data) }
	if s.addr, s.web, err = readyAddrs(ctx, ready, c); err != nil {
		return nil, fmt.Errorf("glassmail: %w\n%s", errors.Join(err, s.stop()), out.String())
	}
	return s, nil
}

// readyAddrs are the SMTP address and the pages' in the file that serve writes once
// it serves.
func readyAddrs(ctx context.Context, file string, c *child) (smtp, web string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errors.New("not ready in time"))
	defer cancel()
	var ready struct {
		Nodes map[string]struct{ SMTP string }
		Web   string
	}
	err = until(ctx, 10*time.Millisecond, func() (bool, error) {
		select {
		case <-c.done:
			return false, fmt.Errorf("ended: %w", c.err)
		default:
		}
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		return true, json.Unmarshal(b, &ready)
	})
	return ready.Nodes["hamburger.edu"].SMTP, ready.Web, err
}

// inbox asks the running node how many messages bob has.
func inbox(ctx context.Context, program, data string) (int, error) {
	out, err := exec.CommandContext(ctx, program, "mailbox", "list", "bob@hamburger.edu", "--json", "--data", data).Output()
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
