// Package archive imports and exports mailboxes as mbox, Maildir, tar and single
// messages.
package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
)

// Collection is messages to import, as OpenMbox and its like find them.
type Collection struct {
	Total    int64 // bytes of all files
	Messages iter.Seq2[Incoming, error]
	close    func() error
}

// Close releases the files.
func (c *Collection) Close() error { return c.close() }

// Incoming is one message to import.
type Incoming struct {
	Name     string // where it was found
	Folder   string
	Flags    mailbox.Flags
	Keywords []string
	Date     time.Time // zero if it is not known
	Done     int64     // bytes of the collection up to its end
	// Open reads the text, with CRLF line ends.
	Open func() (io.ReadCloser, error)
}

// Appender adds a message of size bytes to a folder, durably.
type Appender func(ctx context.Context, d mailbox.Delivery, size int64, text io.Reader) (mailbox.Appended, error)

// MaxImported is the longest message that is imported, in bytes with its line ends.
const MaxImported = 2 << 30

// maxNewFolders is how many folders one import makes. What belongs into more is
// passed over.
const maxNewFolders = 10_000

// ImportOptions say how to import.
type ImportOptions struct {
	Into     string                       // the folder for all messages; "" means as the collection says
	Append   Appender                     // required
	MaxSize  int64                        // bytes of a message; 0 is MaxImported
	Progress func(done, total int64)      // bytes of the collection; may be nil
	Refused  func(name string, err error) // told of each message that was passed over; may be nil
	Changed  func(name, how string)       // told of what came in otherwise than it stood there; may be nil
}

// passedOver is an error that is about one message: the others can be imported.
type passedOver struct{ error }

func (p passedOver) Unwrap() error { return p.error }

// Imported counts what became of the messages of a collection.
type Imported struct {
	Added   int
	Known   int // a message with the same text was in the folder already
	Refused int // not wanted, or not to be read
	Changed int // folders whose names could not be kept, messages that lost their keywords
}

// Import adds the messages of a collection to a user's folders, which it creates
// as needed. A message whose very text is in its folder already is not added
// again: so an import that was interrupted is finished by doing it again. A folder
// whose name no folder may have gets one that is like it. A message that can never be
// added (a 5xx Reply, ErrInvalid), that is too long or cannot be read is passed over;
// any other error ends the import.
func Import(ctx context.Context, s mailbox.Store, user string, from *Collection, o ImportOptions) (Imported, error) {
	if o.MaxSize == 0 {
		o.MaxSize = MaxImported
	}
	i := importer{ctx: ctx, store: s, user: user, options: o, folders: make(map[string]*importFolder)}
	for m, err := range from.Messages {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = i.message(m)
		}
		if refusal(err) {
			i.count.Refused++
			if o.Refused != nil {
				o.Refused(m.Name, err)
			}
			err = nil
		}
		if err != nil {
			return i.count, fmt.Errorf("import %s: %w", m.Name, err)
		}
		if o.Progress != nil {
			o.Progress(m.Done, from.Total)
		}
	}
	return i.count, nil
}

type importer struct {
	ctx     context.Context
	store   mailbox.Store
	user    string
	options ImportOptions
	count   Imported
	made    int                      // new folders
	folders map[string]*importFolder // by the name that the collection has for them
}

// importFolder is a folder, and the texts in it.
type importFolder struct {
	id    mailbox.FolderID
	known map[int64]*knownTexts // by their size
}

// knownTexts are texts of one size; their sums are computed when they matter.
type knownTexts struct {
	bodies []mail.ContentID // without a sum yet
	sums   map[[sha256.Size]byte]bool
}

func (i *importer) message(m Incoming) error {
	if i.options.Into != "" {
		m.Folder = i.options.Into
	}
	f, err := i.open(m.Folder)
	if err != nil {
		return err
	}
	size, sum, err := measure(m.Open, i.options.MaxSize)
	if err != nil {
		return err
	}
	known, err := i.knows(f, size, sum)
	if err != nil {
		return err
	}
	if known {
		i.count.Known++
		return nil
	}
	err = i.add(f, m, size)
	if errors.Is(err, mailbox.ErrInvalid) && len(m.Keywords) > 0 {
		words := m.Keywords
		m.Keywords = nil
		if err = i.add(f, m, size); err == nil {
			i.changed(m.Name, fmt.Sprintf("its keywords %.100q cannot be kept", words))
		}
	}
	if err == nil {
		i.count.Added++
		f.texts(size).sums[sum] = true
	}
	return err
}

