package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/store"
)

// Inspection is everything that the files hold about one message: its frame in the
// journal, its rows in the index, and the beginning of its text.
type Inspection struct {
	ID     mail.ContentID `json:"id"`
	Frame  FrameView      `json:"frame"`
	Row    RowView        `json:"row"` // where the text is
	Copies []CopyView     `json:"copies,omitempty"`
	More   int            `json:"more,omitempty"` // copies that are not listed
	Queue  []RowView      `json:"queue,omitempty"`
	Text   TextView       `json:"text"`
}

// FrameView is a frame with its bytes explained. Problem says why it cannot be
// read, "" if its checksums match.
type FrameView struct {
	Segment uint32  `json:"segment"`
	Offset  int64   `json:"offset"`
	Size    int64   `json:"size"`
	LSN     uint64  `json:"lsn"`
	Problem string  `json:"problem,omitempty"`
	Head    []Field `json:"head"`
	Meta    []Field `json:"meta,omitempty"` // the acceptance, decoded; without bytes
	InIndex bool    `json:"inIndex"`        // the checkpoint is beyond it
}

// RowView is a row of the index with its bytes explained.
type RowView struct {
	Bucket string  `json:"bucket"`
	Key    string  `json:"key"` // in hexadecimal
	Fields []Field `json:"fields"`
}

// CopyView is a message row: one copy in one folder.
type CopyView struct {
	User   string        `json:"user"`
	Folder string        `json:"folder"` // "" if it is being removed
	UID    mailbox.UID   `json:"uid"`
	Flags  mailbox.Flags `json:"flags"`
	RowView
}

// TextView is the beginning of a text, and whether all of it is as accepted.
type TextView struct {
	Size    int64  `json:"size"`           // bytes
	File    string `json:"file,omitempty"` // its own file; "" if the text is in the frame
	Problem string `json:"problem,omitempty"`
	Head    string `json:"head"` // at most 8 KiB
}

// Bounds of an Inspection.
const (
	maxShownText   = 8 << 10 // bytes
	maxShownCopies = 100
	maxShownFields = 40 // of an acceptance, and entries of the queue
)

// Inspect reads what the files hold about a message. Damage is told in the result;
// the error is for a message that is not there. mailbox.ErrNotFound. It looks at
// all message rows, a million in some 50 ms, and reads the whole text.
func (s *Store) Inspect(ctx context.Context, id mail.ContentID) (v Inspection, err error) {
	s.care.Lock() // nothing moves meanwhile
	defer s.care.Unlock()
	n, err := bodyNumber(id)
	if err != nil {
		return v, err
	}
	var row contentRow
	v.ID = id
	err = s.view(func(tx *bbolt.Tx) (err error) {
		b := tx.Bucket([]byte(bucketBody)).Get(key64(n))
		var ok bool
		if row, ok = parseBody(b); !ok {
			return notFound("message text", string(id))
		}
		v.Row = RowView{bucketBody, fmt.Sprintf("%x", key64(n)), explain(b, bodyLayout())}
		cp := parseCheckpoint(tx.Bucket([]byte(bucketMeta)).Get([]byte(metaCheckpoint)))
		v.Frame.InIndex = row.seg < cp.seg || row.seg == cp.seg && int64(row.off) < cp.off
		if err := v.copies(tx, n); err != nil {
			return err
		}
		return v.waiting(tx, n)
	})
	if err != nil {
		return v, err
	}
	s.showFrame(&v.Frame, row)
	s.showText(ctx, &v, row)
	return v, ctx.Err()
}

// copies lists the message rows that name the text.
func (v *Inspection) copies(tx *bbolt.Tx, id uint64) error {
	names := map[mailbox.FolderID]string{}
	err := tx.Bucket([]byte(bucketName)).ForEach(func(k, b []byte) error {
		n, err := parseName(b)
		_, names[n.id], _ = strings.Cut(string(k), "\x00")
		return err
	})
	if err != nil {
		return err
	}
	box := tx.Bucket([]byte(bucketBox))
	return box.ForEach(func(k, b []byte) error {
		if k[8] != kindMessage {
			return nil
		}
		r := parseMessage(b)
		if r.body != id {
			return nil
		}
		if len(v.Copies) == maxShownCopies {
			v.More++
			return nil
		}
		c := CopyView{
			Folder: names[folderOf(k)], UID: uidOf(k), Flags: r.flags,
			RowView: RowView{bucketBox, fmt.Sprintf("%x", k), nil},
		}
		f, err := parseFolder(box.Get(folderKey(folderOf(k))))
		if err == nil {
			c.User = f.owner
			c.Fields = explain(b, messageLayout(f.words))
		} else {
			c.Fields = explain(b, messageLayout(nil))
		}
		v.Copies = append(v.Copies, c)
		return nil
	})
}

