package api

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/web/mailview"
)

// maxSummaries bounds the summaries remembered, of about 1 KiB each.
const maxSummaries = 20_000

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

// maxListedAddresses bounds the addresses of one field that a list shows.
const maxListedAddresses = 20

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
}

type summaryKey struct {
	account string
	body    mail.BodyID
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
	if s.order.Len() > maxSummaries {
		last := s.order.Back()
		delete(s.all, last.Value.(remembered).key)
		s.order.Remove(last)
	}
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
		Subject: mailbox.DecodeHeader(e.Subject), From: mailview.Addresses(e.From, maxListedAddresses), To: mailview.Addresses(e.To, maxListedAddresses),
		Preview: preview, Attachments: mailview.HasAttachment(o.rec),
		messageID: e.MessageID, references: mailview.References(head),
	}, nil
}

func (s *summaries) item(ctx context.Context, r reader, m mailbox.Message) (item, error) {
	one, err := s.of(ctx, r, m)
	keywords := m.Keywords
	if keywords == nil {
		keywords = []string{}
	}
	return item{UID: m.UID, Date: m.Date, Size: m.Size, Flags: flagList(m.Flags), Keywords: keywords, summary: one}, err
}
