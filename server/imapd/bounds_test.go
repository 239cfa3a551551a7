package imapd

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"

	"glassmail/mail"
	"glassmail/message"
)

// counted counts the bytes of contents that are read.
type counted struct {
	*node
	read atomic.Int64
}

type countedContent struct {
	mail.Message
	read *atomic.Int64
}

func (c *counted) Body(ctx context.Context, id mail.ContentID) (mail.Message, error) {
	m, err := c.node.Body(ctx, id)
	return countedContent{m, &c.read}, err
}

func (c countedContent) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.Message.ReadAt(p, at)
	c.read.Add(int64(n))
	return n, err
}

// What is asked for many times in one command is worked out once, and the number of
// sections has a bound.
func TestSectionsAreBounded(t *testing.T) {
	var c *counted
	s := newSite(t, func(o *Options) {
		c = &counted{node: o.Backend.(*node)}
		o.Backend = c
	})
	text := "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("S2V0Y2h1cA==\r\n", 10_000)
	s.deliver(t, text)
	cl := s.inbox(t)
	before := c.read.Load()
	contains(t, cl.run("a FETCH 1 ("+strings.Repeat("BINARY.SIZE[1] ", maxSections-1)+"BINARY.SIZE[1])"), "BINARY.SIZE[1] 70000")
	if n := c.read.Load() - before; n > 2*int64(len(text)) {
		t.Errorf("%d bytes were read of a message of %d", n, len(text))
	}
	cl.do("b FETCH 1 ("+strings.Repeat("BINARY.SIZE[1] ", maxSections)+"BINARY.SIZE[1])", `^b NO \[LIMIT\]`)
	cl.do("c FETCH 1 ("+strings.Repeat("BODY.PEEK[1] ", maxSections)+"FLAGS)", `^\* 1 FETCH`) // the limit itself
}

// A set of numbers is what it comes to, however often a client repeats a part of it.
func TestRanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		last := uint32(rapid.IntRange(0, 30).Draw(rt, "last"))
		var set imap.SeqSet
		var uids imap.UIDSet
		in := map[uint32]bool{}
		for range rapid.IntRange(1, 20).Draw(rt, "ranges") {
			a, b := uint32(rapid.IntRange(0, 40).Draw(rt, "a")), uint32(rapid.IntRange(0, 40).Draw(rt, "b"))
			set, uids = append(set, imap.SeqRange{Start: a, Stop: b}), append(uids, imap.UIDRange{Start: imap.UID(a), Stop: imap.UID(b)})
			lo, hi := bounds(a, b, last)
			for n := lo; n <= hi; n++ {
				in[n] = true
			}
		}
		got := rangesOf(set, last)
		if !slices.Equal(got, uidRanges(uids, last)) {
			rt.Fatal("sequence numbers and UIDs differ")
		}
		for i, r := range got {
			if r.from > r.to || i > 0 && uint64(got[i-1].to)+1 >= uint64(r.from) {
				rt.Fatalf("%v", got)
			}
		}
		for n := range uint32(50) {
			if got.has(n) != in[n] {
				rt.Fatalf("%d in %v: %t", n, got, got.has(n))
			}
		}
	})
	many := imap.SeqSet{}
	for range 10_000 {
		many = append(many, imap.SeqRange{Start: 1, Stop: 0})
	}
	if got := rangesOf(many, 1_000_000); !slices.Equal(got, ranges{{1, 1_000_000}}) {
		t.Errorf("%v", got[:1])
	}
}

// endless is a backend whose newest message has a terabyte of base64, which is read as
// fast as it can be.
type endless struct{ *node }

const terabyte = 1 << 40

func (e endless) Record(context.Context, mail.ContentID) ([]byte, error) {
	rec := message.Record{Root: message.Part{Type: "text", Subtype: "plain", Encoding: "base64", Body: 10, End: terabyte, Envelope: &message.Envelope{}}}
	return rec.Marshal(), nil
}

func (e endless) Body(context.Context, mail.ContentID) (mail.Message, error) {
	return endlessContent{}, nil
}

type endlessContent struct{}

func (endlessContent) ReadAt(p []byte, _ int64) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}
func (endlessContent) Size() int64  { return terabyte }
func (endlessContent) Close() error { return nil }

// A command ends when its client has gone, however it went, and when the server stops;
// so does the goroutine that carried it out.
func TestAbandonedCommands(t *testing.T) {
	commands := []string{
		"FETCH 1 BINARY.SIZE[1]", "FETCH 1 BINARY.PEEK[1]", "FETCH 1 BODY.PEEK[]", "SEARCH BODY ketchup", "SEARCH NOT TEXT pickles",
		"IDLE", "APPEND INBOX {1000}", "APPEND INBOX {10+}", "LOGIN {5}", "FETCH 1 (FLAGS", "AUTHENTICATE PLAIN", "NOOP", "COPY 1 Trash", "LIST \"\" *",
	}
	leave := map[string]func(net.Conn, *site){
		"FIN": func(c net.Conn, _ *site) { c.Close() },
		"RST": func(c net.Conn, _ *site) { c.(*net.TCPConn).SetLinger(0); c.Close() },
		"after a line more": func(c net.Conn, _ *site) {
			io.WriteString(c, "z NOOP\r\n")
			c.Close()
		},
		"the server stops": func(_ net.Conn, s *site) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()               // the time for what is under way is over
			s.server.Shutdown(ctx) // what it gives up is waited for below
		},
	}
	for how, go_ := range leave {
		for _, command := range commands {
			t.Run(command+", "+how, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, func(o *Options) { o.Backend, o.WatchTime = endless{o.Backend.(*node)}, time.Millisecond })
				s.deliver(t, "Subject: endless\r\n\r\nx\r\n")
				c := s.inbox(t)
				c.send("a " + command + "\r\n")
				go_(c.Conn, s)
				for end := time.Now().Add(20 * time.Second); len(s.server.Clients()) > 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("it goes on")
					}
				}
			})
		}
	}
}
