package smtpd_test

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"glassmail/mail"
	"glassmail/server/smtpd"
	"glassmail/trace"
)

// null is a Post that takes everything and keeps nothing.
type null struct{}

func (null) Login(context.Context, mail.Peer, string, string) (mail.Address, error) {
	return mail.Address{}, nil
}
func (null) Sender(context.Context, mail.Peer, mail.Address) error         { return nil }
func (null) Recipient(context.Context, *mail.Envelope, mail.Address) error { return nil }
func (null) Accept(_ context.Context, e *mail.Envelope, text io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, text)
	return e.ID, err
}

// nullSession is the same for go-smtp alone.
type nullSession struct{}

func (nullSession) Reset()                                 {}
func (nullSession) Logout() error                          { return nil }
func (nullSession) Mail(string, *gosmtp.MailOptions) error { return nil }
func (nullSession) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (nullSession) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// BenchmarkMessage sends messages over one connection on the loopback: with this
// server, with its trace, and with go-smtp alone; in lock-step and pipelined.
func BenchmarkMessage(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"4KB", 4 << 10}, {"1MB", 1 << 20}} {
		for _, pipelined := range []bool{false, true} {
			name := size.name + "/lockstep"
			if pipelined {
				name = size.name + "/pipelined"
			}
			b.Run(name+"/smtpd", func(b *testing.B) {
				r := serve(b, func(o *smtpd.Options) { o.Post, o.Trace = null{}, nil })
				send(b, r.addr, size.bytes, pipelined)
			})
			b.Run(name+"/traced", func(b *testing.B) {
				r := serve(b, func(o *smtpd.Options) { o.Post, o.Trace = null{}, trace.NewLog(10000, time.Now) })
				send(b, r.addr, size.bytes, pipelined)
			})
			b.Run(name+"/go-smtp", func(b *testing.B) { send(b, bareServer(b), size.bytes, pipelined) })
		}
	}
}

func bareServer(b *testing.B) string {
	lib := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return nullSession{}, nil }))
	lib.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go lib.Serve(l)
	b.Cleanup(func() { lib.Close() })
	return l.Addr().String()
}

func send(b *testing.B, addr string, size int, pipelined bool) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	line := func(want string) {
		if s, err := r.ReadString('\n'); err != nil || s[:3] != want {
			b.Fatalf("got %q and %v, want %s", s, err, want)
		}
	}
	line("220")
	io.WriteString(c, "HELO crepes.fr\r\n")
	line("250")
	text := strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72) + ".\r\n"
	head := "MAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if pipelined {
			io.WriteString(c, head)
			line("250")
			line("250")
		} else {
			for s := range strings.Lines(head) {
				io.WriteString(c, s)
				if s != "DATA\r\n" {
					line("250")
				}
			}
		}
		line("354")
		io.WriteString(c, text)
		line("250")
	}
}

// BenchmarkConnection is a whole connection with one message of 4 KiB.
func BenchmarkConnection(b *testing.B) {
	r := serve(b, func(o *smtpd.Options) { o.Post, o.Trace = null{}, nil })
	text := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 4096/72)
	b.ReportAllocs()
	for b.Loop() {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			b.Fatal(err)
		}
		io.WriteString(c, "EHLO crepes.fr\r\nMAIL FROM:<alice@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\n"+text+".\r\nQUIT\r\n")
		if out, err := io.ReadAll(c); err != nil || !strings.Contains(string(out), "\r\n221 ") {
			b.Fatalf("%q and %v", out, err)
		}
		c.Close()
	}
}
