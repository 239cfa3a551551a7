package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"glassmail/mailbox"
	"glassmail/mailbox/archive"
	"glassmail/store/memory"
)

// outcome is what an import came to, and what it told.
type outcome struct {
	archive.Imported
	refused, changed []string
	err              error
}

func importAll(s *memory.Store, c *archive.Collection, o archive.ImportOptions) (out outcome) {
	o.Append = appender(s)
	o.Refused = func(name string, err error) { out.refused = append(out.refused, name+": "+err.Error()) }
	o.Changed = func(name, how string) { out.changed = append(out.changed, name+": "+how) }
	out.Imported, out.err = archive.Import(context.Background(), s, bob, c, o)
	return out
}

// checkFolders holds the names that came in to the rule for names.
func checkFolders(t fataler, s *memory.Store) {
	folders, err := s.Folders(context.Background(), bob)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if name, err := mailbox.FolderName(f.Name); err != nil || name != f.Name || strings.Count(name, "/") >= mailbox.MaxLevels {
			t.Fatal(fmt.Sprintf("there is a folder %q: %v", f.Name, err))
		}
	}
}

// tarOf makes a tar file; a header without a type is a file's.
func tarOf(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		text := fmt.Sprintf("Subject: %x\n\nhi\n", h.Name)
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		} else {
			text = ""
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// One name that no folder may have does not keep the others out: it gets a name that is
// like it, with a line that says so.
func TestImportOfHostileNames(t *testing.T) {
	long := strings.Repeat("y", 200) + "/"
	for name, want := range map[string]string{
		"a/1.eml":                           "a",
		"/etc/passwd/1.eml":                 "etc/passwd",
		"../../../root/1.eml":               "root",
		"a/../../b/1.eml":                   "b",
		"a//b/1.eml":                        "a/b",
		"a%2Fb/1.eml":                       "a/b",
		"bell\a/1.eml":                      "bell_",
		"esc%1B[2J/1.eml":                   "esc_[2J",
		"line%0Afeed/1.eml":                 "line_feed",
		"latin%FF/1.eml":                    "latin_",
		"%2F/1.eml":                         "Imported",
		"%2F%2F/%2F/1.eml":                  "Imported",
		"c1\u0085/1.eml":                    "c1_",
		strings.Repeat("d/", 100) + "1.eml": strings.Repeat("d/", 19) + strings.Repeat("_d", 81)[1:],
		strings.Repeat(long, 8) + "1.eml":   "",
		"..%00/1.eml":                       ".._",
		"iNbOx/1.eml":                       "INBOX",
	} {
		s := newStore(t)
		b := tarOf(t, tar.Header{Name: "before/1.eml"}, tar.Header{Name: name, Format: tar.FormatPAX}, tar.Header{Name: "z/after/1.eml"})
		got := importAll(s, archive.OpenTar(bytes.NewReader(b), int64(len(b))), archive.ImportOptions{})
		if got.err != nil || got.Added != 3 || got.Refused != 0 {
			t.Errorf("%q: %+v", name, got)
			continue
		}
		checkFolders(t, s)
		folders := map[string]bool{}
		for _, m := range list(t, s, bob) {
			folders[m.Folder] = true
		}
		if want != "" && !folders[want] || !folders["before"] || !folders["z/after"] {
			t.Errorf("%q came into %v, want %q", name, folders, want)
		}
		if len(got.changed) != got.Changed || (got.Changed > 0) != (strings.ContainsAny(want, "_") || want == "Imported" || want == "") {
			t.Errorf("%q: told %q", name, got.changed)
		}
	}
}

// What a tar file has beside files is passed over, and so is what cannot be read as it
// stands; the rest comes in.
func TestImportOfHostileTar(t *testing.T) {
	year := time.Date(30000, 1, 1, 0, 0, 0, 0, time.UTC)
	b := tarOf(t,
		tar.Header{Name: "1.eml"},
		tar.Header{Name: "link.eml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		tar.Header{Name: "hard.eml", Typeflag: tar.TypeLink, Linkname: "1.eml"},
		tar.Header{Name: "device.eml", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5},
		tar.Header{Name: "pipe.eml", Typeflag: tar.TypeFifo},
		tar.Header{Name: "folder.eml", Typeflag: tar.TypeDir},
		tar.Header{Name: "README"},
		tar.Header{Name: "flags.eml", PAXRecords: map[string]string{"GLASSMAIL.flags": "\\Seen bad(word) \x01 " + strings.Repeat("k ", 3)}},
		tar.Header{Name: "future.eml", ModTime: year, Format: tar.FormatPAX},
	)
	s := newStore(t)
	got := importAll(s, archive.OpenTar(bytes.NewReader(b), int64(len(b))), archive.ImportOptions{})
	if got.err != nil || got.Added != 3 || got.Refused != 4 || got.Changed != 1 {
		t.Errorf("%+v", got)
	}
	for _, m := range list(t, s, bob) {
		if strings.HasPrefix(m.Date, "3") || strings.Contains(m.Text, "passwd:") {
			t.Errorf("%+v", m)
		}
	}

	if got := importAll(newStore(t), openBytes(sparseTar(t)), archive.ImportOptions{}); got.err != nil || got.Added != 1 || got.Refused != 1 || !strings.Contains(got.refused[0], "--sparse") {
		t.Errorf("sparse: %+v", got)
	}
	whole := tarOf(t, tar.Header{Name: "1.eml"}, tar.Header{Name: "2.eml"})
	cut := whole[:3*512+10]
	if got := importAll(newStore(t), openBytes(cut), archive.ImportOptions{}); got.err == nil || got.Added != 1 {
		t.Errorf("a file that was cut off: %+v", got)
	}
	if got := importAll(newStore(t), openBytes(whole), archive.ImportOptions{MaxSize: 10}); got.err != nil || got.Refused != 2 || !strings.Contains(got.refused[0], "longer than 10 bytes") {
		t.Errorf("long messages: %+v", got)
	}
}

func openBytes(b []byte) *archive.Collection {
	return archive.OpenTar(bytes.NewReader(b), int64(len(b)))
}

// sparseTar has a file of which the header says 8 EiB less one, with nothing in it
// (GNU, PAX format 1.0), and one that is as it should be.
func sparseTar(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	entry := func(typ byte, name, data string) {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000600\x000000000\x000000000\x00")
		copy(h[124:], fmt.Sprintf("%011o\x00", len(data)))
		copy(h[136:], "00000000000\x00        ")
		h[156] = typ
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
		b.Write(h)
		b.WriteString(data)
		b.Write(make([]byte, (512-len(data)%512)%512))
	}
	var pax strings.Builder
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=sparse.eml", "GNU.sparse.realsize=9223372036854775807"} {
		n := len(r) + 4
		if n > 99 {
			t.Fatal("too long")
		}
		fmt.Fprintf(&pax, "%d %s\n", n, r)
	}
	entry('x', "pax", pax.String())
	entry('0', "GNUSparseFile/sparse.eml", "0\n"+strings.Repeat("\x00", 510))
	entry('0', "2.eml", "Subject: x\n\n")
	b.Write(make([]byte, 1024))
	return b.Bytes()
}

// What has no end is refused before it is read, and what cannot be opened is passed
// over.
func TestImportOfWhatIsNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such files")
	}
	for _, device := range []string{"/dev/zero", "/dev/null", "/dev/urandom"} {
		for name, open := range map[string]func(string) (*archive.Collection, error){"mbox": archive.OpenMbox, "maildir": archive.OpenMaildir, "eml": archive.OpenEML} {
			if c, err := open(device); err == nil || !strings.Contains(err.Error(), "no regular file") {
				t.Errorf("%s as %s: %v", device, name, err)
				if err == nil {
					c.Close()
				}
			}
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"cur/1.a:2,S": "Subject: 1\n\n1\n", "new/2.b": "Subject: 2\n\n2\n", ".Box/cur/3.c:2,a": "Subject: 3\n\n3\n"} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, ".Box/cur/4.d")); err != nil { // not followed
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, ".Box/dovecot-keywords")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dovecot-keywords"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := archive.OpenMaildir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.Remove(filepath.Join(dir, "new/2.b")); err != nil { // a reader moved it meanwhile
		t.Fatal(err)
	}
	if got := importAll(newStore(t), c, archive.ImportOptions{}); got.err != nil || got.Added != 2 || got.Refused != 3 {
		t.Errorf("%+v", got)
	}
}

