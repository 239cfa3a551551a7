package imapd

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mail"
	"glassmail/mailbox"
)

// copySize is how much of a message is in memory while it is sent.
const copySize = 32 << 10

// fetch is one FETCH command: what is asked of each message.
type fetch struct {
	*imap.FetchOptions
	body, structure bool     // BODY, BODYSTRUCTURE
	names           []string // of each section, if it is an obsolete one
	seen            []mailbox.UID
}

// record reports whether the answer needs what the scanner found.
func (f *fetch) record() bool {
	if f.Envelope || f.body || f.structure || len(f.BinarySection)+len(f.BinarySectionSize) > 0 {
		return true
	}
	for _, s := range f.BodySection {
		if len(s.Part) > 0 || s.Specifier != imap.PartSpecifierNone {
			return true
		}
	}
	return false
}

func (f *fetch) text() bool {
	return len(f.BodySection)+len(f.BinarySection)+len(f.BinarySectionSize) > 0
}

// Fetch answers FETCH and UID FETCH. It writes past the library, which can write
// neither dates as they stand in the message nor quickly, but only whole
// responses and never while the library writes.
func (s *session) Fetch(_ *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	uids, err := s.resolve(set)
	if err != nil {
		return err
	}
	f := &fetch{FetchOptions: o}
	f.names, f.body, f.structure = fetchWords(s.line())
	if err := f.check(); err != nil {
		return err
	}
	if err := s.markSeen(f, uids); err != nil {
		return s.fail(err)
	}
	utf8 := s.utf8()
	defer s.release()
	found, err := s.messages(uids, func(m *mailbox.Message) error {
		s.enc.reset(utf8)
		return s.fetchOne(f, m)
	})
	if err != nil {
		return s.fail(err)
	}
	if _, bySeq := set.(imap.SeqSet); bySeq && found < len(uids) {
		return refuse("EXPUNGEISSUED", "Some of these messages are gone") // RFC 5530 §3
	}
	return nil
}

// check refuses what cannot be answered, before anything is.
func (f *fetch) check() error {
	for _, b := range f.BodySection {
		if b.Specifier == imap.PartSpecifierMIME && len(b.Part) == 0 {
			return bad("MIME needs the number of a part")
		}
		if b.Partial != nil && (b.Partial.Offset > math.MaxUint32 || b.Partial.Size == 0) {
			return bad("A part of a section begins below 4 GiB and is not empty") // RFC 9051 §9: partial
		}
	}
	for _, b := range f.BinarySection {
		if b.Partial != nil && (b.Partial.Offset > math.MaxUint32 || b.Partial.Size == 0) {
			return bad("A part of a section begins below 4 GiB and is not empty")
		}
	}
	return nil
}

// markSeen sets \Seen on what is about to be read (RFC 9051 §6.4.5).
func (s *session) markSeen(f *fetch, uids []mailbox.UID) error {
	reads := false
	for _, b := range f.BodySection {
		reads = reads || !b.Peek
	}
	for _, b := range f.BinarySection {
		reads = reads || !b.Peek
	}
	if !reads || s.sel.readOnly {
		return nil
	}
	_, err := s.messages(uids, func(m *mailbox.Message) error {
		if m.Flags&mailbox.Seen == 0 {
			f.seen = append(f.seen, m.UID)
		}
		return nil
	})
	if err != nil || len(f.seen) == 0 {
		return err
	}
	c, err := s.store().Change(s.ctx, s.sel.folder.ID, mailbox.Change{UIDs: f.seen, Add: mailbox.Seen})
	if err == nil {
		s.sel.know(c)
	}
	return err
}

// fetchOne answers for one message. One that vanished meanwhile has no answer.
func (s *session) fetchOne(f *fetch, m *mailbox.Message) error {
	seq := s.sel.seq(m.UID)
	var rec *mailbox.Record
	var text mail.Message
	var err error
	if f.text() {
		if text, err = s.store().Body(s.ctx, m.Body); err != nil {
			return absent(err)
		}
		defer text.Close()
	}
	if f.record() {
		if rec, err = s.recordOf(m, text); err != nil {
			return absent(err)
		}
	}
	if err := f.decodable(rec); err != nil {
		return err
	}
	s.read(f, text)
	s.enc.number("* ", int64(seq)).text(" FETCH (")
	s.enc.items = len(s.enc.b)
	s.items(f, m, rec)
	err = s.sections(f, rec, text)
	if err != nil && s.enc.items < 0 { // half a response cannot be taken back
		s.f.cut(err)
	}
	return err
}

