package api

import (
	"container/list"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/message"
	"glassmail/web/mailview"
)

// Bounds of the summaries remembered: of an ordinary message one takes about 1 KiB.
const (
	maxSummaries    = 20_000
	maxSummaryBytes = 32 << 20 // of all of them
)

// Bounds of what a list shows of one message, however long it is there. Texts are cut
// to them.
const (
	maxListedAddresses  = 20   // of one field
	maxListedText       = 1000 // bytes of a subject, and of an address
	maxListedName       = 200  // bytes of the name before an address
	maxListedReferences = 50   // message ids by which threads are joined, of at most maxListedText each
)

// summary is what a list shows of a message's text. It never changes, so it is
// read once.
type summary struct {
	Subject     string             `json:"subject"`
	From        []mailview.Address `json:"from"`
	To          []mailview.Address `json:"to"`
	Preview     string             `json:"preview"`
	Attachments bool               `json:"attachments"`
	messageID   string
	references  []string
}

// item is a message in a list.
type item struct {
	UID      mailbox.UID `json:"uid"`
	Date     time.Time   `json:"date"` // when it arrived
	Size     int64       `json:"size"`
	Flags    []string    `json:"flags"`
	Keywords []string    `json:"keywords"`
	summary
	Thread *thread `json:"thread,omitempty"`
}

// summaries remembers those used last.
type summaries struct {
	mu    sync.Mutex
	all   map[summaryKey]*list.Element
	order *list.List // of remembered; the last used in front
	held  int        // bytes
}

type summaryKey struct {
	account string
	body    mail.ContentID
}

type remembered struct {
	key summaryKey
	summary
}

func newSummaries() *summaries {
	return &summaries{all: map[summaryKey]*list.Element{}, order: list.New()}
}

func (s *summaries) find(key summaryKey) (summary, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[key]
	if e == nil {
		return summary{}, false
	}
	s.order.MoveToFront(e)
	return e.Value.(remembered).summary, true
}

func (s *summaries) keep(key summaryKey, one summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[key] != nil {
		return
	}
	s.all[key] = s.order.PushFront(remembered{key, one})
	s.held += one.cost()
	for s.order.Len() > maxSummaries || s.held > maxSummaryBytes {
		last := s.order.Back()
		old := last.Value.(remembered)
		s.held -= old.summary.cost()
		delete(s.all, old.key)
		s.order.Remove(last)
	}
}

// cost is about how many bytes a summary takes in memory.
func (s *summary) cost() int {
	n := 500 + len(s.Subject) + len(s.Preview) + len(s.messageID)
	for _, a := range slices.Concat(s.From, s.To) {
		n += 32 + len(a.Name) + len(a.Address)
	}
	for _, ref := range s.references {
		n += 16 + len(ref)
	}
	return n
}

// of returns a message's summary; one whose text is gone has an empty one.
func (s *summaries) of(ctx context.Context, r reader, m mailbox.Message) (summary, error) {
	key := summaryKey{r.account, m.Body}
	if one, ok := s.find(key); ok {
		return one, nil
	}
	o, err := r.open(ctx, m)
	if errors.Is(err, mailbox.ErrNotFound) {
		return summary{From: []mailview.Address{}, To: []mailview.Address{}}, nil
	}
	if err != nil {
		return summary{}, err
	}
	defer o.text.Close()
	one, err := summarize(o)
	if err == nil {
		s.keep(key, one)
	}
	return one, err
}

func summarize(o *opened) (summary, error) {
	head, err := mailview.Head(o.text, o.rec)
	if err != nil {
		return summary{}, err
	}
	preview, err := mailview.Preview(o.text, o.rec)
	if err != nil {
		return summary{}, err
	}
	e := o.rec.Root.Envelope
	return summary{
		Subject: short(message.DecodeHeader(e.Subject), maxListedText), From: listedAddresses(e.From), To: listedAddresses(e.To),
		Preview: preview, Attachments: mailview.HasAttachment(o.rec),
		messageID: short(e.MessageID, maxListedText), references: listedReferences(mailview.References(head)),
	}, nil
}

func listedAddresses(in []message.Address) []mailview.Address {
	out := mailview.Addresses(in, maxListedAddresses)
	for i, a := range out {
		out[i] = mailview.Address{Name: short(a.Name, maxListedName), Address: short(a.Address, maxListedText)}
	}
	return out
}

// listedReferences is the first message id, where the thread began, and the last
// ones (RFC 5322 §3.6.4).
func listedReferences(ids []string) []string {
	if len(ids) > maxListedReferences {
		ids = slices.Concat(ids[:1], ids[len(ids)-maxListedReferences+1:])
	}
	for i, id := range ids {
		ids[i] = short(id, maxListedText)
	}
	return slices.Clip(ids)
}

// short is the beginning of a text, at most most bytes without what is broken of its
// last letter. It is a copy: texts of a record are cut out of one string, and would
// keep the whole of it in memory.
func short(s string, most int) string {
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:most]
	}
	return strings.Clone(s)
}

func (s *summaries) item(ctx context.Context, r reader, m mailbox.Message) (item, error) {
	one, err := s.of(ctx, r, m)
	keywords := m.Keywords
	if keywords == nil {
		keywords = []string{}
	}
	return item{UID: m.UID, Date: m.Date, Size: m.Size, Flags: flagList(m.Flags), Keywords: keywords, summary: one}, err
}
