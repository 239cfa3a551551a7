package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"glassmail/mail"
	"glassmail/message"
	"glassmail/queue"
	"glassmail/store"
)

// outgoing is the store as the queue sees it: reports go through the backend, and a
// Return-Path that was noted for local copies does not leave the node.
type outgoing struct {
	store.Store
	post *backend
}

// Settle records results, and accepts the report as a message from the null
// reverse-path, in one step.
func (o outgoing) Settle(ctx context.Context, j queue.Job, r []queue.Result, report *queue.Report) error {
	if report == nil {
		return o.Store.Settle(ctx, j, r, nil)
	}
	env := &mail.Envelope{ID: j.Message + "." + NewID()[:10], To: []mail.Recipient{{Address: report.To}}, Options: report.Options}
	rep, about, err := o.accept(ctx, env, report)
	if err != nil {
		return err
	}
	if rep == nil {
		return o.Store.Settle(ctx, j, r, nil)
	}
	defer rep.Text.Discard()
	size := rep.Text.Size()
	if err := o.Store.Settle(ctx, j, r, rep); err != nil {
		return err
	}
	o.post.report(env, rep.Acceptance, about, size)
	return nil
}

// accept prepares a report. It is nil if there is nobody to get it. Its id is that
// of the message it is about, a dot, and letters of its own: it belongs to the
// journey of that message.
func (o outgoing) accept(ctx context.Context, env *mail.Envelope, report *queue.Report) (*store.Report, *message.Envelope, error) {
	a, err := o.post.address(ctx, env)
	if reply := (*mail.Reply)(nil); errors.As(err, &reply) {
		return nil, nil, nil // the sender has gone: RFC 5321 §6.1 lets the report go too
	} else if err != nil {
		return nil, nil, err
	}
	staged, err := o.Store.Stage(ctx, int64(len(report.Message)))
	if err != nil {
		return nil, nil, err
	}
	if len(a.Deposits) > 0 {
		_, err = io.WriteString(staged, "Return-Path: <>\r\n")
	}
	if err == nil {
		_, err = staged.Write(report.Message)
	}
	var about *message.Envelope
	if err == nil {
		about, err = o.post.inspect(ctx, env, staged, &a)
	}
	if err != nil {
		staged.Discard()
		return nil, nil, err
	}
	return &store.Report{Text: staged, Acceptance: a}, about, nil
}

// returnPath is what the backend writes before a text that was deposited here.
const returnPath = "Return-Path: "

// Body opens a text without the Return-Path line (RFC 5321 §4.4).
func (o outgoing) Body(ctx context.Context, id mail.ContentID) (mail.Message, error) {
	m, err := o.Store.Body(ctx, id)
	if err != nil {
		return nil, err
	}
	head := make([]byte, mail.MaxPath+len(returnPath)+mail.MaxPath)
	n, err := m.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		m.Close()
		return nil, err
	}
	head = head[:n]
	if !bytes.HasPrefix(head, []byte(returnPath)) {
		return m, nil
	}
	skip := int64(bytes.IndexByte(head, '\n') + 1)
	return &tail{Message: m, skip: skip}, nil
}

// tail is a message without its first bytes.
type tail struct {
	mail.Message
	skip int64
}

func (t *tail) Size() int64 { return t.Message.Size() - t.skip }

func (t *tail) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("negative offset %d", off)
	}
	return t.Message.ReadAt(p, off+t.skip)
}

// NewID makes a name for an acceptance: 26 letters and digits, no two alike.
func NewID() string { return rand.Text() }
