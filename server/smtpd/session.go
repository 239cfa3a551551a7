package smtpd

import (
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/trace"
)

// session is where the node decides. go-smtp keeps the order of the commands and
// calls the methods of a session with what it has read in them; what is returned
// is what the client is told.
type session struct {
	*serverConn
	env      *mail.Envelope // of the message under way; nil is none
	done     bool           // its content has been answered
	accepted string         // name of the last message accepted
}

// NewSession begins a session when a client has said HELO or EHLO: a conn is
// go-smtp's Backend for its one client.
func (c *serverConn) NewSession(*smtp.Conn) (smtp.Session, error) {
	c.session = &session{serverConn: c}
	return c.session, nil
}

// Mail asks for leave to send.
func (s *session) Mail(path string, o *smtp.MailOptions) error {
	from := address(path)
	s.asked.from = from.Named()
	switch {
	case s.env != nil: // go-smtp would go on with the recipients of the first
		return told(503, mail.Enhanced{5, 5, 1}, "A message from %s has begun; go on with RCPT or DATA, or give it up with RSET", s.expand("{from}"))
	case s.srv.opts.Submission && s.peer.User.IsNull():
		return told(530, mail.Enhanced{5, 7, 0}, "First log in with AUTH") // RFC 6409 §4.3
	case !from.ASCII() && !o.UTF8:
		return needsUTF8()
	}
	if err := s.srv.opts.Backend.Sender(s.ctx, s.peer, from); err != nil {
		return s.refusal(err)
	}
	s.env = &mail.Envelope{ID: s.id, From: from, Peer: s.peer, Options: mail.Options{
		Body: mail.Body(o.Body), UTF8: o.UTF8, RequireTLS: o.RequireTLS,
		Return: string(o.Return), EnvID: o.EnvelopeID, Size: o.Size,
	}}
	s.introduce(from)
	return nil
}

// introduce tells the trace who the client is, as far as it has shown: a user who
// logged in, the program of a user of this node, or another server, by the name that
// it said. A client that says the name of a node of this trace without being it is
// somebody who types.
func (s *session) introduce(from mail.Address) {
	helo := s.peer.Helo
	switch {
	case !s.peer.User.IsNull():
		s.log.Peer(s.peer.User.String(), trace.UserAgent)
	case s.srv.opts.Local != nil && s.srv.opts.Local(from), !strings.Contains(helo, "."), strings.HasPrefix(helo, "["), s.srv.opts.Trace.Observes(helo):
		s.log.Peer(from.Named(), trace.UserAgent)
	default:
		s.log.Peer(helo, trace.MailServer)
	}
}

// Rcpt asks whether a recipient can be served.
func (s *session) Rcpt(path string, o *smtp.RcptOptions) error {
	to := mail.Recipient{Address: address(path)}
	s.asked.to = to.String()
	if !to.ASCII() && !s.env.UTF8 {
		return needsUTF8()
	}
	for _, n := range o.Notify {
		to.Notify = append(to.Notify, string(n))
	}
	if o.OriginalRecipient != "" {
		to.ORcpt = strings.ToLower(string(o.OriginalRecipientType)) + ";" + o.OriginalRecipient
	}
	if err := s.srv.opts.Backend.Recipient(s.ctx, s.env, to.Address); err != nil {
		return s.refusal(err)
	}
	s.env.To = append(s.env.To, to)
	return nil
}

// Data hands the message to the backend. go-smtp's reader works byte by byte and
// hides how lines end: the content comes from the client through our scanner, and
// go-smtp hears of it the dot that ended it.
func (s *session) Data(io.Reader) error {
	t := s.content()
	id, err := s.srv.opts.Backend.Accept(s.ctx, s.env, t)
	switch {
	case t.err != nil && t.err != io.EOF:
		err = t.err // however Backend wrapped it
	case t.err == nil && err == nil:
		err = errors.New("the post accepted a message without reading it to its end")
	}
	t.drain()
	s.done, s.accepted = true, id
	if !s.over {
		s.hand(".")
	}
	switch {
	case errors.Is(err, errGivenUp):
		s.muted = true
	case err != nil:
		err = s.refusal(err)
	}
	return err
}

// Reset forgets the message under way (RFC 5321 §4.1.1.5).
func (s *session) Reset() { s.env, s.chunks, s.done = nil, nil, false }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// AuthMechanisms is what EHLO lists.
func (s *session) AuthMechanisms() []string {
	if !s.srv.opts.Submission || s.needsTLS() {
		return nil
	}
	return []string{mechPlain, mechLogin}
}

// Auth begins a login (RFC 4954 §4).
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	switch {
	case s.env != nil:
		return nil, told(503, mail.Enhanced{5, 5, 1}, "First finish the message, or give it up with RSET")
	case s.needsTLS():
		return nil, told(538, mail.Enhanced{5, 7, 11}, "Logging in needs TLS: first say STARTTLS")
	case mechanism == mechPlain:
		return plainServer{s.login}, nil
	case mechanism == mechLogin:
		return &loginServer{login: s.login}, nil
	}
	return nil, told(504, mail.Enhanced{5, 5, 4}, "That mechanism is not offered; there are PLAIN and LOGIN")
}

// needsTLS reports that a password would cross a network in clear (RFC 4954 §4).
func (s *session) needsTLS() bool { return s.peer.TLS == "" && !s.plainLogin }

// login checks a name and password. It may have to wait for its turn, and gives it up
// when the client leaves.
func (s *session) login(user, password string) error {
	s.asked.told = true // Backend does
	defer s.conn.Watch(s.giveUp)()
	who, err := s.srv.opts.Backend.Login(s.ctx, s.peer, user, password)
	if err != nil {
		s.logins++
		return s.refusal(err)
	}
	s.peer.User = who
	s.conn.LoggedIn(who.String())
	s.logins = 0
	return nil
}

// address is what go-smtp has read in a path. It takes the quotes of a local part
// away; a domain holds no @, so the last one is the border.
func address(path string) mail.Address {
	i := strings.LastIndexByte(path, '@')
	if i < 0 { // <> or <postmaster>
		return mail.Address{Local: path}
	}
	return mail.Address{Local: path[:i], Domain: path[i+1:]}
}

// needsUTF8 refuses a non-ASCII address in a message that is not under SMTPUTF8
// (RFC 6531 §3.5).
func needsUTF8() error {
	return told(553, mail.Enhanced{5, 6, 7}, "An address with other than ASCII characters needs the parameter SMTPUTF8 of MAIL")
}

// refusal is what the client is told of a refusal of the Backend's. Errors that are no
// replies are ours to see.
func (s *session) refusal(err error) error {
	r := mail.AsReply(err)
	if own := new(mail.Reply); !errors.As(err, &own) && !s.over {
		s.note("local trouble: %v", err)
		s.asked.trouble = err.Error()
	}
	return told(r.Code, r.Enhanced, "%s", r.Text)
}

// told is the error by which go-smtp gives the client a reply, in one line that
// fits its buffer.
func told(code int, e mail.Enhanced, format string, args ...any) error {
	text := mail.NewReply(code, e, format, args...).Text
	text = strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), maxReply)], "\n", " "), "?")
	lib := &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
	if e != (mail.Enhanced{}) {
		lib.EnhancedCode = smtp.EnhancedCode{int(e[0]), int(e[1]), int(e[2])}
	}
	return lib
}
