package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A power cut right after the first start: a file system in an image is copied as
// its disk has it at that instant, without what the system has not written yet, and
// the copy is started. It needs root, for the mounts.
func TestPowerCutAfterFirstStart(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting an image needs root")
	}
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk.img")
	command(t, "truncate", "-s", "96M", disk)
	command(t, "mkfs.ext4", "-q", "-F", disk)
	at := mount(t, disk)
	data := filepath.Join(at, "deep", "data")
	n, err := startNode(t, data, "--user", "bob:secretbob")
	if err != nil {
		t.Fatal(err)
	}
	started := filepath.Join(dir, "started.img")
	command(t, "cp", "--sparse=always", disk, started)
	if err := n.deliver(); err != nil {
		t.Error(err)
	}
	delivered := filepath.Join(dir, "delivered.img")
	command(t, "cp", "--sparse=always", disk, delivered)
	running := n
	defer running.end(t)

	for image, messages := range map[string]string{started: " 0 messages", delivered: " 1 messages"} {
		at := mount(t, image)
		data := filepath.Join(at, "deep", "data")
		n, err := startNode(t, data)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(image), err)
			continue
		}
		if said := n.errs.String(); said != "" {
			t.Errorf("%s: files were lost:\n%s", filepath.Base(image), said)
		}
		n.end(t)
		if out, code := glassmail("mailbox", "verify", "--data", data); code != 0 || !strings.Contains(out, "1 accounts,") || !strings.Contains(out, messages) {
			t.Errorf("%s: verify: %d, want%s\n%s", filepath.Base(image), code, messages, out)
		}
	}
}

// mount mounts an image until the test ends.
func mount(t *testing.T, image string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "at")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	command(t, "mount", "-o", "loop", image, at)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v %s", at, err, out)
		}
	})
	return at
}

// command runs a program of the system, and skips the test where it cannot work.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Skipf("%s: %v %s", name, err, out)
	}
}
