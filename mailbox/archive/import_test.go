package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/mailbox/archive"
)

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
			n, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{
				Append: func(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error) {
					if left--; left < 0 {
						return mailbox.Appended{}, boom
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
	n, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{
		Into: "Old/Mail",
		Append: func(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error) {
			err := answers[0]
			answers = answers[1:]
			if err != nil {
				return mailbox.Appended{}, fmt.Errorf("append: %w", err)
			}
			return appender(s)(ctx, d, size, text)
		},
		Refused:  func(name string, err error) { names = append(names, name) },
		Progress: func(done, total int64) { progress = append(progress, done); _ = total },
	})
	if err != nil || n != (archive.Imported{Added: 1, Refused: 2}) || len(names) != 2 || !strings.HasPrefix(names[0], "INBOX.mbox at byte ") {
		t.Errorf("%+v, %v, %q", n, err, names)
	}
	if got := list(t, s, bob); len(got) != 1 || got[0].Folder != "Old/Mail" {
		t.Errorf("%+v", got)
	}
	if len(progress) != 3 || !slices.IsSorted(progress) || progress[2] > c.Total || progress[0] == 0 {
		t.Errorf("progress %d of %d", progress, c.Total)
	}
}

// What may heal is not passed over.
func TestImportStops(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	put(t, s, alice, messages()[:2])
	export(t, s, alice, formats()[0], dir)
	for _, fault := range []error{mail.NewReply(452, mail.Enhanced{4, 3, 1}, "no room"), mailbox.ErrQuota, mailbox.ErrFull} {
		c := formats()[0].open(t, dir)
		n, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{
			Append: func(context.Context, mailbox.Delivery, int64, io.Reader) (mailbox.Appended, error) {
				return mailbox.Appended{}, fault
			},
		})
		c.Close()
		if n != (archive.Imported{}) || !errors.Is(err, fault) {
			t.Errorf("%v: %+v, %v", fault, n, err)
		}
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
		c, err := archive.OpenMbox(filepath.Join(dir, "Sent"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{Append: appender(s)}); err != nil {
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
		c, err := archive.OpenMaildir(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{Append: appender(s)}); err != nil {
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
		c, err := archive.OpenEML(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := newStore(t)
		if _, err := archive.Import(context.Background(), s, bob, c, archive.ImportOptions{Append: appender(s)}); err != nil {
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
