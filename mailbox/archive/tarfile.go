package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// tarFlags is the PAX record that keeps a message's flags and keywords, as IMAP
// writes them, with blanks between them.
const tarFlags = "GLASSMAIL.flags"

// tarArchive writes a tar file of .eml files.
type tarArchive struct {
	w   *tar.Writer
	dir string
}

// CreateTar writes a tar file (PAX) with one file for each message, byte for
// byte as it is stored: folder A/B, UID 7 is A/B/0000000007.eml. Its time is the
// message's date, and a PAX record GLASSMAIL.flags has its flags and keywords.
// Closing the archive does not close w.
func CreateTar(w io.Writer) Archive { return &tarArchive{w: tar.NewWriter(w)} }

func (a *tarArchive) Folder(f mailbox.Folder) error {
	a.dir = folderPath(f.Name)
	return a.w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: a.dir + "/", Mode: 0o700, Format: tar.FormatPAX})
}

func (a *tarArchive) Add(m mailbox.Message, _ *message.Record, text mail.Message) error {
	h := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     fmt.Sprintf("%s/%010d%s", a.dir, m.UID, emlSuffix),
		Size:     text.Size(),
		Mode:     0o600,
		ModTime:  m.Date,
		Format:   tar.FormatPAX,
	}
	if s := flagText(m.Flags, m.Keywords); s != "" {
		h.PAXRecords = map[string]string{tarFlags: s}
	}
	if err := a.w.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(a.w, io.NewSectionReader(text, 0, text.Size()))
	return err
}

func (a *tarArchive) Close() error { return a.w.Close() }

// flagName is the word for a flag.
type flagName struct {
	flag mailbox.Flags
	name string
}

func flagNames() []flagName {
	return []flagName{{mailbox.Seen, `\Seen`}, {mailbox.Answered, `\Answered`}, {mailbox.Flagged, `\Flagged`}, {mailbox.Deleted, `\Deleted`}, {mailbox.Draft, `\Draft`}}
}

func flagText(f mailbox.Flags, keywords []string) string {
	var words []string
	for _, n := range flagNames() {
		if f&n.flag != 0 {
			words = append(words, n.name)
		}
	}
	return strings.Join(append(words, keywords...), " ")
}

func parseFlagText(s string) (f mailbox.Flags, keywords []string) {
next:
	for _, w := range strings.Fields(s) {
		for _, n := range flagNames() {
			if strings.EqualFold(n.name, w) {
				f |= n.flag
				continue next
			}
		}
		keywords = append(keywords, w)
	}
	return f, keywords
}

// OpenTar reads a tar file of size bytes with .eml files, such as CreateTar
// writes; folders in it are mail folders.
func OpenTar(r io.ReaderAt, size int64) *Collection {
	return &Collection{
		Total: size,
		close: func() error { return nil },
		Messages: func(yield func(Incoming, error) bool) {
			at := io.NewSectionReader(r, 0, size)
			for t := tar.NewReader(at); ; {
				h, err := t.Next()
				if err == io.EOF {
					return
				}
				if err != nil {
					yield(Incoming{Name: "the tar file"}, err)
					return
				}
				if h.Typeflag == tar.TypeDir || !strings.EqualFold(path.Ext(h.Name), emlSuffix) {
					continue
				}
				start, err := at.Seek(0, io.SeekCurrent)
				if err == nil {
					err = plainEntry(h, size-start)
				}
				if !yield(tarMessage(h, r, start), err) {
					return
				}
			}
		},
	}
}

// plainEntry refuses an entry whose bytes do not follow its header as they are.
func plainEntry(h *tar.Header, left int64) error {
	sparse := h.Typeflag == tar.TypeGNUSparse
	for key := range h.PAXRecords {
		sparse = sparse || strings.HasPrefix(key, "GNU.sparse.")
	}
	switch {
	case sparse:
		return passedOver{errors.New("it is kept as a sparse file; make the tar file without --sparse")}
	case h.Typeflag != tar.TypeReg:
		return passedOver{errors.New("it is a link or a device, and no file")}
	case h.Size > left:
		return fmt.Errorf("the tar file ends in the midst of it: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// tarMessage is the message whose text begins at start.
func tarMessage(h *tar.Header, r io.ReaderAt, start int64) Incoming {
	in := Incoming{
		Name:   h.Name,
		Folder: pathFolder(path.Dir(path.Clean("/" + h.Name))[1:]),
		Date:   h.ModTime,
		Done:   start + h.Size,
		Open: func() (io.ReadCloser, error) {
			return io.NopCloser(message.WithCRLF(io.NewSectionReader(r, start, h.Size))), nil
		},
	}
	in.Flags, in.Keywords = parseFlagText(h.PAXRecords[tarFlags])
	return in
}
