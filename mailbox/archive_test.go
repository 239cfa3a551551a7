package mailbox_test

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
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/mail"
	"glassmail/mailbox"
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
func appender(s store.Store) mailbox.Appender {
	return func(ctx context.Context, d mailbox.Deposit, size int64, text io.Reader) (mailbox.Placed, error) {
		staged, err := s.Stage(ctx, size)
		if err != nil {
			return mailbox.Placed{}, err
		}
		defer staged.Discard()
		if n, err := io.Copy(staged, text); err != nil || n != size {
			return mailbox.Placed{}, fmt.Errorf("copied %d bytes of %d: %w", n, size, err)
		}
		rec, err := mailbox.Scan(staged, size)
		if err != nil {
			return mailbox.Placed{}, err
		}
		placed, err := s.Accept(ctx, staged, store.Acceptance{Deposits: []mailbox.Deposit{d}, Record: rec.Marshal(), Wait: true})
		if err != nil {
			return mailbox.Placed{}, err
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
		d := mailbox.Deposit{User: user, Folder: f.ID, Flags: m.Flags, Keywords: strings.Fields(m.Keywords), Date: date}
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
	create func(t fataler, dir string) mailbox.Archive
	open   func(t fataler, dir string) *mailbox.Collection
}

func formats() []format {
	must := func(t fataler, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return []format{
		{"mbox", func(t fataler, dir string) mailbox.Archive {
			a, err := mailbox.CreateMbox(dir)
			must(t, err)
			return a
		}, func(t fataler, dir string) *mailbox.Collection {
			c, err := mailbox.OpenMbox(dir)
			must(t, err)
			return c
		}},
		{"maildir", func(t fataler, dir string) mailbox.Archive {
			a, err := mailbox.CreateMaildir(dir)
			must(t, err)
			return a
		}, func(t fataler, dir string) *mailbox.Collection {
			c, err := mailbox.OpenMaildir(dir)
			must(t, err)
			return c
		}},
		{"tar", func(t fataler, dir string) mailbox.Archive {
			f, err := os.Create(filepath.Join(dir, "mail.tar"))
			must(t, err)
			return tarFile{mailbox.CreateTar(f), f}
		}, func(t fataler, dir string) *mailbox.Collection {
			b, err := os.ReadFile(filepath.Join(dir, "mail.tar"))
			must(t, err)
			return mailbox.OpenTar(bytes.NewReader(b), int64(len(b)))
		}},
	}
}

type tarFile struct {
	mailbox.Archive
	f *os.File
}

func (t tarFile) Close() error { return errors.Join(t.Archive.Close(), t.f.Close()) }

func export(t fataler, s store.Store, user string, f format, dir string) {
	a := f.create(t, dir)
	if err := mailbox.Export(context.Background(), s, user, a, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func imports(t fataler, s store.Store, user string, f format, dir string) mailbox.Imported {
	c := f.open(t, dir)
	defer c.Close()
	n, err := mailbox.Import(context.Background(), s, user, c, mailbox.ImportOptions{Append: appender(s)})
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

// An import that breaks off is finished by doing it again.
func TestImportResumes(t *testing.T) {
	for _, f := range formats() {
		t.Run(f.name, func(t *testing.T) {
			s, dir := newStore(t), t.TempDir()
			put(t, s, alice, messages())
			export(t, s, alice, f, dir)
			boom := errors.New("boom")
			left := 5
			add := appender(s)
			c := f.open(t, dir)
			defer c.Close()
			n, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{
				Append: func(ctx context.Context, d mailbox.Deposit, size int64, text io.Reader) (mailbox.Placed, error) {
					if left--; left < 0 {
						return mailbox.Placed{}, boom
					}
					return add(ctx, d, size, text)
				},
			})
			if n.Added != 5 || !errors.Is(err, boom) {
				t.Fatalf("%+v, %v", n, err)
			}
			if n := imports(t, s, bob, f, dir); n.Known != 5 || n.Added != len(messages())-5 {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestImportRefused(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	put(t, s, alice, messages()[:3])
	f := formats()[0]
	export(t, s, alice, f, dir)
	var names []string
	var progress []int64
	c := f.open(t, dir)
	defer c.Close()
	answers := []error{mail.NewReply(552, mail.Enhanced{5, 3, 4}, "too big"), mailbox.ErrInvalid, nil}
	n, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{
		Into: "Old/Mail",
		Append: func(ctx context.Context, d mailbox.Deposit, size int64, text io.Reader) (mailbox.Placed, error) {
			err := answers[0]
			answers = answers[1:]
			if err != nil {
				return mailbox.Placed{}, fmt.Errorf("append: %w", err)
			}
			return appender(s)(ctx, d, size, text)
		},
		Refused:  func(name string, err error) { names = append(names, name) },
		Progress: func(done, total int64) { progress = append(progress, done); _ = total },
	})
	if err != nil || n != (mailbox.Imported{Added: 1, Refused: 2}) || len(names) != 2 || !strings.HasPrefix(names[0], "INBOX.mbox at byte ") {
		t.Errorf("%+v, %v, %q", n, err, names)
	}
	if got := list(t, s, bob); len(got) != 1 || got[0].Folder != "Old/Mail" {
		t.Errorf("%+v", got)
	}
	if len(progress) != 3 || !slices.IsSorted(progress) || progress[2] > c.Total || progress[0] == 0 {
		t.Errorf("progress %d of %d", progress, c.Total)
	}
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

// What may heal is not passed over.
func TestImportStops(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	put(t, s, alice, messages()[:2])
	export(t, s, alice, formats()[0], dir)
	for _, fault := range []error{mail.NewReply(452, mail.Enhanced{4, 3, 1}, "no room"), mailbox.ErrQuota, mailbox.ErrFull} {
		c := formats()[0].open(t, dir)
		n, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{
			Append: func(context.Context, mailbox.Deposit, int64, io.Reader) (mailbox.Placed, error) {
				return mailbox.Placed{}, fault
			},
		})
		c.Close()
		if n != (mailbox.Imported{}) || !errors.Is(err, fault) {
			t.Errorf("%v: %+v, %v", fault, n, err)
		}
	}
}

func TestExportProgress(t *testing.T) {
	s := newStore(t)
	put(t, s, alice, messages())
	var size, last int64
	for _, m := range messages() {
		size += int64(len(m.Text))
	}
	err := mailbox.Export(context.Background(), s, alice, mailbox.CreateTar(io.Discard), func(done, total int64) {
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
	if err := mailbox.Export(ctx, s, alice, mailbox.CreateTar(io.Discard), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Nothing that exists is overwritten, and a Maildir is completed.
func TestExportTwice(t *testing.T) {
	s := newStore(t)
	put(t, s, alice, messages())
	dir := t.TempDir()
	export(t, s, alice, formats()[0], dir)
	a, err := mailbox.CreateMbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := mailbox.Export(context.Background(), s, alice, a, nil); !errors.Is(err, os.ErrExist) {
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

// Files that other programs wrote.
func TestImportForeign(t *testing.T) {
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		date := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
		if err := os.Chtimes(p, date, date); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("mbox", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "Sent", "From a@b Tue Jan  2 03:04:05 2024\nSubject: x\nStatus: RO\nX-Status: A\nX-Keywords: $Junk\n more\n\nFrom here on\n\nFrom a@b Tue Jan 2 04:04:05 2024 +0100\nSubject: y\n\nlast")
		c, err := mailbox.OpenMbox(filepath.Join(dir, "Sent"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{Append: appender(s)}); err != nil {
			t.Fatal(err)
		}
		want := []kept{
			{"Sent", "Subject: x\r\n\r\nFrom here on\r\n", "2024-01-02 03:04:05", mailbox.Seen | mailbox.Answered, "$Junk more"},
			{"Sent", "Subject: y\r\n\r\nlast", "2024-01-02 03:04:05", 0, ""},
		}
		if got := list(t, s, bob); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
	t.Run("maildir", func(t *testing.T) {
		dir := t.TempDir()
		colon := ":" // the usual sign before flags; Windows has no such file names
		if runtime.GOOS == "windows" {
			colon = "!"
		}
		write(t, dir, "cur/1.a"+colon+"2,FSa", "Subject: 1\n\nx\n")
		write(t, dir, "new/2.a", "Subject: 2\r\n\r\nx\r\n")
		write(t, dir, "dovecot-keywords", "0 $Junk\n")
		write(t, dir, "tmp/3.a", "half")
		write(t, dir, ".A.B/cur/4.a!2,T", "Subject: 4\n\nx")
		write(t, dir, "C/D/cur/5.a", "Subject: 5\n\nx")
		c, err := mailbox.OpenMaildir(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{Append: appender(s)}); err != nil {
			t.Fatal(err)
		}
		want := []kept{
			{"A/B", "Subject: 4\r\n\r\nx", "2024-01-02 03:04:05", mailbox.Deleted, ""},
			{"C/D", "Subject: 5\r\n\r\nx", "2024-01-02 03:04:05", 0, ""},
			{"INBOX", "Subject: 1\r\n\r\nx\r\n", "2024-01-02 03:04:05", mailbox.Seen | mailbox.Flagged, "$Junk"},
			{"INBOX", "Subject: 2\r\n\r\nx\r\n", "2024-01-02 03:04:05", 0, ""},
		}
		got := list(t, s, bob)
		slices.SortFunc(got, func(a, b kept) int { return strings.Compare(a.Folder+a.Text, b.Folder+b.Text) })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
	t.Run("eml", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "1.eml", "Subject: 1\n\nx\n")
		write(t, dir, "A/2.EML", "Date: Wed, 3 Jan 2024 00:00:00 +0000\nSubject: 2\n\nx\n")
		write(t, dir, "notes.txt", "no mail")
		c, err := mailbox.OpenEML(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := mailbox.Import(context.Background(), s, bob, c, mailbox.ImportOptions{Append: appender(s)}); err != nil {
			t.Fatal(err)
		}
		want := []kept{
			{"A", "Date: Wed, 3 Jan 2024 00:00:00 +0000\r\nSubject: 2\r\n\r\nx\r\n", "2024-01-03 00:00:00", 0, ""},
			{"INBOX", "Subject: 1\r\n\r\nx\r\n", "2024-01-02 03:04:05", 0, ""},
		}
		got := list(t, s, bob)
		slices.SortFunc(got, func(a, b kept) int { return strings.Compare(a.Folder, b.Folder) })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
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
