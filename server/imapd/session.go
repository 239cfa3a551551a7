package imapd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"glassmail/mail"
	"glassmail/mailbox"
)

// session is one client's use of the server. The library calls its methods one
// at a time.
type session struct {
	srv     *Server
	f       *front
	conn    *imapserver.Conn
	ctx     context.Context
	account string
	sel     *selected // nil: no folder is selected
	saved   []mailbox.UID
	enc     encoder
	copyBuf []byte
}

var (
	_ imapserver.SessionIMAP4rev2   = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
)

func newSession(s *Server, f *front, c *imapserver.Conn) *session {
	return &session{srv: s, f: f, conn: c, ctx: f.ctx}
}

// Close releases everything.
func (s *session) Close() error {
	s.sel = nil
	return nil
}

// verb is the command that is being answered.
func (s *session) verb() string {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.f.cmd.verb
}

// line is the command that is being answered, whole.
func (s *session) line() string {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.f.cmd.line
}

// release gives back the memory of large answers: sessions live long, and most
// of the time in IDLE.
func (s *session) release() {
	s.copyBuf = nil
	if cap(s.enc.b) > keepEncoded {
		s.enc.b = nil
	}
}

// keepEncoded is how much memory for answers a session keeps, in bytes.
const keepEncoded = 4 << 10

func (s *session) store() Backend { return s.srv.o.Backend }

// Namespace has one of the user's own (RFC 2342).
func (s *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Prefix: "", Delim: delimiter}}}, nil
}

// AppendLimit is the size of the largest message taken (RFC 7889).
func (s *session) AppendLimit() uint32 { return s.srv.o.AppendLimit }

// refuse is a tagged NO.
func refuse(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// bad is a tagged BAD.
func bad(text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Text: text}
}

// fail turns an error of the backend into an answer (RFC 5530). What the client
// cannot help is written down and not shown.
func (s *session) fail(err error) error {
	var known *imap.Error
	var reply *mail.Reply
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(err, mailbox.ErrNotFound):
		return refuse(imap.ResponseCodeNonExistent, "There is no such mailbox")
	case errors.Is(err, mailbox.ErrExists):
		return refuse(imap.ResponseCodeAlreadyExists, "That mailbox exists already")
	case errors.Is(err, mailbox.ErrQuota):
		return refuse(imap.ResponseCodeOverQuota, "There is no room left for this account")
	case errors.Is(err, mailbox.ErrInvalid):
		return refuse(imap.ResponseCodeCannot, "That cannot be done")
	case errors.As(err, &reply) && !reply.Temporary():
		return refuse(imap.ResponseCodeCannot, ascii(reply.Text))
	}
	s.f.w.Log.Note("failed: " + printable([]byte(err.Error())))
	return refuse(imap.ResponseCodeUnavailable, "That is not possible now, please try again later")
}

// ascii is a text as any client can read it.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// failTo is fail for a command that puts messages into a folder (RFC 9051
// §6.4.7).
func (s *session) failTo(err error) error {
	if errors.Is(err, mailbox.ErrNotFound) {
		return refuse("TRYCREATE", "There is no such mailbox")
	}
	return s.fail(err)
}

// gone ends a session whose folder was deleted by somebody else.
func (s *session) gone(err error) {
	s.f.w.Log.Note(fmt.Sprintf("selected folder: %v", err))
	s.f.end("The selected mailbox was deleted")
}