// FuzzTar imports any bytes as a tar file: it ends, makes no folder that no folder may
// be, and stores no more than was there.
func FuzzTar(f *testing.F) {
	f.Add(tarOf(f, tar.Header{Name: "a/1.eml"}, tar.Header{Name: "../%00/2.eml"}))
	f.Add(tarOf(f, tar.Header{Name: "x.eml", Typeflag: tar.TypeSymlink, Linkname: "y"}, tar.Header{Name: "a.eml", PAXRecords: map[string]string{"GLASSMAIL.flags": "\\Seen x"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStore(t)
		got := importAll(s, openBytes(b), archive.ImportOptions{})
		checkImport(t, s, got, len(b))
	})
}

// FuzzMaildir lays out files, of which paths has a name a line, and imports them.
func FuzzMaildir(f *testing.F) {
	f.Add("cur/1:2,S\nnew/2\n.A.B/cur/3:2,Sab\n.A%2E\x01/new/4\n../cur/5", "0 $Junk\n1 x y\n", "Subject: x\n\nhi\n")
	f.Add("a/b/c/cur/x;2,\n.\xff/cur/y\n...../new/z\ncur/cur/1", "\xff\n99 a\n-1 b", "")
	f.Fuzz(func(t *testing.T, paths, keywords, text string) {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		total := 0
		for p := range strings.SplitSeq(paths, "\n") {
			if len(p) > 300 || total > 50*len(text)+50 || filepath.IsAbs(p) || !filepath.IsLocal(p) {
				continue
			}
			if root.MkdirAll(filepath.Dir(p), 0o700) == nil && root.WriteFile(p, []byte(text), 0o600) == nil {
				total += len(text) + 1
				if root.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(p)), "dovecot-keywords"), []byte(keywords), 0o600) == nil {
					total += len(keywords) // it may lie where messages do
				}
			}
		}
		c, err := archive.OpenMaildir(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		got := importAll(s, c, archive.ImportOptions{})
		if got.err != nil {
			t.Fatal(got.err)
		}
		checkImport(t, s, got, total)
	})
}

// checkImport compares what was told with what is there; size is that of all that was
// imported from.
func checkImport(t *testing.T, s *memory.Store, got outcome, size int) {
	t.Helper()
	checkFolders(t, s)
	if got.Refused != len(got.refused) || got.Changed != len(got.changed) {
		t.Fatalf("%+v", got)
	}
	all := list(t, s, bob)
	stored := 0
	for _, m := range all {
		stored += len(m.Text)
		for k := range strings.FieldsSeq(m.Keywords) {
			if strings.ContainsAny(k, "(){%*\"\\]") || !utf8.ValidString(k) {
				t.Fatalf("keyword %q", k)
			}
		}
	}
	if len(all) != got.Added || stored > 2*size {
		t.Fatalf("%d messages of %d bytes, out of %d: %+v", len(all), stored, size, got)
	}
}
