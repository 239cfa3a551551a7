package bolt

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// writeFormat names a folder into which TestFormats writes stores of today's
// format. When the format changes, keep what is in testdata and add a folder:
//
//	GLASSMAIL_WRITE_FORMAT=testdata/format-2 go test -run TestFormats ./store/bolt
const writeFormat = "GLASSMAIL_WRITE_FORMAT"

func formatOptions() Options {
	return Options{SegmentSize: 64 << 10, InlineSize: 1024, Delay: time.Hour, Reserve: -1}
}

// TestFormats opens the files of every version that there was, as they are after a
// clean end and after a crash, finds everything that was put in, and goes on with
// them.
func TestFormats(t *testing.T) {
	if dir := os.Getenv(writeFormat); dir != "" {
		writeFormats(t, dir)
	}
	archives, err := filepath.Glob("testdata/format-*/*.tar.gz")
	if err != nil || len(archives) < 2*indexFormat {
		t.Fatalf("%d archives, %v; want two for each of %d formats", len(archives), err, indexFormat)
	}
	for _, name := range archives {
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, name, dir)
			s := openTest(t, dir, formatOptions())
			if crashed := filepath.Base(name) == "crashed.tar.gz"; crashed != (s.Opened().Replayed > 0) {
				t.Errorf("%d messages replayed", s.Opened().Replayed)
			}
			checkFormat(t, s, 0)
			if err := errors.Join(deliver(s, "new", 500, true), s.Close()); err != nil {
				t.Fatal(err)
			}
			s = openTest(t, dir, formatOptions())
			checkFormat(t, s, 1)
		})
	}
}

// fillFormat makes rows and frames of every kind.
func fillFormat(s *Store) error {
	ctx := context.Background()
	long := time.Unix(4e9, 0)
	w := &workload{s: s, ctx: ctx}
	err := errors.Join(
		s.PutAccount(ctx, mailbox.Account{Address: alice, Password: "x", MaxBytes: 1e6, Created: time.Unix(1e9, 0)}, true),
		s.PutAccount(ctx, mailbox.Account{Address: bob, Created: time.Unix(1e9, 0)}, true),
		s.PutAlias(ctx, mailbox.Alias{Address: "all@hamburger.edu", Targets: []string{alice, bob}}),
	)
	sent, e := s.ChangeFolder(ctx, bob, mailbox.FolderChange{New: "Sent", Special: `\Sent`})
	if err = errors.Join(err, e); err != nil {
		return err
	}
	for i := range 40 {
		err = errors.Join(err, deliver(s, fmt.Sprint("m", i), 900, true))
	}
	err = errors.Join(err, deliver(s, "large", 3000, true))
	inbox, e := s.Folder(ctx, bob, mailbox.Inbox)
	if err = errors.Join(err, e); err != nil {
		return err
	}
	change := func(c mailbox.Change) {
		_, e := s.Change(ctx, inbox.ID, c)
		err = errors.Join(err, e)
	}
	change(mailbox.Change{UIDs: []mailbox.UID{1}, Add: mailbox.Seen | mailbox.Flagged, AddKeywords: []string{"k"}})
	change(mailbox.Change{UIDs: []mailbox.UID{2}, CopyTo: sent.ID})
	var gone []mailbox.UID
	for uid := mailbox.UID(3); uid <= 40; uid++ {
		gone = append(gone, uid)
	}
	change(mailbox.Change{UIDs: gone, Expunge: true})
	relay := func(token string) {
		_, e := w.accept(token, 300, store.Acceptance{
			ID: token, From: mail.Address{Local: "bob", Domain: "hamburger.edu"}, Wait: true, Time: time.Unix(1e9, 0),
			Relay: []queue.Recipient{{Dest: "x.org", Due: time.Unix(1, 0), Recipient: mail.Recipient{Address: mail.Address{Local: token, Domain: "x.org"}}}},
		})
		err = errors.Join(err, e)
	}
	relay("fails")
	jobs, _, e := s.Lease(ctx, time.Unix(2, 0), 1, time.Hour, nil)
	if err = errors.Join(err, e); err != nil || len(jobs) != 1 {
		return errors.Join(err, fmt.Errorf("%d jobs", len(jobs)))
	}
	st, e := s.Stage(ctx, 0)
	if err = errors.Join(err, e); err != nil {
		return err
	}
	io.WriteString(st, tokenText("report", 200))
	err = s.Settle(ctx, jobs[0], []queue.Result{{Address: jobs[0].Recipients[0].Address, Status: queue.Failed}}, &store.Report{
		Text: st, Acceptance: store.Acceptance{ID: "report", Deposits: []mailbox.Delivery{{User: alice}}},
	})
	relay("later")
	jobs, _, e = s.Lease(ctx, time.Unix(2, 0), 1, time.Hour, nil)
	if err = errors.Join(err, e); err != nil || len(jobs) != 1 {
		return errors.Join(err, fmt.Errorf("%d jobs", len(jobs)))
	}
	return s.Settle(ctx, jobs[0], []queue.Result{{
		Address: jobs[0].Recipients[0].Address, Status: queue.Deferred, Retry: long, Host: "mx.x.org",
		Reply: *mail.NewReply(451, mail.Enhanced{4, 3, 0}, "later"),
	}}, nil)
}

