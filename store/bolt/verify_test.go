package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"glassmail/mailbox"
)

// TestRepair falsifies rows of the index; Verify must tell and Repair must mend.
func TestRepair(t *testing.T) {
	ctx := context.Background()
	s := openTest(t, t.TempDir(), Options{InlineSize: 8 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	variety(t, s, 20)
	inbox, _ := s.Folder(ctx, bob, "INBOX")
	if _, err := s.Change(ctx, inbox.ID, mailbox.Change{UIDs: []mailbox.UID{3, 4, 9}, Expunge: true}); err != nil {
		t.Fatal(err)
	}
	healthy(t, s)
	first := func(w *writer, bucket string, kind int) ([]byte, []byte) {
		c := w.bucket(bucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if kind < 0 || int(k[8]) == kind {
				return bytes.Clone(k), bytes.Clone(v)
			}
		}
		t.Fatalf("no row in %s", bucket)
		return nil, nil
	}
	for name, spoil := range map[string]func(w *writer) error{
		"a counter": func(w *writer) error {
			r, err := w.folder(inbox.ID)
			r.count, r.unseen, r.size, r.gone = r.count+7, 3, -1, 0
			w.touch(inbox.ID)
			return err
		},
		"UIDNEXT": func(w *writer) error {
			r, err := w.folder(inbox.ID)
			r.next, r.mod = 2, 1
			w.touch(inbox.ID)
			return err
		},
		"references": func(w *writer) error {
			k, v := first(w, bucketBody, -1)
			r, _ := parseBody(v)
			r.refs += 5
			return w.body.Put(k, r.bytes())
		},
		"a text nobody has": func(w *writer) error {
			_, v := first(w, bucketBody, -1)
			return w.body.Put(key64(1<<40), v)
		},
		"a message without a text": func(w *writer) error {
			k, _ := first(w, bucketBody, -1)
			return w.body.Delete(k)
		},
		"bytes alive": func(w *writer) error {
			k, _ := first(w, bucketSegment, -1)
			return w.bucket(bucketSegment).Put(k, key64(5))
		},
		"a parcel": func(w *writer) error {
			k, _ := first(w, bucketQueue, kindParcel)
			return w.queue.Delete(k)
		},
		"the waiting rows of a message": func(w *writer) error {
			k, _ := first(w, bucketQueue, kindWaiting)
			for i := range uint32(4) {
				if err := w.queue.Delete(waitingKey(parse64(k[:8]), i)); err != nil {
					return err
				}
			}
			return nil
		},
		"a name": func(w *writer) error {
			return w.bucket(bucketName).Put(nameKey(bob, "nowhere"), (&nameRow{id: 999}).bytes())
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.update(spoil); err != nil {
				t.Fatal(err)
			}
			found, err := s.Verify(ctx, false)
			if err != nil || len(found.Problems) == 0 {
				t.Fatalf("not noticed: %v", err)
			}
			if mended, err := s.Repair(ctx); err != nil || len(mended.Problems) == 0 {
				t.Fatalf("repair: %v", err)
			}
			s.Repair(ctx) // what the first mending uncovered
			if found, err = s.Verify(ctx, false); err != nil || len(found.Problems) > 0 {
				t.Fatalf("after repair: %v, %q", err, found.Problems)
			}
			if err := deliver(s, name, 100, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestBadText damages a stored text: Verify must tell which.
func TestBadText(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{InlineSize: 8 << 10})
	if err := errors.Join(prepareWorkload(s), deliver(s, "small", 1000, true), deliver(s, "large", 20<<10, true), deliver(s, "good", 1000, true)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{segmentName(s.segments.dir, 1), s.blobName(1)} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("!"), 600); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	found, err := s.Verify(context.Background(), true)
	if err != nil || len(found.Problems) != 2 {
		t.Fatalf("%v, %q", err, found.Problems)
	}
	for i, id := range []string{"00000001", "00000002"} {
		if !strings.Contains(found.Problems[i], id) {
			t.Errorf("%q does not name %s", found.Problems[i], id)
		}
	}
}