// sections writes the sections and ends the response.
func (s *session) sections(f *fetch, rec *mailbox.Record, text mail.Message) error {
	e := &s.enc
	for i, sec := range f.BodySection {
		name := ""
		if i < len(f.names) {
			name = f.names[i]
		}
		e.space(e.items)
		if err := s.section(rec, text, sec, name); err != nil {
			return err
		}
	}
	if err := s.binary(f, rec, text); err != nil {
		return err
	}
	return s.f.sendLines(e.text(")\r\n").b)
}

// absent makes the lack of a message no error: it was expunged.
func absent(err error) error {
	if errors.Is(err, mailbox.ErrNotFound) {
		return nil
	}
	return err
}

// items writes everything that is no section.
func (s *session) items(f *fetch, m *mailbox.Message, rec *mailbox.Record) {
	e := &s.enc
	flags, changed := m.Flags, false
	for len(f.seen) > 0 && f.seen[0] < m.UID { // expunged meanwhile
		f.seen = f.seen[1:]
	}
	if len(f.seen) > 0 && f.seen[0] == m.UID {
		flags, changed = flags|mailbox.Seen, true
	}
	if f.UID {
		e.space(e.items).number("UID ", int64(m.UID))
	}
	if f.Flags || changed {
		e.space(e.items).text("FLAGS ").flags(flags, m.Keywords)
	}
	if f.InternalDate {
		e.space(e.items).text("INTERNALDATE ").date(m.Date)
	}
	if f.RFC822Size {
		e.space(e.items).number("RFC822.SIZE ", int64(m.Size))
	}
	if f.Envelope {
		e.space(e.items).text("ENVELOPE ").envelope(rec.Root.Envelope)
	}
	if f.body {
		e.space(e.items).text("BODY ").structure(&rec.Root, false)
	}
	if f.structure {
		e.space(e.items).text("BODYSTRUCTURE ").structure(&rec.Root, true)
	}
}

// recordOf is the record of a message, scanned again if the store has none that
// can be read. text may be nil.
func (s *session) recordOf(m *mailbox.Message, text mail.Message) (*mailbox.Record, error) {
	b, err := s.store().Record(s.ctx, m.Body)
	if err != nil && !errors.Is(err, mailbox.ErrNotFound) {
		return nil, err
	}
	if len(b) > 0 {
		if rec, err := mailbox.UnmarshalRecord(b); err == nil {
			return rec, nil
		}
	}
	if text == nil {
		if text, err = s.store().Body(s.ctx, m.Body); err != nil {
			return nil, err
		}
		defer text.Close()
	}
	return mailbox.Scan(text, text.Size())
}

// section writes one BODY[…].
func (s *session) section(rec *mailbox.Record, text mail.Message, sec *imap.FetchItemBodySection, name string) error {
	sp := span{to: text.Size()}
	if rec != nil {
		var err error
		if sp, err = locate(rec, text, sec); err != nil {
			return err
		}
	}
	e := &s.enc
	e.label(sec, name)
	sp.partial(sec.Partial)
	switch {
	case sp.none:
		e.text(" NIL")
	case sp.picked != nil:
		e.number(" {", int64(len(sp.picked))).text("}\r\n")
		e.b = append(e.b, sp.picked...)
	default:
		e.number(" {", int64(sp.size())).text("}\r\n")
		return s.stream(io.NewSectionReader(text, sp.from, sp.size()), sp.size())
	}
	return nil
}

// stream sends what is encoded so far and n bytes of r, without holding them.
func (s *session) stream(r io.Reader, n int64) error {
	if s.copyBuf == nil {
		s.copyBuf = make([]byte, copySize)
	}
	if err := s.f.sendLines(s.enc.b); err != nil {
		return err
	}
	s.enc.b, s.enc.items = s.enc.b[:0], -1
	for n > 0 {
		k, err := io.ReadFull(r, s.copyBuf[:min(n, copySize)])
		if err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if err := s.f.sendData(s.copyBuf[:k]); err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}
