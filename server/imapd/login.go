package imapd

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/wire"
)

// loginLimit ends a connection that does not log in for too long, and counts its
// refused logins. It outlives STARTTLS: the connection stays the same.
type loginLimit struct {
	failures int // of the goroutine that reads
	done     chan struct{}
	once     sync.Once
	wg       sync.WaitGroup
}

func newLoginLimit(s *Server, w *wire.Front, raw net.Conn) *loginLimit {
	l := &loginLimit{done: make(chan struct{})}
	l.wg.Go(func() {
		if !l.await(s, w) {
			return
		}
		w.Log.Note("no login in time")
		raw.SetWriteDeadline(time.Now().Add(time.Second)) // for a client that does not read
		w.Send([]byte("* BYE Too long without a login\r\n"))
		w.Flush()
		raw.Close()
	})
	return l
}

// await reports that the time has passed, without that for which lines of the
// connection waited at the gate; false if somebody logged in before.
func (l *loginLimit) await(s *Server, w *wire.Front) bool {
	for left := s.o.LoginTime; left > 0; {
		stood := w.Gate().Stood()
		tick, stop := wire.Deadlines(s.o.Host.Clock()).After(left)
		select {
		case <-l.done:
			stop()
			return false
		case <-tick:
			left = w.Gate().Stood() - stood
		}
	}
	return true
}

// loggedIn lifts the limit.
func (l *loginLimit) loggedIn() { l.once.Do(func() { close(l.done) }) }

func (l *loginLimit) end() {
	l.loggedIn()
	l.wg.Wait()
}

// Login checks a password, for LOGIN and for AUTHENTICATE PLAIN.
func (s *session) Login(user, password string) error {
	account, err := s.srv.o.Backend.Login(s.ctx, user, password, wire.AddrPort(s.f.RemoteAddr()))
	if err == nil {
		s.account = account
		s.f.w.LoggedIn(account)
		s.f.login.loggedIn()
		s.f.loggedIn = true
		return nil
	}
	var reply *mail.Reply
	if !errors.As(err, &reply) && !errors.Is(err, mailbox.ErrNotFound) {
		return s.fail(err)
	}
	l := s.f.login
	l.failures++
	s.pause(s.srv.o.Delay << min(l.failures-1, 6))
	if l.failures >= s.srv.o.Failures {
		s.f.end("Too many refused logins")
	}
	if reply != nil && reply.Temporary() {
		return refuse(imap.ResponseCodeUnavailable, ascii(reply.Text)) // RFC 5530 §3
	}
	return refuse(imap.ResponseCodeAuthenticationFailed, "User name or password is wrong") // RFC 5530 §3
}

// pause makes guessing slow.
func (s *session) pause(d time.Duration) {
	tick, stop := s.srv.o.Host.Clock().After(d)
	defer stop()
	select {
	case <-tick:
	case <-s.srv.quit:
	case <-s.ctx.Done():
	}
}
