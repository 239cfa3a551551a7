package tools

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"syscall"
	"time"

	"glassmail/mail"
)

// Limits of what a server may answer.
const (
	maxReplyLine  = 4096 // bytes; RFC 5321 §4.5.3.1.5 allows 512
	maxReplyLines = 200
)

// masked stands in the dialogue for what nobody should read there.
const masked = "********"

// peer is an SMTP server as its client sees it.
type peer struct {
	conn    net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	timeout time.Duration     // for each turn
	show    func(line string) // receives the dialogue
	can     map[string]string // keywords of the EHLO reply with their parameters
}

func newPeer(conn net.Conn, timeout time.Duration, show func(string)) *peer {
	p := &peer{timeout: timeout, show: show}
	p.use(conn)
	return p
}

// use goes on over conn.
func (p *peer) use(conn net.Conn) {
	p.conn = conn
	p.r = bufio.NewReaderSize(conn, maxReplyLine)
	p.w = bufio.NewWriterSize(conn, 32<<10)
}

// answer is a reply of one or more lines.
type answer struct {
	code int
	text []string
}

// refusal is the answer as an error.
func (a answer) refusal() *mail.Reply {
	return mail.NewReply(a.code, mail.Enhanced{}, "%s", printable(strings.Join(a.text, " / ")))
}

// reply reads a whole reply (RFC 5321 §4.2.1).
func (p *peer) reply() (answer, error) {
	var a answer
	p.conn.SetDeadline(time.Now().Add(p.timeout))
	for range maxReplyLines {
		b, err := p.r.ReadSlice('\n')
		if err != nil {
			return a, p.broken(err)
		}
		l := strings.TrimRight(string(b), "\r\n")
		p.show(strings.TrimSuffix("S: "+printable(l), " "))
		code, _, last, ok := mail.ParseReplyLine(l)
		if !ok {
			return a, fmt.Errorf("%q is not an SMTP reply", printable(l))
		}
		a.code = code
		a.text = append(a.text, l[min(4, len(l)):])
		if last {
			return a, nil
		}
	}
	return a, fmt.Errorf("the server's reply has more than %d lines", maxReplyLines)
}

func (p *peer) broken(err error) error {
	var ne net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("the server closed the connection without a reply")
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("the server sent a line of more than %d bytes", maxReplyLine)
	case errors.As(err, &ne) && ne.Timeout():
		return fmt.Errorf("no reply within %v", p.timeout)
	}
	return fmt.Errorf("read the reply: %w", err)
}

// command sends a line and reads the reply.
func (p *peer) command(line string) (answer, error) { return p.secret(line, line) }

// secret sends line and shows it as shown.
func (p *peer) secret(line, shown string) (answer, error) {
	p.show("C: " + printable(shown))
	p.conn.SetDeadline(time.Now().Add(p.timeout))
	p.w.WriteString(line + "\r\n")
	if err := p.w.Flush(); err != nil {
		return answer{}, fmt.Errorf("send: %w", err)
	}
	return p.reply()
}

// must is command for a reply that has to be in the hundred of want.
func (p *peer) must(line string, want int) (answer, error) {
	a, err := p.command(line)
	if err == nil && a.code/100 != want/100 {
		err = fmt.Errorf("the server refused %s: %w", printable(line), a.refusal())
	}
	return a, err
}

// hello introduces the client, and notes what the server can do. A server that
// does not know EHLO is greeted with HELO (RFC 5321 §3.2).
func (p *peer) hello(name string) error {
	p.can = map[string]string{}
	a, err := p.command("EHLO " + name)
	if err != nil {
		return err
	}
	if a.code/100 == 5 {
		_, err := p.must("HELO "+name, 250)
		return err
	}
	if a.code/100 != 2 {
		return fmt.Errorf("the server refused EHLO: %w", a.refusal())
	}
	for _, l := range a.text[1:] {
		keyword, params, _ := strings.Cut(l, " ")
		p.can[strings.ToUpper(keyword)] = params
	}
	return nil
}

// data sends the message after DATA, dots doubled, and returns the reply to it.
func (p *peer) data(message []byte) (answer, error) {
	if _, err := p.must("DATA", 354); err != nil {
		return answer{}, err
	}
	p.showMessage(message)
	p.conn.SetDeadline(time.Now().Add(p.timeout))
	dots := textproto.NewWriter(p.w).DotWriter() // RFC 5321 §4.5.2
	for len(message) > 0 {
		n := min(len(message), 32<<10)
		p.conn.SetDeadline(time.Now().Add(p.timeout))
		if _, err := dots.Write(message[:n]); err != nil {
			return answer{}, fmt.Errorf("send the message: %w", err)
		}
		message = message[n:]
	}
	if err := dots.Close(); err != nil {
		return answer{}, fmt.Errorf("send the message: %w", err)
	}
	p.show("C: .")
	return p.reply()
}

// chunkBytes is the size of the pieces in which BDAT sends a message, in bytes.
const chunkBytes = 1 << 20

// bdat sends the message in counted chunks (RFC 3030 §2) and returns the reply to
// the last one.
func (p *peer) bdat(message []byte) (answer, error) {
	for {
		n := min(len(message), chunkBytes)
		line := fmt.Sprintf("BDAT %d", n)
		if n == len(message) {
			line += " LAST"
		}
		p.show("C: " + line)
		p.showMessage(message[:n])
		p.conn.SetDeadline(time.Now().Add(p.timeout))
		p.w.WriteString(line + "\r\n")
		p.w.Write(message[:n])
		if err := p.w.Flush(); err != nil {
			return answer{}, fmt.Errorf("send the message: %w", err)
		}
		message = message[n:]
		a, err := p.reply()
		if err != nil || len(message) == 0 || a.code/100 != 2 {
			return a, err
		}
	}
}

// shownLines is how many lines of a message stand in the dialogue.
const shownLines = 40

// showMessage shows message text as it is on the wire, the rest of a long one as
// a remark.
func (p *peer) showMessage(message []byte) {
	rest := message
	for n := 0; len(rest) > 0; n++ {
		if n == shownLines {
			p.show(fmt.Sprintf("* and %d more lines, %d bytes", bytes.Count(rest, []byte("\n")), len(rest)))
			return
		}
		l, after, _ := bytes.Cut(rest, []byte("\r\n"))
		rest = after
		text := "C: " + printable(string(l))
		p.show(strings.TrimSuffix(text, " "))
	}
}
