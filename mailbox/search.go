package mailbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/message"
)

// Criteria say which messages are looked for, in the words of IMAP's SEARCH
// (RFC 9051 §6.4.4). All that is set must hold; the zero Criteria hold for every
// message. Texts are found as parts of words, without regard to case, to how
// characters are composed, and to white space.
type Criteria struct {
	UIDs func(UID) bool // nil means all

	With, Without                 Flags
	WithKeywords, WithoutKeywords []string

	// Days, of which only the calendar date counts. Since includes its day,
	// Before does not. The zero time means no limit.
	Since, Before         time.Time // of Message.Date
	SentSince, SentBefore time.Time // of the Date field; a message without one is not found

	Larger, Smaller int64 // bytes, both exclusive; 0 means no limit
	ChangedSince    ModSeq

	Header []HeaderCriterion
	Body   []string // each in the decoded text of some text part
	Text   []string // each in a header field or in the decoded text

	Not []Criteria    // none of them
	Or  [][2]Criteria // of each pair, one or both
}

// HeaderCriterion is a text in a field of the message's header, decoded. With an
// empty Text it is enough that there is such a field.
type HeaderCriterion struct{ Name, Text string }

// Source is where a search reads messages; a Store is one.
type Source interface {
	Body(ctx context.Context, id mail.ContentID) (mail.Message, error)
	Record(ctx context.Context, id mail.ContentID) ([]byte, error)
}

// Matcher is Criteria made ready to be held against many messages. It is safe
// for concurrent use.
type Matcher struct {
	c        Criteria
	header   []headerNeedle
	body     []needle
	text     []needle
	not      []*Matcher
	or       [][2]*Matcher
	needsDay bool // the Date field is asked for
}

type headerNeedle struct {
	name string
	needle
}

// NewMatcher prepares criteria. Depth and number of criteria are for the caller
// to limit.
func NewMatcher(c Criteria) *Matcher {
	m := &Matcher{c: c, needsDay: !c.SentSince.IsZero() || !c.SentBefore.IsZero()}
	for _, h := range c.Header {
		m.header = append(m.header, headerNeedle{h.Name, newNeedle(h.Text)})
	}
	for _, s := range c.Body {
		m.body = append(m.body, newNeedle(s))
	}
	for _, s := range c.Text {
		m.text = append(m.text, newNeedle(s))
	}
	for i := range c.Not {
		m.not = append(m.not, NewMatcher(c.Not[i]))
	}
	for i := range c.Or {
		m.or = append(m.or, [2]*Matcher{NewMatcher(c.Or[i][0]), NewMatcher(c.Or[i][1])})
	}
	return m
}

// Match reports whether a message meets the criteria. It opens the message only
// if its state does not decide, and reads its content only if the header does
// not. A message that has gone meanwhile does not match.
func (m *Matcher) Match(ctx context.Context, src Source, msg Message) (bool, error) {
	o := Open(ctx, src, msg)
	defer o.Close()
	ok, err := m.match(o)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return ok, err
}

