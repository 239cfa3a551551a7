package archive_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/mailbox"
	"glassmail/mailbox/archive"
	"glassmail/message"
	"glassmail/store"
	"glassmail/store/memory"
)

const alice, bob = "alice@crepes.fr", "bob@hamburger.edu"

type fataler interface{ Fatal(...any) }

func newStore(t fataler) *memory.Store {
	s := memory.New(time.Now)
	for _, a := range []string{alice, bob} {
		if err := s.PutAccount(context.Background(), mailbox.Account{Address: a}, true); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// appender adds messages as a node does.
func appender(s store.Store) archive.Appender {
	return func(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error) {
		staged, err := s.Stage(ctx, size)
		if err != nil {
			return mailbox.Appended{}, err
		}
		defer staged.Discard()
		if n, err := io.Copy(staged, text); err != nil || n != size {
			return mailbox.Appended{}, fmt.Errorf("copied %d bytes of %d: %w", n, size, err)
		}
		rec, err := message.Scan(staged, size)
		if err != nil {
			return mailbox.Appended{}, err
		}
		placed, err := s.Accept(ctx, staged, store.Acceptance{Deposits: []mailbox.Delivery{d}, Record: rec.Marshal(), Wait: true})
		if err != nil {
			return mailbox.Appended{}, err
		}
		return placed[0], nil
	}
}

// kept is a message as it should survive.
type kept struct {
	Folder, Text, Date string
	Flags              mailbox.Flags
	Keywords           string
}

func put(t fataler, s store.Store, user string, messages []kept) {
	ctx := context.Background()
	for _, m := range messages {
		f, err := s.Folder(ctx, user, m.Folder)
		if errors.Is(err, mailbox.ErrNotFound) {
			f, err = s.ChangeFolder(ctx, user, mailbox.FolderChange{New: m.Folder})
		}
		if err != nil {
			t.Fatal(err)
		}
		date, err := time.Parse(time.DateTime, m.Date)
		if err != nil {
			t.Fatal(err)
		}
		d := mailbox.Delivery{User: user, Folder: f.ID, Flags: m.Flags, Keywords: strings.Fields(m.Keywords), Date: date}
		if _, err := appender(s)(ctx, d, int64(len(m.Text)), strings.NewReader(m.Text)); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t fataler, s store.Store, user string) (out []kept) {
	ctx := context.Background()
	folders, err := s.Folders(ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		for m, err := range s.Messages(ctx, f.ID, mailbox.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			body, err := s.Body(ctx, m.Body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
			if err != nil {
				t.Fatal(err)
			}
			body.Close()
			slices.Sort(m.Keywords)
			out = append(out, kept{f.Name, string(text), m.Date.UTC().Format(time.DateTime), m.Flags, strings.Join(m.Keywords, " ")})
		}
	}
	return out
}

// format is a way out and the way back.
type format struct {
	name   string
	create func(t fataler, dir string) archive.Archive
	open   func(t fataler, dir string) *archive.Collection
}

func formats() []format {
	must := func(t fataler, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []format{
		{"mbox", func(t fataler, dir string) archive.Archive {
			a, err := archive.CreateMbox(dir)
			must(t, err)
			return a
		}, func(t fataler, dir string) *archive.Collection {
			c, err := archive.OpenMbox(dir)
			must(t, err)
			return c
		}},
		{"maildir", func(t fataler, dir string) archive.Archive {
			a, err := archive.CreateMaildir(dir)
			must(t, err)
			return a
		}, func(t fataler, dir string) *archive.Collection {
			c, err := archive.OpenMaildir(dir)
			must(t, err)
			return c
		}},
		{"tar", func(t fataler, dir string) archive.Archive {
			f, err := os.Create(filepath.Join(dir, "mail.tar"))
			must(t, err)
			return tarFile{archive.CreateTar(f), f}
		}, func(t fataler, dir string) *archive.Collection {
			b, err := os.ReadFile(filepath.Join(dir, "mail.tar"))
			must(t, err)
			return archive.OpenTar(bytes.NewReader(b), int64(len(b)))
		}},
	}
}

type tarFile struct {
	archive.Archive
	f *os.File
}

func (t tarFile) Close() error { return errors.Join(t.Archive.Close(), t.f.Close()) }

func export(t fataler, s store.Store, user string, f format, dir string) {
	a := f.create(t, dir)
	if err := archive.Export(context.Background(), s, user, a, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func imports(t fataler, s store.Store, user string, f format, dir string) archive.Imported {
	c := f.open(t, dir)
	defer c.Close()
	n, err := archive.Import(context.Background(), s, user, c, archive.ImportOptions{Append: appender(s)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func messages() []kept {
	all := mailbox.Seen | mailbox.Answered | mailbox.Flagged | mailbox.Deleted | mailbox.Draft
	return []kept{
		{"INBOX", "From: alice@crepes.fr\r\nSubject: 1\r\n\r\nDo you like ketchup?\r\n", "2024-01-02 03:04:05", all, "$Junk important"},
		{"INBOX", "Subject: 2\r\n\r\nFrom me\r\n\r\nFrom you\r\n>From them\r\n>>From\r\n\r\n\r\n", "1999-12-31 23:59:59", 0, ""},
		{"INBOX", "Subject: header only\r\n\r\n", "2024-01-02 03:04:06", mailbox.Seen, ""},
		{"INBOX", "Do you like ketchup?\r\nHow about pickles?\r\n", "2024-01-02 03:04:07", 0, ""},
		{"INBOX", "\r\nblank line first\r\n", "2024-01-02 03:04:08", 0, ""},
		{"INBOX", "From alice\r\nSubject: postmark\r\n\r\nx\r\n", "2024-01-02 03:04:09", mailbox.Flagged, ""},
		{"INBOX", "A: b\r\n\r\n" + strings.Repeat("long ", 50000) + "\r\n", "2024-01-02 03:04:10", mailbox.Seen, ""},
		{"INBOX", "A: b\r\n\r\n" + strings.Repeat("lines\r\n", 50000), "2024-01-02 03:04:11", 0, ""},
		{"Archive", "A: 1\r\n\r\n1\r\n", "2024-01-02 03:04:05", 0, ""},
		{"Archive/2024", "A: 2\r\n\r\n2\r\n", "2024-01-02 03:04:05", mailbox.Draft, ""},
		{"Archive/.hidden", "A: 3\r\n\r\n3\r\n", "2024-01-02 03:04:05", 0, ""},
		{"a.b/100%/..", "A: 4\r\n\r\n4\r\n", "2024-01-02 03:04:05", 0, "$Label1"},
		{"Crêpes & Pâtés: *?\\", "A: 5\r\n\r\n5\r\n", "2024-01-02 03:04:05", 0, ""},
	}
}

// What was there comes back, in another mailbox, and only once.
func TestExportImport(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			s, dir := newStore(t), t.TempDir()
			put(t, s, alice, messages())
			export(t, s, alice, f, dir)
			if n := imports(t, s, bob, f, dir); n.Added != len(messages()) || n.Known+n.Refused != 0 {
				t.Fatalf("%+v", n)
			}
			got, want := list(t, s, bob), list(t, s, alice)
			if f.name == "maildir" { // its order is by date
				slices.SortStableFunc(want, func(a, b kept) int {
					return cmp.Or(strings.Compare(a.Folder, b.Folder), strings.Compare(a.Date, b.Date))
				})
			}
			for i := range want {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("got  %.300q\nwant %.300q", fmt.Sprint(got[i]), fmt.Sprint(want[i]))
				}
			}
			if n := imports(t, s, bob, f, dir); n.Known != len(messages()) || n.Added+n.Refused != 0 {
				t.Errorf("again: %+v", n)
			}
		})
	}
}

func TestExportImportAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore(t)
		var in []kept
		seen := map[string]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "messages") {
			m := kept{Folder: "INBOX", Date: "2024-01-02 03:04:05"}
			m.Text = rapid.StringMatching(`(A: b\r\n( c\r\n)?){1,2}(\r\n(>{0,2}From [a-z]?\r\n|\r\n|x\r\n){0,5})?`).Draw(t, "text")
			if !seen[m.Text] {
				in = append(in, m)
			}
			seen[m.Text] = true
		}
		put(t, s, alice, in)
		for _, f := range formats() {
			dir, err := os.MkdirTemp("", "glassmail")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			export(t, s, alice, f, dir)
			n := imports(t, s, bob, f, dir)
			if n.Added+n.Known != len(in) {
				t.Fatalf("%s: %+v of %d", f.name, n, len(in))
			}
		}
		if got := list(t, s, bob); !reflect.DeepEqual(got, list(t, s, alice)) {
			t.Fatalf("got %+v\nwant %+v", got, in)
		}
	})
}

// A message whose last line is not ended does not run into the next one.
func TestMboxEndsLines(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	in := []kept{
		{"INBOX", "A: b\r\n\r\nno end", "2024-01-02 03:04:05", 0, ""},
		{"INBOX", "A: c", "2024-01-02 03:04:05", 0, ""},
		{"INBOX", "A: d\r\n\r\nx\r\n", "2024-01-02 03:04:05", 0, ""},
	}
	put(t, s, alice, in)
	export(t, s, alice, formats()[0], dir)
	imports(t, s, bob, formats()[0], dir)
	in[0].Text += "\r\n"
	in[1].Text += "\r\n"
	if got := list(t, s, bob); !reflect.DeepEqual(got, in) {
		t.Errorf("got %+v", got)
	}
}

func TestExportProgress(t *testing.T) {
	s := newStore(t)
	put(t, s, alice, messages())
	var size, last int64
	for _, m := range messages() {
		size += int64(len(m.Text))
	}
	err := archive.Export(context.Background(), s, alice, archive.CreateTar(io.Discard), func(done, total int64) {
		if done <= last || total != size {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil || last != size {
		t.Errorf("%d of %d, %v", last, size, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := archive.Export(ctx, s, alice, archive.CreateTar(io.Discard), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Nothing that exists is overwritten, and a Maildir is completed.
func TestExportTwice(t *testing.T) {
	s := newStore(t)
	put(t, s, alice, messages())
	dir := t.TempDir()
	export(t, s, alice, formats()[0], dir)
	a, err := archive.CreateMbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Export(context.Background(), s, alice, a, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
	a.Close()
	dir = t.TempDir()
	export(t, s, alice, formats()[1], dir)
	export(t, s, alice, formats()[1], dir)
	if n := imports(t, s, bob, formats()[1], dir); n.Added != len(messages()) || n.Known != 0 {
		t.Errorf("%+v", n)
	}
}

// Python's mailbox module agrees about what we write.
func TestExportReadByPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs the Debian package python3")
	}
	s := newStore(t)
	put(t, s, alice, messages())
	const script = `
import mailbox, sys
m = mailbox.mbox(sys.argv[1] + "/INBOX.mbox", create=False)
print(len(m), m[0]["Subject"], m[0].get_flags())
d = mailbox.Maildir(sys.argv[2], create=False)
print(len(d), sorted(d.list_folders()) == sorted(["Archive", "Archive.2024", "Archive.%2Ehidden", "a%2Eb", "a%2Eb.100%25", "a%2Eb.100%25.%2E%2E", "Crêpes & Pâtés%3A %2A%3F%5C"]))
print(sorted(x.get_flags() for x in d if x["Subject"] == "1"), sorted(x.get_date() for x in d if x["Subject"] == "1"))
`
	mbox, maildir := t.TempDir(), t.TempDir()
	export(t, s, alice, formats()[0], mbox)
	export(t, s, alice, formats()[1], maildir)
	cmd := exec.Command(python, "-c", script, mbox, maildir)
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "8 1 ROADFT\n8 True\n['DFRSTab'] [1704164645.0]\n"; string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}
