package archive

import (
	"context"
	"errors"
	"fmt"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// Archive is where an export goes: files of some format.
type Archive interface {
	// Folder begins a folder.
	Folder(f mailbox.Folder) error
	// Add writes a message of the folder that was begun last.
	Add(m mailbox.Message, rec *message.Record, text mail.Message) error
	// Close finishes the archive.
	Close() error
}

// Export writes all folders and messages of a user to an archive, and leaves it
// to the caller to close that. Messages that arrive or go meanwhile may or may
// not be in it. Progress, if not nil, is told after each message how many bytes
// of message text are done; total is what there was at the beginning.
func Export(ctx context.Context, s mailbox.Store, user string, to Archive, progress func(done, total int64)) error {
	folders, err := s.Folders(ctx, user)
	if err != nil {
		return fmt.Errorf("export %s: %w", user, err)
	}
	var done, total int64
	for _, f := range folders {
		total += f.Size
	}
	for _, f := range folders {
		if err := to.Folder(f); err != nil {
			return fmt.Errorf("export %s: %w", f.Name, err)
		}
		for m, err := range s.Messages(ctx, f.ID, mailbox.Range{}) {
			if err == nil {
				err = exportMessage(ctx, s, m, to)
			}
			if err != nil {
				return fmt.Errorf("export %s, UID %d: %w", f.Name, m.UID, err)
			}
			if done += m.Size; progress != nil {
				progress(done, max(total, done))
			}
		}
	}
	return nil
}

func exportMessage(ctx context.Context, s mailbox.Store, m mailbox.Message, to Archive) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := mailbox.Open(ctx, s, m)
	defer o.Close()
	text, err := o.Content()
	if errors.Is(err, mailbox.ErrNotFound) { // expunged meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	rec, err := o.Record()
	if errors.Is(err, mailbox.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return to.Add(m, rec, text)
}
