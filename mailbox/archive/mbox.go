package archive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// mboxSuffix ends the names of mbox files: folder A/B is kept in A/B.mbox.
const mboxSuffix = ".mbox"

// mboxDate is the form of the date in a "From " line (RFC 4155 Appendix A).
const mboxDate = time.ANSIC

// mboxArchive writes one file of the variety mboxrd for each folder.
type mboxArchive struct {
	root *os.Root
	file *os.File
	w    *bufio.Writer
}

// CreateMbox makes a folder of mbox files, variety mboxrd, one for each mail
// folder. Files that exist are never overwritten. Flags and keywords are kept in
// the fields Status, X-Status and X-Keywords that mail programs use for them;
// those of a message without a header are lost, and so are fields of these names
// that a message had itself. Line ends become LF, and a last line without one
// gets one.
func CreateMbox(dir string) (Archive, error) {
	root, err := createRoot(dir)
	if err != nil {
		return nil, err
	}
	return &mboxArchive{root: root}, nil
}

func createRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

func (a *mboxArchive) Folder(f mailbox.Folder) error {
	if err := a.finish(); err != nil {
		return err
	}
	name := folderPath(f.Name) + mboxSuffix
	if err := a.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	file, err := a.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	a.file, a.w = file, bufio.NewWriterSize(file, 64<<10)
	return nil
}

func (a *mboxArchive) Add(m mailbox.Message, rec *message.Record, text mail.Message) error {
	root := &rec.Root
	fmt.Fprintf(a.w, "From %s %s\n", mboxSender(root.Envelope), m.Date.UTC().Format(mboxDate))
	if root.Body > 0 {
		writeStatus(a.w, m)
	}
	if err := quoteFrom(a.w, message.WithLF(text, text.Size())); err != nil {
		return err
	}
	return a.w.WriteByte('\n')
}

// mboxSender is the address for a "From " line.
func mboxSender(e *message.Envelope) string {
	if e != nil && len(e.From) > 0 && e.From[0].Domain != "" {
		s := e.From[0].Local + "@" + e.From[0].Domain
		if !strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || mail.IsControl(r) }) {
			return s
		}
	}
	return "MAILER-DAEMON"
}

func writeStatus(w *bufio.Writer, m mailbox.Message) {
	if m.Flags&mailbox.Seen != 0 {
		w.WriteString("Status: RO\n")
	}
	if s := letters(m.Flags, statusLetters()); s != "" {
		w.WriteString("X-Status: " + s + "\n")
	}
	if len(m.Keywords) > 0 {
		w.WriteString("X-Keywords: " + strings.Join(m.Keywords, " ") + "\n")
	}
}

// flagLetter is how a format writes a flag.
type flagLetter struct {
	flag   mailbox.Flags
	letter byte
}

func statusLetters() []flagLetter {
	return []flagLetter{{mailbox.Answered, 'A'}, {mailbox.Deleted, 'D'}, {mailbox.Flagged, 'F'}, {mailbox.Draft, 'T'}}
}

func letters(f mailbox.Flags, table []flagLetter) string {
	var b []byte
	for _, l := range table {
		if f&l.flag != 0 {
			b = append(b, l.letter)
		}
	}
	return string(b)
}

func flagsOf(s string, table []flagLetter) (f mailbox.Flags) {
	for _, l := range table {
		if strings.IndexByte(s, l.letter) >= 0 {
			f |= l.flag
		}
	}
	return f
}

// quoteFrom copies lines, with one more ">" before those that look like a
// "From " line or like one that was quoted, and ends the last line.
func quoteFrom(w *bufio.Writer, r io.Reader) error {
	in := bufio.NewReaderSize(r, 32<<10)
	within, ended := false, true
	for {
		l, err := in.ReadSlice('\n')
		if !within && isFrom(l) {
			w.WriteByte('>')
		}
		if _, err := w.Write(l); err != nil {
			return err
		}
		if len(l) > 0 {
			ended = l[len(l)-1] == '\n'
		}
		within = errors.Is(err, bufio.ErrBufferFull)
		if err == io.EOF {
			break
		}
		if err != nil && !within {
			return err
		}
	}
	if ended {
		return nil
	}
	return w.WriteByte('\n')
}

// isFrom reports any number of ">" before "From ".
func isFrom(l []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(l, ">"), []byte("From "))
}

func (a *mboxArchive) finish() error {
	if a.file == nil {
		return nil
	}
	err := errors.Join(a.w.Flush(), a.file.Close())
	a.file = nil
	return err
}

func (a *mboxArchive) Close() error { return errors.Join(a.finish(), a.root.Close()) }
