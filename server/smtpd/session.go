package smtpd

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/trace"
)

// session is a conn as the engine calls it. What the engine passes are its own
// constant lines; what the client said is in the conn.
type session struct{ *conn }

// Mail asks for leave to send.
func (s *session) Mail(string, *smtp.MailOptions) error {
	if err := s.srv.opts.Post.Sender(s.ctx, s.peer, s.env.From); err != nil {
		return s.refusal(err)
	}
	s.state = sender
	return nil
}

// Rcpt asks whether a recipient can be served.
func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	if err := s.srv.opts.Post.Recipient(s.ctx, s.env, s.rcpt.Address); err != nil {
		return s.refusal(err)
	}
	s.env.To = append(s.env.To, s.rcpt)
	s.state = recipient
	return nil
}

// Data hands the message to the post. The engine's reader is not used: the text
// comes straight from the client, and the engine gets the end of an empty one.
func (s *session) Data(io.Reader) error {
	t := s.text()
	id, err := s.srv.opts.Post.Accept(s.ctx, s.env, t)
	switch {
	case t.err != nil && t.err != io.EOF:
		err = t.err // however Post wrapped it
	case t.err == nil && err == nil:
		err = errors.New("the post accepted a message without reading it to its end")
	}
	t.drain()
	if !s.over {
		s.feed = []byte(engineEnd)
	}
	switch {
	case errors.Is(err, errGivenUp):
		s.muted = true
	case err != nil:
		err = s.refusal(err)
	}
	s.accepted, s.state = id, greeted
	return err
}

// Reset forgets the message under way.
func (s *session) Reset() { s.clear() }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// AuthMechanisms is what EHLO lists.
func (s *session) AuthMechanisms() []string {
	if !s.srv.opts.Submission {
		return nil
	}
	return []string{mechPlain, mechLogin}
}

// Auth begins an exchange.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if mechanism == mechLogin {
		return &loginServer{login: s.login}, nil
	}
	return plainServer{s.login}, nil
}

// login checks a name and password.
func (s *session) login(user, password string) error {
	who, err := s.srv.opts.Post.Login(s.ctx, s.peer, user, password)
	if err != nil {
		s.logins++
		return s.refusal(err)
	}
	s.peer.User = who
	s.front.LoggedIn(who.String())
	s.logins = 0
	s.note("logged in as %s", who)
	return nil
}

// refusal is the error by which the engine gives the client a reply. Errors that
// are no replies are ours to see.
func (s *session) refusal(err error) error {
	r := mail.AsReply(err)
	s.errors++
	if own := new(mail.Reply); !errors.As(err, &own) && !s.over {
		s.note("local trouble: %v", err)
	}
	if s.log != nil && !s.over {
		s.log.Event(trace.Event{Kind: trace.Refused, Dir: trace.Self, Text: "refused: " + r.Error()})
	}
	e := &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.NoEnhancedCode, Message: strings.ToValidUTF8(strings.ReplaceAll(r.Text, "\n", " "), "?")}
	if r.Enhanced != (mail.Enhanced{}) {
		e.EnhancedCode = smtp.EnhancedCode{int(r.Enhanced[0]), int(r.Enhanced[1]), int(r.Enhanced[2])}
	}
	return e
}

// badLogin is the reply to credentials that cannot be read (RFC 4954 §6).
func badLogin() *smtp.SMTPError {
	return &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "The credentials cannot be read"}
}

// plainServer is the mechanism PLAIN (RFC 4616). To act for another user is not
// offered.
type plainServer struct {
	login func(user, password string) error
}

// Next reads the one message of the client.
func (p plainServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte{}, false, nil
	}
	part := bytes.Split(response, []byte{0})
	if len(part) != 3 {
		return nil, false, badLogin()
	}
	if as := string(part[0]); as != "" && as != string(part[1]) {
		return nil, false, &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "You cannot act for another user"}
	}
	return nil, true, p.login(string(part[1]), string(part[2]))
}

// loginServer is the mechanism LOGIN: the server asks twice.
type loginServer struct {
	login func(user, password string) error
	step  int
	user  string
}

// Next asks, and reads the answers.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.step == 0 && response == nil {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	if l.step < 2 { // some clients give the name with the command
		l.step, l.user = 2, string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.login(l.user, string(response))
}
