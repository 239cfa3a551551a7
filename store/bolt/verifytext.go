package bolt

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"glassmail/mail"
	"glassmail/mailbox"
)

// verifyTexts reads every text and compares its checksum.
func (s *Store) verifyTexts(ctx context.Context, a *audit) error {
	buf := make([]byte, 1<<20)
	for _, id := range slices.Sorted(maps.Keys(a.bodies)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.verifyText(ctx, bodyID(id), a.bodies[id], buf)
		if errors.Is(err, mailbox.ErrNotFound) {
			continue // it was expunged meanwhile
		}
		if errors.Is(err, ErrClosed) {
			return err
		}
		if err != nil {
			a.add("text %s: %v", bodyID(id), err)
		}
		a.Read += int64(a.bodies[id].len)
	}
	return nil
}

func (s *Store) verifyText(ctx context.Context, id mail.ContentID, r contentRow, buf []byte) error {
	if err := s.verifyFrame(r); err != nil {
		return err
	}
	m, err := s.Body(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("its file is missing: %w", err)
	}
	if err != nil {
		return err
	}
	defer m.Close()
	crc := newCRC()
	n, err := io.CopyBuffer(onlyWriter{crc}, onlyReader{io.NewSectionReader(m, 0, m.Size())}, buf)
	switch {
	case err != nil:
		return err
	case n != int64(r.len) || crc.sum != r.crc:
		return fmt.Errorf("its checksum does not match: %w", ErrDamaged)
	}
	return nil
}

// verifyFrame checks the frame around a text: head, record and meta.
func (s *Store) verifyFrame(r contentRow) error {
	h, err := s.segments.get(r.seg)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("segment %08x is missing: %w", r.seg, ErrDamaged)
	}
	if err != nil {
		return err
	}
	defer s.segments.put(h)
	in, err := newFrameReader(h, r.seg, int64(r.off))
	if err != nil {
		return err
	}
	fr, err := in.next()
	if err != nil {
		return fmt.Errorf("segment %08x at %d: %w: %w", r.seg, r.off, ErrDamaged, err)
	}
	if fr.textCRC != r.crc || fr.textLen != r.len || fr.recLen != r.rec || fr.blob != r.blob {
		return fmt.Errorf("segment %08x at %d: another frame: %w", r.seg, r.off, ErrDamaged)
	}
	return nil
}

// runningCRC computes CRC-32C of what is written to it.
type runningCRC struct{ sum uint32 }

func newCRC() *runningCRC { return &runningCRC{} }

func (c *runningCRC) Write(p []byte) (int, error) {
	c.sum = crc32.Update(c.sum, castagnoli(), p)
	return len(p), nil
}

// onlyWriter and onlyReader hide shortcuts, so that io.CopyBuffer uses its buffer.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)
