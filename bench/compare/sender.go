package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// The commands of a transaction, as constants: the sender is to cost little
// beside the server with which it shares the machine.
const (
	ehloCommand = "EHLO crepes.fr\r\n"
	mailCommand = "MAIL FROM:<alice@crepes.fr>\r\n"
	rcptCommand = "RCPT TO:<bob@hamburger.edu>\r\n"
	dataCommand = "DATA\r\n"
	quitCommand = "QUIT\r\n"
)

// sender is one client that sends message after message, one at a time.
type sender struct {
	addr string
	load load
	more func() bool // whether another message is to be sent
	text text

	conn         net.Conn
	in           *bufio.Reader
	sent         int
	reply, whole []time.Duration
}

// run makes connection after connection. An error of a connection that ctx
// closed is ctx's.
func (s *sender) run(ctx context.Context) error {
	for s.more() {
		if err := s.connection(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
	}
	return nil
}

// connection sends up to load.perConn messages; that there is a first one was
// asked before.
func (s *sender) connection(ctx context.Context) (err error) {
	began := time.Now()
	var d net.Dialer
	if s.conn, err = d.DialContext(ctx, "tcp", s.addr); err != nil {
		return err
	}
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	if s.in == nil {
		s.in = bufio.NewReader(s.conn)
	}
	s.in.Reset(s.conn)
	if err := s.expect("220"); err != nil {
		return err
	}
	if err := s.turn(ehloCommand, "250"); err != nil {
		return err
	}
	for n := 1; ; n++ {
		if s.load.perConn > 1 {
			began = time.Now()
		}
		if err := s.message(began); err != nil {
			return err
		}
		if n == s.load.perConn || !s.more() {
			return s.turn(quitCommand, "221")
		}
	}
}

// message is one transaction, which began when it is told.
func (s *sender) message(began time.Time) error {
	if err := s.envelope(); err != nil {
		return err
	}
	s.sent++
	s.text.number(s.sent)
	written := time.Now()
	if _, err := s.conn.Write(s.text.bytes); err != nil {
		return err
	}
	if err := s.expect("250"); err != nil {
		return err
	}
	now := time.Now()
	s.reply = append(s.reply, now.Sub(written))
	s.whole = append(s.whole, now.Sub(began))
	return nil
}

func (s *sender) envelope() error {
	if s.load.pipelined {
		return s.turn(mailCommand+rcptCommand+dataCommand, "250", "250", "354") // RFC 2920 §3.1
	}
	if err := s.turn(mailCommand, "250"); err != nil {
		return err
	}
	if err := s.turn(rcptCommand, "250"); err != nil {
		return err
	}
	return s.turn(dataCommand, "354")
}

// turn writes commands and reads their replies.
func (s *sender) turn(commands string, codes ...string) error {
	if _, err := io.WriteString(s.conn, commands); err != nil {
		return err
	}
	for _, code := range codes {
		if err := s.expect(code); err != nil {
			return err
		}
	}
	return nil
}

// expect reads one reply of any number of lines (RFC 5321 §4.2.1).
func (s *sender) expect(code string) error {
	for {
		line, err := s.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", code, err)
		}
		if len(line) < 4 || string(line[:3]) != code {
			return fmt.Errorf("wanted %s, got %q", code, line)
		}
		if line[3] != '-' {
			return nil
		}
	}
}
