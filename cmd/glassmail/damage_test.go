package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/smtp"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/lab"
)

// aNode is a node in this process, started as the command serve does.
type aNode struct {
	ready lab.Ready
	out   safeBuffer // what it writes to standard output
	errs  safeBuffer // and to standard error
	stop  context.CancelFunc
	done  chan error
}

// startNode starts a node on free ports, and returns when it serves or has failed.
func startNode(t *testing.T, data string, args ...string) (*aNode, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	ctx, stop := context.WithCancel(t.Context())
	n := &aNode{stop: stop, done: make(chan error, 1)}
	up := make(chan struct{})
	root := newRoot()
	root.SetArgs(append([]string{
		"serve", "--data", data, "--domain", "hamburger.edu", "--ready", file, "--submission", "", "--submissions", "", "--imaps", "",
		"--smtp", "127.0.0.1:0", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0",
	}, args...))
	root.SetOut(io.MultiWriter(&n.out, &trigger{word: "connect", fire: sync.OnceFunc(func() { close(up) })})) // who can connect is said last
	root.SetErr(&n.errs)
	go func() { n.done <- root.ExecuteContext(ctx) }()
	select {
	case <-up:
	case err := <-n.done:
		stop()
		return nil, err
	case <-time.After(time.Minute):
		t.Fatal("the node neither serves nor fails")
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &n.ready)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n, nil
}

func (n *aNode) end(t *testing.T) {
	t.Helper()
	n.stop()
	if err := <-n.done; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func (n *aNode) deliver() error {
	c, err := smtp.Dial(n.ready.Nodes["hamburger.edu"].SMTP)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.Mail("alice@crepes.fr"), c.Rcpt("bob@hamburger.edu")); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "Subject: x\r\n\r\nHello.\r\n")
	return errors.Join(err, w.Close(), c.Quit())
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// trigger fires when a word is written.
type trigger struct {
	word string
	fire func()
	tail []byte // of what was written before, for a word may come in two
}

func (w *trigger) Write(p []byte) (int, error) {
	w.tail = append(w.tail, p...)
	if bytes.Contains(w.tail, []byte(w.word)) {
		w.fire()
	}
	w.tail = w.tail[max(0, len(w.tail)-len(w.word)):]
	return len(p), nil
}

// glassmail runs a command to its end.
func glassmail(args ...string) (string, int) {
	var out bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &out)
	return out.String(), code
}

// Every file of a data folder may be cut short by a loss of power, or be
// overwritten. A start then either works, with the mail that was accepted and a
// line about what was made again, or says how to mend it, and that mends it.
func TestDamagedFiles(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "data")
	n, err := startNode(t, whole, "--user", "bob:secretbob")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.deliver(); err != nil {
		t.Fatal(err)
	}
	kept := filesOf(t, whole) // while it runs: control.json is there
	n.end(t)
	for name, text := range filesOf(t, whole) {
		kept[name] = text
	}
	if len(kept) < 8 {
		t.Fatalf("%d files only", len(kept))
	}
	for name, text := range kept {
		for how, with := range map[string][]byte{
			"empty": {}, "half": text[:len(text)/2], "zeros": make([]byte, min(len(text), 4096)),
			"garbage": bytes.Repeat([]byte("\xfe\x01no"), 1+min(len(text), 8192)/4),
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				data := copyOf(t, kept)
				put(t, filepath.Join(data, filepath.FromSlash(name)), with)
				startDamaged(t, data, name, how)
			})
		}
	}
}

func startDamaged(t *testing.T, data, name, how string) {
	n, err := startNode(t, data)
	repaired := err != nil
	if repaired {
		mend(t, data, name, err)
		if n, err = startNode(t, data); err != nil {
			t.Fatalf("mended as the error said: %v", err)
		}
	} else if !strings.Contains(n.errs.String(), filepath.Base(name)) && !silent(name, how) {
		t.Errorf("no line names the file; standard error:\n%s", n.errs.String())
	}
	if err := n.deliver(); err != nil && !strings.Contains(err.Error(), "550") { // 550: the account had to be made again
		t.Error(err)
	}
	n.end(t)
	if repaired { // texts may be lost, and are told as such
		glassmail("mailbox", "verify", "--repair", "--data", data)
	}
	out, code := glassmail("mailbox", "verify", "--data", data)
	if code != 0 && !(strings.HasSuffix(name, ".seg") && strings.Contains(out, "text 00000001: segment 00000001 at ")) {
		t.Errorf("verify: %d\n%s", code, out)
	}
}

// silent are files whose damage changes nothing that anybody could miss.
func silent(name, how string) bool {
	return name == "lock" || // it is its being locked that counts
		strings.HasSuffix(name, ".seg") && how == "half" // room reserved and not yet used
}

// mend does what an error of a start says.
func mend(t *testing.T, data, name string, err error) {
	t.Helper()
	switch text := err.Error(); {
	case strings.Contains(text, "remove both files"):
		for _, f := range []string{"ca.pem", "ca-key.pem"} {
			if !strings.Contains(text, f) {
				t.Errorf("the error does not name %s", f)
			}
			os.Remove(filepath.Join(data, "tls", f))
		}
	case strings.Contains(text, "glassmail mailbox rebuild --data "+data):
		if !strings.Contains(text, data) {
			t.Error("the error does not name the folder")
		}
		out, code := glassmail("mailbox", "rebuild", "--data", data)
		if code != 0 {
			out, code = glassmail("mailbox", "rebuild", "--data", data, "--fresh")
		}
		if code != 0 {
			t.Fatalf("rebuild: %d\n%s", code, out)
		}
	default:
		t.Fatalf("%s: the error does not say how to mend it: %v", name, err)
	}
}

func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		out[filepath.ToSlash(rel)], err = os.ReadFile(name)
		if runtime.GOOS != "windows" {
			if st, e := os.Stat(name); e != nil || st.Mode().Perm()&0o077 != 0 && !isCertificate(name) {
				t.Errorf("%s can be read by others: %v, %v", rel, st.Mode(), e)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func isCertificate(name string) bool {
	return strings.HasSuffix(name, ".pem") && !strings.HasSuffix(name, "-key.pem")
}

func copyOf(t *testing.T, files map[string][]byte) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	for name, text := range files {
		put(t, filepath.Join(data, filepath.FromSlash(name)), text)
	}
	for _, d := range []string{"blobs", "journal"} {
		if err := os.MkdirAll(filepath.Join(data, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func put(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
