package imapd

import (
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"glassmail/mail"
	"glassmail/mailbox"
)

// examined is one message under search. What costs something is fetched when a
// key asks for it, once.
type examined struct {
	s      *session
	m      *mailbox.Message
	rec    *mailbox.Record
	body   mail.Message
	header []byte
	texts  []string // folded texts of the parts
	lost   bool     // expunged meanwhile
}

func (e *examined) close() {
	if e.body != nil {
		e.body.Close()
	}
}

// matches reports whether a message meets criteria, the cheap ones first. A
// message that is gone meets none.
func (e *examined) matches(c *imap.SearchCriteria) (bool, error) {
	if !e.state(c) {
		return false, nil
	}
	for _, meets := range []func(*imap.SearchCriteria) (bool, error){e.sent, e.headers, e.combined, e.contents} {
		if ok, err := meets(c); !ok || err != nil || e.lost {
			return false, err
		}
	}
	return true, nil
}

// headers checks HEADER and its short forms.
func (e *examined) headers(c *imap.SearchCriteria) (bool, error) {
	for _, h := range c.Header {
		if ok, err := e.hasHeader(h.Key, h.Value); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// combined checks NOT and OR.
func (e *examined) combined(c *imap.SearchCriteria) (bool, error) {
	for i := range c.Not {
		if ok, err := e.matches(&c.Not[i]); ok || err != nil {
			return false, err
		}
	}
	for i := range c.Or {
		ok, err := e.matches(&c.Or[i][0])
		if !ok && err == nil {
			ok, err = e.matches(&c.Or[i][1])
		}
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// contents checks BODY and TEXT.
func (e *examined) contents(c *imap.SearchCriteria) (bool, error) {
	for _, t := range c.Body {
		if ok, err := e.hasText(t, false); !ok || err != nil {
			return false, err
		}
	}
	for _, t := range c.Text {
		if ok, err := e.hasText(t, true); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// state checks what the store knows of the message itself.
func (e *examined) state(c *imap.SearchCriteria) bool {
	m := e.m
	for _, set := range c.UID {
		if !inSet(set, imap.UID(m.UID)) {
			return false
		}
	}
	for _, f := range c.Flag {
		if !hasFlag(m, f) {
			return false
		}
	}
	for _, f := range c.NotFlag {
		if hasFlag(m, f) {
			return false
		}
	}
	day := date(m.Date.UTC())
	return !(c.Larger > 0 && m.Size <= c.Larger || c.Smaller > 0 && m.Size >= c.Smaller ||
		!c.Since.IsZero() && day.Before(date(c.Since)) || !c.Before.IsZero() && !day.Before(date(c.Before)))
}

func hasFlag(m *mailbox.Message, f imap.Flag) bool {
	names := systemFlags()
	if i := slices.IndexFunc(names[:], func(n string) bool { return strings.EqualFold(n, string(f)) }); i >= 0 {
		return m.Flags&(1<<i) != 0
	}
	return slices.ContainsFunc(m.Keywords, func(k string) bool { return strings.EqualFold(k, string(f)) })
}

// date drops time and zone (RFC 9051 §6.4.4, SENTSINCE).
func date(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// sent compares the Date field. A message without a readable one was never sent.
func (e *examined) sent(c *imap.SearchCriteria) (bool, error) {
	if c.SentSince.IsZero() && c.SentBefore.IsZero() {
		return true, nil
	}
	if err := e.needRecord(); err != nil || e.lost {
		return false, err
	}
	env := e.rec.Root.Envelope
	if env == nil {
		return false, nil
	}
	t, err := netmail.ParseDate(env.Date)
	if err != nil {
		return false, nil
	}
	day := date(t)
	return (c.SentSince.IsZero() || !day.Before(date(c.SentSince))) && (c.SentBefore.IsZero() || day.Before(date(c.SentBefore))), nil
}

func (e *examined) needRecord() (err error) {
	if e.rec == nil && !e.lost {
		e.rec, err = e.s.recordOf(e.m, e.body)
	}
	return e.absent(err)
}

func (e *examined) needBody() (err error) {
	if e.body == nil && !e.lost {
		e.body, err = e.s.store().Body(e.s.ctx, e.m.Body)
	}
	return e.absent(err)
}

func (e *examined) absent(err error) error {
	if errors.Is(err, mailbox.ErrNotFound) {
		e.lost = true
		return nil
	}
	return err
}

func (e *examined) needHeader() error {
	if e.header != nil || e.lost {
		return nil
	}
	if err := e.needBody(); err != nil || e.lost {
		return err
	}
	if err := e.needRecord(); err != nil || e.lost {
		return err
	}
	var err error
	e.header, err = readSpan(e.body, 0, min(e.rec.Root.Body, mailbox.MaxHeaderSize))
	return err
}

// hasHeader looks into the fields with a name, decoded; "" is in every field.
func (e *examined) hasHeader(name, folded string) (bool, error) {
	if err := e.needHeader(); err != nil || e.lost {
		return false, err
	}
	for _, v := range mailbox.HeaderValues(e.header, name) {
		if strings.Contains(fold(decodeWords(v)), folded) {
			return true, nil
		}
	}
	return false, nil
}

// hasText looks into the decoded texts of the body and, with header, into the
// header as well (RFC 9051 §6.4.4, BODY and TEXT).
func (e *examined) hasText(folded string, header bool) (bool, error) {
	if header {
		if err := e.needHeader(); err != nil || e.lost {
			return false, err
		}
		if strings.Contains(fold(decodeWords(string(e.header))), folded) {
			return true, nil
		}
	}
	if e.texts == nil {
		if err := e.needBody(); err != nil || e.lost {
			return false, err
		}
		if err := e.needRecord(); err != nil || e.lost {
			return false, err
		}
		var err error
		if e.texts, err = bodyTexts(&e.rec.Root, e.body); err != nil {
			return false, err
		}
	}
	return slices.ContainsFunc(e.texts, func(t string) bool { return strings.Contains(t, folded) }), nil
}
