package imapd

import (
	"bytes"
	"errors"
	"io"

	"github.com/emersion/go-imap/v2"

	"glassmail/mailbox"
)

// Append stores a message (RFC 9051 §6.3.12).
func (s *session) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	f, err := s.store().Folder(s.ctx, s.account, name)
	if err != nil {
		return nil, s.failTo(err)
	}
	flags, keywords := split(o.Flags)
	placed, err := s.store().Append(s.ctx, mailbox.Deposit{
		User: s.account, Folder: f.ID, Flags: flags, Keywords: keywords, Date: o.Time,
	}, r.Size(), &lineEnds{r: &appendText{f: s.f, r: r, left: r.Size()}})
	switch {
	case errors.Is(err, errSpoiled):
		return nil, bad("APPEND takes one message, and the line ends after it")
	case errors.Is(err, errNUL):
		return nil, refuse(imap.ResponseCodeCannot, "A message cannot hold the byte NUL")
	case err != nil:
		return nil, s.failTo(err)
	}
	return &imap.AppendData{UID: imap.UID(placed.UID), UIDValidity: placed.UIDValidity}, nil
}

// errNUL is returned for a message with a NUL (RFC 9051 §4.3).
var errNUL = errors.New("NUL in the message")

// lineEnds gives every line of a message its CR LF (RFC 5322 §2.3): programs
// upload files with the line ends of their system.
type lineEnds struct {
	r    io.Reader
	prev byte
	buf  []byte // read from r
	rest []byte // of buf, not handed over
	err  error
	lf   bool // a LF is owed
}

// Read returns errNUL at the first NUL.
func (l *lineEnds) Read(p []byte) (n int, err error) {
	if len(l.rest) == 0 && !l.lf {
		if l.err != nil {
			return 0, l.err
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
	for n < len(p) {
		if l.lf {
			p[n], l.lf, l.prev = '\n', false, '\n'
			n++
			continue
		}
		if len(l.rest) == 0 {
			break
		}
		if l.rest[0] == '\n' && l.prev != '\r' {
			p[n], l.lf = '\r', true
			n++
			l.rest = l.rest[1:]
			continue
		}
		k := run(l.rest, l.prev, len(p)-n)
		copy(p[n:], l.rest[:k])
		l.prev = l.rest[k-1]
		l.rest = l.rest[k:]
		n += k
	}
	return n, nil
}

// run is the length of a stretch without a bare LF, at most most, at least 1.
func run(b []byte, prev byte, most int) int {
	b = b[:min(len(b), most)]
	for i := 0; i < len(b); {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return len(b)
		}
		at := i + j
		before := prev
		if at > 0 {
			before = b[at-1]
		}
		if before != '\r' {
			return at
		}
		i = at + 1
	}
	return len(b)
}

func (l *lineEnds) fill() error {
	if l.buf == nil {
		l.buf = make([]byte, 16<<10)
	}
	var n int
	n, l.err = l.r.Read(l.buf)
	l.rest = l.buf[:n]
	if bytes.IndexByte(l.rest, 0) >= 0 {
		l.rest, l.err = nil, errNUL
		return errNUL
	}
	if n == 0 {
		return l.err
	}
	return nil
}
