package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"glassmail/mailbox"
	"glassmail/message"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// OpenMbox reads an mbox file, or all files of a folder whose names end in .mbox
// and those in folders below it, as CreateMbox lays them out. The fields Status,
// X-Status and X-Keywords become flags and are taken out of the messages.
func OpenMbox(name string) (*Collection, error) {
	files, err := openFiles(name, func(p string) bool { return strings.HasSuffix(p, mboxSuffix) })
	if err != nil {
		return nil, err
	}
	return files.collection(func(f foundFile, yield func(Incoming, error) bool) bool {
		folder := pathFolder(strings.TrimSuffix(f.path, mboxSuffix))
		file, err := files.root.Open(filepath.FromSlash(f.path))
		if err != nil {
			return yield(Incoming{Name: f.path}, passedOver{err})
		}
		defer file.Close()
		m := &mboxFile{name: f.path, folder: folder, done: f.before, r: file, in: bufio.NewReaderSize(file, 64<<10)}
		return m.each(yield)
	}), nil
}

// mboxFile divides one file into its messages.
type mboxFile struct {
	name, folder string
	done         int64 // bytes of the collection before the file
	r            io.ReaderAt
	in           *bufio.Reader

	at         int64 // offset of what in reads next
	within     bool  // in the middle of a line
	afterBlank bool
	from       string // "From " line of the message that is open, "" if none is
	start, end int64  // of that message, as far as it is known
}

// each finds the messages. One begins with a "From " line, at the beginning of
// the file, or with a date in it after a blank line, which belongs to neither
// message: there are programs that do not quote what people write.
func (m *mboxFile) each(yield func(Incoming, error) bool) bool {
	for {
		l, err := m.in.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && err != io.EOF && !full {
			return yield(Incoming{Name: m.name}, err)
		}
		if m.begins(l) {
			if !m.one(yield) {
				return false
			}
			m.from = string(l)
			m.start, m.end = m.at+int64(len(l)), m.at+int64(len(l))
		} else {
			m.grow(l)
		}
		m.afterBlank = !m.within && message.IsBlank(l)
		m.within = full
		m.at += int64(len(l))
		if err == io.EOF {
			return m.one(yield)
		}
	}
}

// begins reports the line before a message.
func (m *mboxFile) begins(l []byte) bool {
	return !m.within && bytes.HasPrefix(l, []byte("From ")) &&
		(m.at == 0 || m.afterBlank && !mboxLineDate(string(l)).IsZero())
}

// grow moves the end of the message behind a line, but not behind a blank line,
// as long as that may be the divider.
func (m *mboxFile) grow(l []byte) {
	switch {
	case len(l) == 0:
	case m.within || !message.IsBlank(l):
		m.end = m.at + int64(len(l))
	case m.afterBlank: // the one before was no divider
		m.end = m.at
	}
}

// one yields the message that is open, if one is.
func (m *mboxFile) one(yield func(Incoming, error) bool) bool {
	if m.from == "" {
		return true
	}
	start, end := m.start, m.end
	open := func() (io.ReadCloser, error) {
		return io.NopCloser(message.WithCRLF(newMboxText(io.NewSectionReader(m.r, start, end-start)))), nil
	}
	header, err := firstHeader(io.NewSectionReader(m.r, start, end-start))
	status := strings.Join(append(message.HeaderValues(header, "Status"), message.HeaderValues(header, "X-Status")...), "")
	in := Incoming{
		Name:   fmt.Sprintf("%s at byte %d", m.name, start),
		Folder: m.folder,
		Flags:  flagsOf(status, append(statusLetters(), flagLetter{mailbox.Seen, 'R'})),
		Date:   mboxLineDate(m.from),
		Done:   m.done + end,
		Open:   open,
	}
	for _, v := range message.HeaderValues(header, "X-Keywords") {
		in.Keywords = append(in.Keywords, strings.Fields(v)...)
	}
	if in.Date.IsZero() {
		in.Date = sentDate(header)
	}
	return yield(in, err)
}

// firstHeader reads the header at the beginning of a text, up to MaxHeaderSize,
// "" if there is none.
func firstHeader(r io.Reader) ([]byte, error) {
	in := bufio.NewReader(io.LimitReader(r, message.MaxHeaderSize))
	var header []byte
	for {
		l, err := in.ReadBytes('\n')
		if len(header) == 0 && message.FieldName(l) == nil && !message.Postmark(l) {
			return nil, nil
		}
		header = append(header, l...)
		if err == io.EOF || message.IsBlank(l) {
			return header, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// mboxLineDate reads the date at the end of a "From " line.
func mboxLineDate(l string) time.Time {
	f := strings.Fields(l)
	for _, layout := range [...]string{"Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006 -0700"} {
		n := strings.Count(layout, " ") + 1
		if len(f) <= n {
			continue
		}
		if t, err := time.Parse(layout, strings.Join(f[len(f)-n:], " ")); err == nil {
			return t
		}
	}
	return time.Time{}
}

// mboxText reads a message out of an mbox file: without the marks before quoted
// "From " lines, and without the fields for flags.
type mboxText struct {
	in       *bufio.Reader
	out      []byte // not read yet, a piece of in's buffer
	inHeader bool
	first    bool
	within   bool // in the middle of a line
	dropping bool // in a field for flags
	err      error
}

func newMboxText(r io.Reader) *mboxText {
	return &mboxText{in: bufio.NewReaderSize(r, 32<<10), inHeader: true, first: true}
}

func (m *mboxText) Read(p []byte) (int, error) {
	for len(m.out) == 0 {
		if m.err != nil {
			return 0, m.err
		}
		l, err := m.in.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if !full {
			m.err = err
		}
		m.out = m.line(l)
		m.within = full
	}
	n := copy(p, m.out)
	m.out = m.out[n:]
	return n, nil
}

// line returns what a line stands for, nothing if it is dropped.
func (m *mboxText) line(l []byte) []byte {
	if !m.within && m.inHeader {
		m.headerLine(l)
	}
	switch {
	case m.dropping:
		return nil
	case !m.within && len(l) > 0 && l[0] == '>' && isFrom(l):
		return l[1:]
	}
	return l
}

// headerLine finds out whether a line is still of the header, and to be dropped.
func (m *mboxText) headerLine(l []byte) {
	first := m.first
	m.first = false
	switch {
	case message.IsBlank(l), first && message.FieldName(l) == nil && !message.Postmark(l):
		m.inHeader, m.dropping = false, false
	case first || len(l) > 0 && l[0] != ' ' && l[0] != '\t': // not a continuation
		m.dropping = isStatus(message.FieldName(l))
	}
}

func isStatus(name []byte) bool {
	return message.NewFieldNames("Status", "X-Status", "X-Keywords").Has(name)
}