// checkFormat finds what fillFormat made, and some new messages.
func checkFormat(t *testing.T, s *Store, added int) {
	t.Helper()
	ctx := context.Background()
	healthy(t, s)
	has := map[string]bool{"m0": true, "m1": true, "large": true, "last": true}
	if added > 0 {
		has["new"] = true
	}
	inbox, err := s.Folder(ctx, bob, mailbox.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m, err := range s.Messages(ctx, inbox.ID, mailbox.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		token, err := readToken(s, m.Body)
		if err != nil || !has[token] {
			t.Errorf("message %d is %q, %v", m.UID, token, err)
		}
		if token == "m0" && (m.Flags != mailbox.Seen|mailbox.Flagged || len(m.Keywords) != 1 || m.Keywords[0] != "k" || m.UID != 1) {
			t.Errorf("m0: %+v", m)
		}
		if token == "large" && (m.Size != 3000 || m.UID != 41) {
			t.Errorf("large: %+v", m)
		}
	}
	if n != len(has) || int(inbox.UIDNext) != 43+added {
		t.Errorf("%d messages, want %d; UIDNEXT %d", n, len(has), inbox.UIDNext)
	}
	d, err := s.Since(ctx, inbox.ID, 1)
	if err != nil || len(d.Expunged) != 38 || d.Gap {
		t.Errorf("%d expunged UIDs are remembered, %v", len(d.Expunged), err)
	}
	sent, err := s.Folder(ctx, bob, "Sent")
	if err != nil || sent.Messages != 1 || sent.Special != `\Sent` {
		t.Errorf("Sent: %+v, %v", sent, err)
	}
	a, err := s.Account(ctx, alice)
	if err != nil || a.Password != "x" || a.MaxBytes != 1e6 || !a.Created.Equal(time.Unix(1e9, 0)) {
		t.Errorf("alice: %+v, %v", a, err)
	}
	if u, err := s.Usage(ctx, alice); err != nil || u.Messages != 1 || u.Bytes != 200 {
		t.Errorf("alice has %+v, %v", u, err)
	}
	if all, err := s.Aliases(ctx); err != nil || len(all) != 1 || len(all[0].Targets) != 2 {
		t.Errorf("aliases %v, %v", all, err)
	}
	var entries []queue.Entry
	for e, err := range s.Entries(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if len(entries) != 1 || entries[0].To.Local != "later" || entries[0].Attempts != 1 || entries[0].LastHost != "mx.x.org" ||
		entries[0].From.Local != "bob" || !entries[0].Due.Equal(time.Unix(4e9, 0)) {
		t.Errorf("queue: %+v", entries)
	}
	if id, err := s.Find(ctx, "last"); err != nil {
		t.Errorf("last: %s, %v", id, err)
	}
}

func writeFormats(t *testing.T, to string) {
	dir := t.TempDir()
	s := openTest(t, dir, formatOptions())
	if err := fillFormat(s); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compact(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if err := deliver(s, "last", 900, false); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	pack(t, copyDisk(t, dir), filepath.Join(to, "crashed.tar.gz"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	pack(t, dir, filepath.Join(to, "closed.tar.gz"))
}

func pack(t *testing.T, dir, name string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	a := tar.NewWriter(z)
	if err := errors.Join(a.AddFS(os.DirFS(dir)), a.Close(), z.Close(), os.WriteFile(name, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, name, dir string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(to, 0o700)
		} else {
			var b []byte
			if b, err = io.ReadAll(in); err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, b, 0o600))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
