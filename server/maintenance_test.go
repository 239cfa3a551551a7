package server

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/mailbox"
	"glassmail/store/bolt"
)

// Mail goes out of one node's data and into another's, and comes to the same.
func TestCare(t *testing.T) {
	conf := config.Default()
	conf.Data = filepath.Join(t.TempDir(), "data")
	s, err := OpenStore(&conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := newControl(conf.Data, NewAdmin(s, time.Now), nil)
	if err != nil {
		t.Fatal(err)
	}
	go c.Run()
	defer c.Close()
	a, err := DialControl(conf.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"bob@hamburger.edu", "copy@hamburger.edu"} {
		if err := a.AddAccount(t.Context(), u, "secret", 0); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"1.eml", "2.eml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("Subject: "+name+"\r\n\r\nhi\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	care := func(task Task) Outcome {
		t.Helper()
		out, err := a.Care(t.Context(), task, func(done, total int64) {})
		if err != nil {
			t.Fatalf("%+v: %v", task, err)
		}
		return out
	}
	eml := Task{Do: "import", User: "bob@hamburger.edu", Format: "eml", Path: dir, Into: "Archive"}
	if got := care(eml).Imported; got.Added != 2 || got.Known != 0 {
		t.Errorf("imported %+v, want 2", got)
	}
	if got := care(eml).Imported; got.Added != 0 || got.Known != 2 {
		t.Errorf("imported again: %+v, want none", got)
	}
	v := care(Task{Do: "show", What: "bob@hamburger.edu/Archive/2"}).Shown
	if v == nil || len(v.Copies) != 1 || v.Copies[0].Folder != "Archive" || v.Copies[0].UID != 2 || v.Frame.Problem != "" {
		t.Errorf("shown: %+v", v)
	}
	if again := care(Task{Do: "show", What: string(v.ID)}).Shown; again.Text != v.Text || !strings.HasPrefix(v.Text.Head, "Subject: 2.eml") {
		t.Errorf("shown by number: %+v", again.Text)
	}
	for _, what := range []string{"bob@hamburger.edu/Archive/3", "bob@hamburger.edu/Nope/1", "nobody@hamburger.edu/INBOX/1", "none"} {
		if _, err := a.Care(t.Context(), Task{Do: "show", What: what}, nil); !errors.Is(err, mailbox.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, format := range []string{"tar", "mbox", "maildir"} {
		path := filepath.Join(t.TempDir(), "out")
		care(Task{Do: "export", User: "bob@hamburger.edu", Format: format, Path: path})
		care(Task{Do: "import", User: "copy@hamburger.edu", Format: format, Path: path, Into: format})
		if got := texts(t, s, "copy@hamburger.edu", format); len(got) != 2 || !strings.HasPrefix(got[0], "Subject: 1.eml\r\n") {
			t.Errorf("through %s came %q", format, got)
		}
	}
	if f := care(Task{Do: "verify", Texts: true}).Findings; f.Accounts != 2 || len(f.Problems) != 0 {
		t.Errorf("verify found %+v", f)
	}
	if f := care(Task{Do: "repair"}).Findings; len(f.Problems) != 0 {
		t.Errorf("repair found %+v", f)
	}
	care(Task{Do: "compact"})
	backup := filepath.Join(t.TempDir(), "backup")
	care(Task{Do: "backup", Path: backup})
	if st := care(Task{Do: "stats"}).Stats; st.Texts == 0 {
		t.Errorf("stats %+v", st)
	}
	conf.Data = backup
	restored, err := OpenStore(&conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if got := texts(t, restored, "bob@hamburger.edu", "Archive"); len(got) != 2 {
		t.Errorf("the backup has %d messages, want 2", len(got))
	}
	for _, wrong := range []Task{{Do: "dance"}, {Do: "export", User: "nobody@hamburger.edu"}, {Do: "export", User: "bob@hamburger.edu", Format: "zip"},
		{Do: "import", User: "bob@hamburger.edu", Format: "mbox", Path: filepath.Join(dir, "missing")}} {
		if _, err := a.Care(t.Context(), wrong, nil); err == nil {
			t.Errorf("%+v succeeded", wrong)
		}
	}
}

// What keeps a node from starting says what to do, in words that are commands.
func TestExplainOpen(t *testing.T) {
	conf := config.Default()
	conf.Data = filepath.Join(t.TempDir(), "data")
	s, err := OpenStore(&conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(&conf, time.Now); err == nil || !strings.Contains(err.Error(), "process") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("in use: %v", err)
	}
	if _, err := RebuildStore(&conf, bolt.RebuildOptions{}); err == nil || !strings.Contains(err.Error(), "stop that node first") {
		t.Errorf("rebuild while in use: %v", err)
	}
	if err := errors.Join(NewAdmin(s, time.Now).AddAccount(t.Context(), "bob@hamburger.edu", "secret", 0), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(conf.Data, "index.db"), make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenStore(&conf, time.Now)
	for _, part := range []string{conf.Data, "index.db", "glassmail mailbox rebuild --data ", "glassmail mailbox verify --data "} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("damaged: %v, want %q in it", err, part)
		}
	}
}

// What has no end, or can be read once only, is refused in every format.
func TestImportOfDevices(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such files")
	}
	conf := config.Default()
	conf.Data = filepath.Join(t.TempDir(), "data")
	s, err := OpenStore(&conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := NewAdmin(s, time.Now)
	if err := a.AddAccount(t.Context(), "bob@hamburger.edu", "secret", 0); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"tar", "mbox", "maildir", "eml"} {
		for _, path := range []string{"/dev/zero", "/dev/random"} {
			_, err := a.Care(t.Context(), Task{Do: "import", User: "bob@hamburger.edu", Format: format, Path: path}, nil)
			if err == nil || !strings.Contains(err.Error(), "no regular file") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s as %s: %v", path, format, err)
			}
		}
	}
}