func (m *Matcher) match(o *Opened) (bool, error) {
	if !m.c.state(o.msg) {
		return false, nil
	}
	for _, step := range [...]func(*Opened) (bool, error){m.matchSent, m.matchHeader, m.matchNot, m.matchOr, m.matchContent} {
		if ok, err := step(o); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// state is what can be told without opening the message.
func (c *Criteria) state(m Message) bool {
	switch {
	case c.UIDs != nil && !c.UIDs(m.UID),
		m.Flags&c.With != c.With,
		m.Flags&c.Without != 0,
		c.Larger != 0 && m.Size <= c.Larger,
		c.Smaller != 0 && m.Size >= c.Smaller,
		m.ModSeq < c.ChangedSince,
		!within(m.Date, c.Since, c.Before):
		return false
	}
	has := func(k string) bool {
		return slices.ContainsFunc(m.Keywords, func(have string) bool { return strings.EqualFold(have, k) })
	}
	lacks := func(k string) bool { return !has(k) }
	return !slices.ContainsFunc(c.WithKeywords, lacks) && !slices.ContainsFunc(c.WithoutKeywords, has)
}

// within compares calendar dates, disregarding time and time zone (RFC 9051
// §6.4.4).
func within(t, since, before time.Time) bool {
	day := func(t time.Time) int { return t.Year()*10000 + int(t.Month())*100 + t.Day() }
	return (since.IsZero() || day(t) >= day(since)) && (before.IsZero() || day(t) < day(before))
}

func (m *Matcher) matchSent(o *Opened) (bool, error) {
	if !m.needsDay {
		return true, nil
	}
	rec, err := o.Record()
	if err != nil {
		return false, err
	}
	t := message.ParseDate(rec.Root.Envelope.Date)
	return !t.IsZero() && within(t, m.c.SentSince, m.c.SentBefore), nil
}

func (m *Matcher) matchHeader(o *Opened) (bool, error) {
	for _, h := range m.header {
		header, err := o.header()
		if err != nil {
			return false, err
		}
		found := slices.ContainsFunc(message.HeaderValues(header, h.name), func(v string) bool {
			return h.in(message.DecodeHeader(v))
		})
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (m *Matcher) matchNot(o *Opened) (bool, error) {
	for _, n := range m.not {
		if is, err := n.match(o); err != nil || is {
			return false, err
		}
	}
	return true, nil
}

func (m *Matcher) matchOr(o *Opened) (bool, error) {
	for _, pair := range m.or {
		is, err := pair[0].match(o)
		if err == nil && !is {
			is, err = pair[1].match(o)
		}
		if err != nil || !is {
			return false, err
		}
	}
	return true, nil
}

func (m *Matcher) matchContent(o *Opened) (bool, error) {
	body, text := newFinder(m.body), newFinder(m.text)
	if !text.done() {
		header, err := o.header()
		if err != nil {
			return false, err
		}
		if err := text.search(strings.NewReader(headerText(header))); err != nil {
			return false, err
		}
	}
	if body.done() && text.done() {
		return true, nil
	}
	return o.find(body, text)
}

// headerText is a header with its fields unfolded and decoded.
func headerText(header []byte) string {
	var b strings.Builder
	for len(header) > 0 {
		n := message.FieldEnd(header)
		f := header[:n]
		header = header[n:]
		if name := message.FieldName(f); name != nil {
			b.Write(name)
			b.WriteString(": ")
			b.WriteString(message.DecodeHeader(message.FieldValue(f)))
		} else {
			b.WriteString(message.DecodeHeader(string(bytes.TrimRight(f, "\r\n"))))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Opened is a message under examination; what it is asked for is read once.
type Opened struct {
	ctx  context.Context
	src  Source
	msg  Message
	text mail.Message
	rec  *message.Record
	head []byte
}

// Open begins to look at a message of src. Nothing is read yet.
func Open(ctx context.Context, src Source, msg Message) *Opened {
	return &Opened{ctx: ctx, src: src, msg: msg}
}

// Close gives back what was opened.
func (o *Opened) Close() {
	if o.text != nil {
		o.text.Close()
	}
}

// Content is the whole message; it stays open until Close.
func (o *Opened) Content() (mail.Message, error) {
	if o.text != nil {
		return o.text, nil
	}
	text, err := o.src.Body(o.ctx, o.msg.Body)
	if err != nil {
		return nil, err
	}
	o.text = mail.WithContext(o.ctx, text) // a search ends within one read of whoever asked
	return o.text, nil
}

// Record takes the record that was stored, or makes one if that is unreadable.
func (o *Opened) Record() (*message.Record, error) {
	if o.rec != nil {
		return o.rec, nil
	}
	b, err := o.src.Record(o.ctx, o.msg.Body)
	if err != nil {
		return nil, err
	}
	if o.rec, err = message.UnmarshalRecord(b); err == nil && o.rec.Root.Envelope != nil {
		return o.rec, nil
	}
	text, err := o.Content()
	if err != nil {
		return nil, err
	}
	o.rec, err = message.Scan(text, text.Size())
	return o.rec, err
}

func (o *Opened) header() ([]byte, error) {
	if o.head != nil {
		return o.head, nil
	}
	rec, err := o.Record()
	if err != nil {
		return nil, err
	}
	text, err := o.Content()
	if err != nil {
		return nil, err
	}
	o.head, err = message.Header(text, &rec.Root)
	return o.head, err
}

// find looks for the needles of both in the texts of the message: of its text
// parts, and of the headers of messages in it.
func (o *Opened) find(body, text *finder) (bool, error) {
	rec, err := o.Record()
	if err != nil {
		return false, err
	}
	r, err := o.Content()
	if err != nil {
		return false, err
	}
	both := [...]*finder{body, text}
	rec.Root.Walk(func(p *message.Part) bool {
		for _, f := range both {
			if f.done() {
				continue
			}
			if err = o.ctx.Err(); err == nil {
				err = f.searchPart(r, p, p == &rec.Root)
			}
			if err != nil {
				return false
			}
		}
		return !body.done() || !text.done()
	})
	return body.done() && text.done(), err
}

func (f *finder) searchPart(r io.ReaderAt, p *message.Part, root bool) error {
	if p.Envelope != nil && !root {
		header, err := message.Header(r, p)
		if err != nil {
			return err
		}
		if err := f.search(strings.NewReader(headerText(header))); err != nil || f.done() {
			return err
		}
	}
	if p.Type != "text" {
		return nil
	}
	cs := message.Lower(p.Param("charset"))
	if message.IsUTF8(cs) { // folding does not mind bytes that are not UTF-8
		return f.search(message.Content(r, p))
	}
	return f.search(message.CharsetReader(cs, message.Content(r, p)))
}
