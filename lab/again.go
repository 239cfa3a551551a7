package lab

import (
	"bytes"
	"context"
	"io"

	"glassmail/mailbox"
	"glassmail/trace"
)

// Bounds of the search for a message's text.
const (
	maxRepeated = 1 << 20 // bytes of a text that is sent again
	maxSearched = 500     // messages of each recipient that are looked at
	headSize    = 16 << 10
)

// textOf is the text that a client handed over, as nearly as it can be told: from
// the mailbox where it came to rest, without what servers added on the way, else
// from the queue where it waits. Otherwise it is a text that only has its subject,
// and note says so.
func (l *Lab) textOf(ctx context.Context, d trace.Detail) (text []byte, note string) {
	for _, to := range d.To {
		if text := l.delivered(ctx, to, d.ID); text != nil {
			return asWritten(text), ""
		}
	}
	for _, n := range l.Nodes {
		waiting, err := n.Admin().Queue(ctx, "")
		if err != nil {
			continue
		}
		for _, e := range waiting {
			if e.Message != d.ID {
				continue
			}
			if text, err := n.Admin().QueueText(ctx, e.ID); err == nil {
				return asWritten([]byte(text)), ""
			}
		}
	}
	return []byte("Subject: " + d.Subject + "\r\n\r\n"), "the text is not stored any more: only the subject was sent again"
}

// delivered finds a message in the account of a recipient by the id that the
// first server wrote into it. nil if it is not there.
func (l *Lab) delivered(ctx context.Context, account, id string) []byte {
	box, err := l.office.Mailbox(ctx, account)
	if err != nil {
		return nil
	}
	folder, err := box.Folder(ctx, account, "INBOX")
	if err != nil {
		return nil
	}
	from := mailbox.UID(1)
	if folder.UIDNext > maxSearched {
		from = folder.UIDNext - maxSearched
	}
	for m, err := range box.Messages(ctx, folder.ID, mailbox.Range{From: from}) {
		if err != nil {
			return nil
		}
		body, err := box.Body(ctx, m.Body)
		if err != nil {
			continue
		}
		head, _ := io.ReadAll(io.NewSectionReader(body, 0, min(body.Size(), headSize)))
		if !bytes.Contains(head, []byte(" id "+id)) || body.Size() > maxRepeated {
			body.Close()
			continue
		}
		text, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
		body.Close()
		if err == nil {
			return text
		}
	}
	return nil
}

// asWritten takes away what servers added: Return-Path and Received (RFC 5321
// §4.4), and the Message-ID, which no two messages may share.
func asWritten(text []byte) []byte {
	for _, name := range []string{"Return-Path", "Received", "Message-ID"} {
		text = without(text, name)
	}
	return text
}
