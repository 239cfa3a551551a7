package bolt

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

func value(fs []Field, name string) string {
	for _, f := range fs {
		if f.Name == name {
			return f.Value
		}
	}
	return "-"
}

// TestInspect reads back, field by field, what an acceptance and a flag change made.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{InlineSize: 8 << 10})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	w := &workload{s: s, ctx: ctx}
	r := queue.Recipient{Dest: "x.org", Due: time.Unix(1, 0)}
	placed, err := w.accept("one", 500, store.Acceptance{
		ID: "one", Wait: true, Relay: []queue.Recipient{r}, Deposits: []mailbox.Delivery{{User: bob}, {User: alice}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(ctx, placed[0].Folder, mailbox.Change{UIDs: []mailbox.UID{placed[0].UID}, Add: mailbox.Flagged, AddKeywords: []string{"k"}}); err != nil {
		t.Fatal(err)
	}
	if err := deliver(s, "large", 30<<10, true); err != nil {
		t.Fatal(err)
	}
	id, err := s.Find(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Find(ctx, string(id)); err != nil || again != id {
		t.Fatalf("by number: %s, %v", again, err)
	}
	v, err := s.Inspect(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if v.Frame.Problem != "" || v.Text.Problem != "" || !v.Frame.InIndex {
		t.Errorf("frame %+v, text %+v", v.Frame, v.Text)
	}
	for _, c := range []struct{ got, want string }{
		{value(v.Frame.Head, "type"), "A, accepted"}, {value(v.Frame.Head, "magic"), "GMF1"}, {value(v.Frame.Head, "text"), "500 bytes"},
		{value(v.Frame.Meta, "message"), "one"}, {value(v.Row.Fields, "refs"), "3"}, {value(v.Row.Fields, "text"), "500 bytes"},
		{value(v.Row.Fields, "text CRC"), value(v.Frame.Head, "text CRC")},
		{v.Text.Head[:10], "token:one\n"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	if len(v.Copies) != 2 || len(v.Queue) != 2 || value(v.Queue[1].Fields, "dest") != "x.org" {
		t.Fatalf("copies %+v, queue %+v", v.Copies, v.Queue)
	}
	for _, c := range v.Copies {
		if c.User == bob && (value(c.Fields, "flags") != `\Flagged` || value(c.Fields, "keywords") != "k" || c.Folder != "INBOX") {
			t.Errorf("bob's copy: %+v", c)
		}
	}
	if id, err = s.Find(ctx, "large"); err != nil {
		t.Fatal(err)
	}
	if v, err = s.Inspect(ctx, id); err != nil || !strings.HasPrefix(v.Text.File, "blobs/") || v.Text.Problem != "" || len(v.Text.Head) != maxShownText {
		t.Errorf("large: %+v, %v", v.Text, err)
	}
	if _, err := s.Find(ctx, "nobody"); !errors.Is(err, mailbox.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// TestInspectDamage shows what is left of a message whose frame is damaged.
func TestInspectDamage(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{})
	if err := errors.Join(prepareWorkload(s), deliver(s, "a", 1000, true)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	id, err := s.Find(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(segmentName(s.segments.dir, 1), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("XXXX"), segmentHead+frameHead+200); err != nil {
		t.Fatal(err)
	}
	f.Close()
	v, err := s.Inspect(ctx, id)
	if err != nil || v.Frame.Problem == "" || v.Text.Problem == "" || len(v.Frame.Head) == 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestFindOld looks for an acceptance that is no longer among the remembered.
func TestFindOld(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := errors.Join(prepareWorkload(s), deliver(s, "old", 1000, true)); err != nil {
		t.Fatal(err)
	}
	err := s.update(func(w *writer) error { return w.ids.Delete(key64(1)) })
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.Find(context.Background(), "old"); err != nil || id != bodyID(1) {
		t.Errorf("%s, %v", id, err)
	}
}
