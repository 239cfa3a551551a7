package book

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWriteFindRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	if got := Running(dir); got != nil {
		t.Errorf("books in no folder: %v", got)
	}
	b := Book{PID: os.Getpid(), Hosts: map[string]string{"Mail.Hamburger.edu.:25": "127.0.0.1:2526"}, Control: ControlFile(dir, 7)}
	if err := b.Write(dir, 2500); err != nil {
		t.Fatal(err)
	}
	books := Running(dir)
	if len(books) != 1 {
		t.Fatalf("%d books, want 1", len(books))
	}
	if books[0].Control != ControlFile(dir, 7) {
		t.Errorf("commands look at %q", books[0].Control)
	}
	for _, name := range []string{"mail.hamburger.edu:25", "MAIL.hamburger.EDU:25", "mail.hamburger.edu.:25"} {
		if addr, ok := books[0].Find(name); !ok || addr != "127.0.0.1:2526" {
			t.Errorf("%s is at %q, %v", name, addr, ok)
		}
	}
	for _, name := range []string{"mail.hamburger.edu:143", "mail.hamburger.edu", "", "crepes.fr:25"} {
		if addr, ok := books[0].Find(name); ok {
			t.Errorf("%s is at %q", name, addr)
		}
	}
	for range 2 {
		if err := Remove(dir, 2500); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFilePerLabNewestFirst(t *testing.T) {
	dir := t.TempDir()
	for base, addr := range map[int]string{2500: "127.0.0.1:2525", 3500: "127.0.0.1:3525"} {
		b := Book{PID: os.Getpid(), Hosts: map[string]string{"crepes.fr:25": addr}}
		if err := b.Write(dir, base); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(base), 0)
		if err := os.Chtimes(file(dir, base), at, at); err != nil {
			t.Fatal(err)
		}
	}
	books := Running(dir)
	if len(books) != 2 || books[0].Hosts["crepes.fr:25"] != "127.0.0.1:3525" {
		t.Errorf("books: %v", books)
	}
	if filepath.Base(file(dir, 2500)) != "lab-2500.json" {
		t.Errorf("the file is %s", file(dir, 2500))
	}
}

func TestStaleAndBrokenFilesArePassedOver(t *testing.T) {
	exe, err := os.Executable() // a program that is surely there
	if err != nil {
		t.Fatal(err)
	}
	dead := exec.Command(exe, "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := (Book{PID: dead.Process.Pid}).Write(dir, 1); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"lab-2.json": "no json", "lab-3.json": `{"pid":0}`, "lab-4.json": `{"pid":-1}`, "lab-5.json": "",
		"lab-6.json": `{"pid":1,"hosts":"` + strings.Repeat("x", maxFile) + `"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := Running(dir); got != nil {
		t.Errorf("books: %v", got)
	}
}

func TestDirIsBelowTheCache(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	if cache, _ := os.UserCacheDir(); filepath.Dir(dir) != cache || filepath.Base(dir) != "glassmail" {
		t.Errorf("the folder is %s", dir)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"pid":4711,"hosts":{"Mail.hamburger.edu.:25":"127.0.0.1:2526","x":"y"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := parse(text)
		if err != nil {
			return
		}
		for k, v := range maps.All(b.Hosts) {
			if got, ok := b.Find(k); !ok || got != v {
				t.Fatalf("%q is listed with %q and found with %q, %v", k, v, got, ok)
			}
		}
	})
}

// The file by which commands come in is not taken for a book.
func TestControlFileIsNoBook(t *testing.T) {
	dir := t.TempDir()
	text := fmt.Sprintf(`{"pid":%d,"addr":"127.0.0.1:1","token":"secret"}`, os.Getpid())
	if err := os.WriteFile(ControlFile(dir, os.Getpid()), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Running(dir); got != nil {
		t.Errorf("books %v", got)
	}
}
