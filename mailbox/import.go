package mailbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	netmail "net/mail"
	"time"

	"glassmail/mail"
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
	Flags    Flags
	Keywords []string
	Date     time.Time // zero if it is not known
	Done     int64     // bytes of the collection up to its end
	// Open reads the text, with CRLF line ends.
	Open func() (io.ReadCloser, error)
}

// Appender adds a message of size bytes to a folder, durably.
type Appender func(ctx context.Context, d Deposit, size int64, text io.Reader) (Placed, error)

// ImportOptions say how to import.
type ImportOptions struct {
	Into     string                       // the folder for all messages; "" means as the collection says
	Append   Appender                     // required
	Progress func(done, total int64)      // bytes of the collection; may be nil
	Refused  func(name string, err error) // told of each message that Append did not want; may be nil
}

// Imported counts what became of the messages of a collection.
type Imported struct {
	Added   int
	Known   int // a message with the same text was in the folder already
	Refused int
}

// Import adds the messages of a collection to a user's folders, which it creates
// as needed. A message whose very text is in its folder already is not added
// again: so an import that was interrupted is finished by doing it again. A
// message that can never be added (a 5xx Reply, ErrInvalid) is passed over; any
// other error ends the import.
func Import(ctx context.Context, s Store, user string, from *Collection, o ImportOptions) (Imported, error) {
	i := importer{ctx: ctx, store: s, user: user, options: o}
	for m, err := range from.Messages {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = i.message(m)
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
	store   Store
	user    string
	options ImportOptions
	count   Imported
	name    string // of the folder that is open
	folder  FolderID
	known   map[int64][]knownText // texts in that folder by their size
}

// knownText is a text in the folder; its sum is computed when it matters.
type knownText struct {
	body mail.BodyID
	sum  *[sha256.Size]byte
}

func (i *importer) message(m Incoming) error {
	if i.options.Into != "" {
		m.Folder = i.options.Into
	}
	if err := i.open(m.Folder); err != nil {
		return err
	}
	size, sum, err := measure(m.Open)
	if err != nil {
		return err
	}
	known, err := i.knows(size, sum)
	if err != nil {
		return err
	}
	if known {
		i.count.Known++
		return nil
	}
	if err = i.add(m, size); refusal(err) {
		i.count.Refused++
		if i.options.Refused != nil {
			i.options.Refused(m.Name, err)
		}
		return nil
	}
	if err == nil {
		i.count.Added++
		i.known[size] = append(i.known[size], knownText{sum: &sum})
	}
	return err
}

// open makes a folder the current one.
func (i *importer) open(name string) error {
	name, err := FolderName(name)
	if err != nil || name == i.name {
		return err
	}
	f, err := i.store.Folder(i.ctx, i.user, name)
	if errors.Is(err, ErrNotFound) {
		f, err = i.store.ChangeFolder(i.ctx, i.user, FolderChange{New: name})
	}
	if err != nil {
		return fmt.Errorf("folder %s: %w", name, err)
	}
	i.folder, i.known = f.ID, make(map[int64][]knownText)
	for m, err := range i.store.Messages(i.ctx, f.ID, Range{}) {
		if err != nil {
			return fmt.Errorf("folder %s: %w", name, err)
		}
		i.known[m.Size] = append(i.known[m.Size], knownText{body: m.Body})
	}
	i.name = name
	return nil
}

func (i *importer) knows(size int64, sum [sha256.Size]byte) (bool, error) {
	list := i.known[size]
	for n := range list {
		k := &list[n]
		if k.sum == nil {
			_, have, err := measure(func() (io.ReadCloser, error) { return i.stored(k.body) })
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return false, err
			}
			k.sum = &have
		}
		if *k.sum == sum {
			return true, nil
		}
	}
	return false, nil
}

func (i *importer) stored(id mail.BodyID) (io.ReadCloser, error) {
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

// measure reads a text for its size and checksum.
func measure(open func() (io.ReadCloser, error)) (size int64, sum [sha256.Size]byte, err error) {
	r, err := open()
	if err != nil {
		return 0, sum, err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, r)
	h.Sum(sum[:0])
	return size, sum, err
}

func (i *importer) add(m Incoming, size int64) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = i.options.Append(i.ctx, Deposit{User: i.user, Folder: i.folder, Flags: m.Flags, Keywords: m.Keywords, Date: m.Date}, size, r)
	return err
}

// refusal reports an error that trying again does not heal.
func refusal(err error) bool {
	var reply *mail.Reply
	return errors.Is(err, ErrInvalid) || errors.As(err, &reply) && reply.Code >= 500
}

// sentDate is what the Date field of a header says, zero if that is nothing.
func sentDate(header []byte) time.Time {
	for _, v := range HeaderValues(header, "Date") {
		if t, err := netmail.ParseDate(v); err == nil {
			return t
		}
	}
	return time.Time{}
}