func (i *importer) changed(name, how string) {
	i.count.Changed++
	if i.options.Changed != nil {
		i.options.Changed(name, how)
	}
}

// open finds a folder, or makes it.
func (i *importer) open(given string) (*importFolder, error) {
	if f := i.folders[given]; f != nil {
		return f, nil
	}
	name, err := mailbox.FolderName(given)
	if err != nil || strings.Count(name, mailbox.Delimiter) >= mailbox.MaxLevels {
		name = mailbox.UsableName(given)
	}
	if f := i.folders[name]; f != nil { // another name was made into this one already
		i.renamed(given, name, f)
		return f, nil
	}
	f, err := i.store.Folder(i.ctx, i.user, name)
	if errors.Is(err, mailbox.ErrNotFound) {
		if i.made++; i.made > maxNewFolders {
			return nil, passedOver{fmt.Errorf("folder %q is one of more than %d new ones", given, maxNewFolders)}
		}
		f, err = i.store.ChangeFolder(i.ctx, i.user, mailbox.FolderChange{New: name})
	}
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", name, err)
	}
	found := &importFolder{id: f.ID, known: make(map[int64]*knownTexts)}
	for m, err := range i.store.Messages(i.ctx, f.ID, mailbox.Range{}) {
		if err != nil {
			return nil, fmt.Errorf("folder %q: %w", name, err)
		}
		t := found.texts(m.Size)
		t.bodies = append(t.bodies, m.Body)
	}
	i.folders[name] = found
	i.renamed(given, name, found)
	return found, nil
}

// renamed notes the folder under the name that was given for it.
func (i *importer) renamed(given, name string, f *importFolder) {
	i.folders[given] = f
	if !strings.EqualFold(name, given) {
		i.changed(given, "the folder is called "+name)
	}
}

func (f *importFolder) texts(size int64) *knownTexts {
	t := f.known[size]
	if t == nil {
		t = &knownTexts{sums: make(map[[sha256.Size]byte]bool)}
		f.known[size] = t
	}
	return t
}

func (i *importer) knows(f *importFolder, size int64, sum [sha256.Size]byte) (bool, error) {
	t := f.texts(size)
	for len(t.bodies) > 0 {
		id := t.bodies[0]
		_, have, err := measure(func() (io.ReadCloser, error) { return i.stored(id) }, math.MaxInt64-1)
		if err != nil && !errors.Is(err, mailbox.ErrNotFound) {
			return false, err
		}
		t.bodies = t.bodies[1:]
		if err == nil {
			t.sums[have] = true
		}
	}
	return t.sums[sum], nil
}

func (i *importer) stored(id mail.ContentID) (io.ReadCloser, error) {
	text, err := i.store.Body(i.ctx, id)
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(text, 0, text.Size()), text}, nil
}

// section reads a part of what Closer closes.
type section struct {
	io.Reader
	io.Closer
}

// measure reads a text of at most most bytes for its size and checksum.
func measure(open func() (io.ReadCloser, error), most int64) (size int64, sum [sha256.Size]byte, err error) {
	r, err := open()
	if err != nil {
		return 0, sum, err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, io.LimitReader(r, most+1))
	if size > most {
		return size, sum, passedOver{fmt.Errorf("it is longer than %d bytes", most)}
	}
	h.Sum(sum[:0])
	return size, sum, err
}

func (i *importer) add(f *importFolder, m Incoming, size int64) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = i.options.Append(i.ctx, mailbox.Delivery{User: i.user, Folder: f.id, Flags: m.Flags, Keywords: m.Keywords, Date: likely(m.Date)}, size, r)
	return err
}

// likely is a date that can be written as one (RFC 9051 §9 has four digits for a
// year), zero for others.
func likely(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 1 || y > 9998 {
		return time.Time{}
	}
	return t
}

// refusal reports an error that is about one message, and that trying again does not
// heal.
func refusal(err error) bool {
	var reply *mail.Reply
	var over passedOver
	return errors.Is(err, mailbox.ErrInvalid) || errors.Is(err, mailbox.ErrTooMany) || errors.As(err, &over) || errors.As(err, &reply) && reply.Code >= 500
}

// sentDate is what the Date field of a header says, zero if that is nothing.
func sentDate(header []byte) time.Time {
	for _, v := range message.HeaderValues(header, "Date") {
		if t := message.ParseDate(v); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
