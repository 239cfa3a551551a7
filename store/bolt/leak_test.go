package bolt

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"glassmail/mailbox"
)

// TestNothingLeft opens, uses and closes two stores in one process, with watches
// that nobody ends, and looks for goroutines.
func TestNothingLeft(t *testing.T) {
	already := goleak.IgnoreCurrent()
	for range 2 {
		s, err := Open(t.TempDir(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(prepareWorkload(s), deliver(s, "x", 10, false)); err != nil {
			t.Fatal(err)
		}
		f, err := s.Folder(context.Background(), bob, "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		s.Watch(context.Background(), f.ID)
		if _, err := s.Change(context.Background(), f.ID, mailbox.Change{Expunge: true}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, already)
}
