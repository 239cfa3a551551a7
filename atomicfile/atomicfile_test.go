package atomicfile_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"glassmail/atomicfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	for _, text := range []string{"first", "second", ""} {
		if err := atomicfile.Write(name, []byte(text), atomicfile.Private); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Errorf("%q, %v; want %q", b, err, text)
		}
	}
	if err := atomicfile.Write(filepath.Join(dir, "cert"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]os.FileMode{"key": 0o600, "cert": 0o644} {
		st, err := os.Stat(filepath.Join(dir, file))
		if err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", file, st, err)
		}
	}
	if left := names(t, dir); len(left) != 2 {
		t.Errorf("temporary files stayed: %v", left)
	}
}

// What could not be finished leaves the old file, and nothing beside it.
func TestNotFinished(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	if err := atomicfile.Write(name, []byte("old"), atomicfile.Private); err != nil {
		t.Fatal(err)
	}
	f, err := atomicfile.Create(name, atomicfile.Private)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("half")
	f.Discard()
	f.Discard()
	if err := atomicfile.Write(filepath.Join(dir, "gone", "key"), nil, atomicfile.Private); err == nil {
		t.Error("a file in a folder that is not there was written")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "folder", "in it"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "folder"), nil, atomicfile.Private); err == nil {
		t.Error("a file took the place of a folder")
	}
	if b, _ := os.ReadFile(name); string(b) != "old" {
		t.Errorf("the old file is %q", b)
	}
	if left := names(t, dir); len(left) != 2 {
		t.Errorf("temporary files stayed: %v", left)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := atomicfile.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.MkdirAll(filepath.Join(dir, "file", "c"), 0o700); err == nil {
		t.Error("a folder was made below a file")
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