// waiting lists the rows of recipients that the text waits for.
func (v *Inspection) waiting(tx *bbolt.Tx, id uint64) error {
	c := tx.Bucket([]byte(bucketQueue)).Cursor()
	for k, b := c.Seek(key64(id)); k != nil && parse64(k[:8]) == id && len(v.Queue) < maxShownFields; k, b = c.Next() {
		row := RowView{Bucket: bucketQueue, Key: fmt.Sprintf("%x", k)}
		if k[8] == kindParcel {
			p, err := parseParcel(b)
			if err != nil {
				return err
			}
			row.Fields = []Field{
				{Name: "message", Value: p.message}, {Name: "from", Value: p.from.Path()},
				{Name: "accepted", Value: showTime(p.accepted)},
			}
		} else {
			r, err := parseWaiting(b)
			if err != nil {
				return err
			}
			row.Fields = []Field{
				{Name: "to", Value: r.to.Address.Path()}, {Name: "dest", Value: r.to.Dest},
				{Name: "due", Value: showTime(r.to.Due)}, {Name: "attempts", Value: fmt.Sprint(r.attempts)},
				{Name: "held", Value: fmt.Sprint(r.held)}, {Name: "reply", Value: r.reply},
			}
		}
		v.Queue = append(v.Queue, row)
	}
	return nil
}

// showFrame reads the frame that a row points to.
func (s *Store) showFrame(v *FrameView, row contentRow) {
	v.Segment, v.Offset = row.seg, int64(row.off)
	h, err := s.segments.get(row.seg)
	if err != nil {
		v.Problem = err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			v.Problem = fmt.Sprintf("segment %08x is missing", row.seg)
		}
		return
	}
	defer s.segments.put(h)
	b := make([]byte, frameHead)
	if _, err := h.ReadAt(b, v.Offset); err != nil {
		v.Problem = err.Error()
		return
	}
	v.Head = explain(b, frameLayout())
	in, err := newFrameReader(h, row.seg, v.Offset)
	if err != nil {
		v.Problem = err.Error()
		return
	}
	fr, err := in.next()
	if err != nil {
		v.Problem = err.Error()
		return
	}
	v.LSN, v.Size = fr.lsn, fr.size()
	if a, err := decodeAcceptance(fr.acceptance()); err == nil {
		v.Meta = showAcceptance(a)
	} else if len(fr.acceptance()) > 0 {
		v.Problem = "its meta cannot be read"
	}
}

// showAcceptance tells for whom a frame is.
func showAcceptance(a *store.Acceptance) []Field {
	out := []Field{
		{Name: "message", Value: orNone(strings.Fields(a.ID))}, {Name: "from", Value: a.From.Path()}, {Name: "time", Value: showTime(a.Time)},
	}
	for _, d := range a.Deposits {
		to := d.User
		if d.Folder != 0 {
			to += fmt.Sprintf(", folder %d", d.Folder)
		}
		out = append(out, Field{Name: "deposit", Value: to})
	}
	for _, r := range a.Relay {
		out = append(out, Field{Name: "relay", Value: r.Address.Path() + " by " + r.Dest})
	}
	if n := len(out) - maxShownFields; n > 0 {
		out = append(out[:maxShownFields], Field{Name: "…", Value: fmt.Sprintf("and %d more", n)})
	}
	return out
}

// showText reads the beginning of a text and checks all of it.
func (s *Store) showText(ctx context.Context, v *Inspection, row contentRow) {
	v.Text.Size = int64(row.len)
	if row.blob != 0 {
		v.Text.File = fmt.Sprintf("blobs/%016x.eml", row.blob)
	}
	if err := s.verifyText(ctx, v.ID, row, make([]byte, 64<<10)); err != nil {
		v.Text.Problem = err.Error()
	}
	m, err := s.Body(ctx, v.ID)
	if err != nil {
		v.Text.Problem = err.Error()
		return
	}
	defer m.Close()
	b, err := io.ReadAll(io.NewSectionReader(m, 0, min(m.Size(), maxShownText)))
	if err != nil {
		v.Text.Problem = err.Error()
	}
	v.Text.Head = string(b)
}

func showTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 MST") }
