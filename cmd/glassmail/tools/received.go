package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// got takes what came from the server.
func (s *session) got(ctx context.Context, c chunk) error {
	text, answer := s.iac.filter(c.data)
	if len(answer) > 0 {
		s.conn.SetWriteDeadline(time.Now().Add(writing))
		if _, err := s.conn.Write(answer); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	s.heard = s.heard || len(text) > 0
	s.partial = append(s.partial, text...)
	for {
		i := bytes.IndexByte(s.partial, '\n')
		if i < 0 {
			break
		}
		l := string(bytes.TrimSuffix(s.partial[:i], []byte("\r")))
		s.partial = s.partial[i+1:]
		if err := s.line(ctx, l); err != nil {
			return err
		}
	}
	if len(s.partial) > maxReceived {
		s.showPartial()
	}
	if c.err != nil {
		return s.ended(c.err)
	}
	s.proceed <- s.conn
	return nil
}

// line shows and explains one line of the server's.
func (s *session) line(ctx context.Context, l string) error {
	s.con.print(strings.TrimSuffix("S: "+printable(l), " "))
	if s.talk == nil {
		s.talk = follow(s.words, l, s.early)
	}
	for _, words := range s.talk.got(l) {
		s.note("%s", words)
	}
	if !s.talk.secure() {
		return nil
	}
	if len(s.partial) > 0 {
		return fmt.Errorf("the server sent %d bytes in the clear after its go-ahead for TLS", len(s.partial))
	}
	conn, words, err := beginTLS(ctx, s.conn, s.host)
	if err != nil {
		return err
	}
	s.conn = conn
	s.note("STARTTLS")
	s.note("%s", words)
	return nil
}

// showPartial shows the beginning of a line whose end keeps the client waiting.
func (s *session) showPartial() error {
	s.con.print("S: " + printable(string(s.partial)))
	s.partial = nil
	if s.talk == nil {
		s.talk = unknownTalk{}
	}
	return nil
}

// ended is called when the server has closed the connection.
func (s *session) ended(err error) error {
	if len(s.partial) > 0 {
		s.showPartial()
	}
	s.over = true
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("receive: %w", err)
	}
	s.note("connection closed by the server")
	if s.con.person() {
		return nil
	}
	if s.pending == nil {
		if s.talk != nil && s.talk.owes() {
			return errors.New("the server closed the connection and left a line without a reply")
		}
		s.lastLine()
	}
	if s.pending != nil {
		return fmt.Errorf("the server closed the connection before %q was sent", printable(*s.pending))
	}
	return nil
}

// lastLine takes the line of input that may be just about to come.
func (s *session) lastLine() {
	if !s.asked {
		return
	}
	timer, stop := s.clock.After(patience / 5)
	defer stop()
	select {
	case in := <-s.lines:
		if in.err == nil {
			s.pending = &in.line
		}
	case <-timer:
	}
}

// receive hands over what comes on conn, and goes on when told.
func (s *session) receive(conn net.Conn) {
	for {
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		select {
		case s.chunks <- chunk{buf[:n], err}:
		case <-s.done:
			return
		}
		if err != nil {
			return
		}
		select {
		case conn = <-s.proceed:
		case <-s.done:
			return
		}
	}
}
