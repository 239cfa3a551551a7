package imapd

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// benchSite has n messages in INBOX and a client that has selected it. The
// connection is TCP on loopback: both ends' work is measured.
func benchSite(b *testing.B, n int, text string) *client {
	s := newSite(b, func(o *Options) { o.TLS, o.Trace = nil, nil })
	for range n {
		s.deliver(b, text)
	}
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { nc.Close() })
	c := &client{t: b, Conn: nc, br: newReader(nc)}
	c.want(`^\* OK`)
	c.run("l LOGIN bob secret")
	c.run("s SELECT INBOX")
	return c
}

// drain reads up to the line with a tag.
func (c *client) drain(tag string) {
	c.t.Helper()
	for {
		l, err := c.br.ReadSlice('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		if len(l) > len(tag) && string(l[:len(tag)]) == tag {
			if string(l[len(tag):len(tag)+3]) != " OK" {
				c.t.Fatal(string(l))
			}
			return
		}
	}
}

func benchFetch(b *testing.B, n int, text, items string) {
	c := benchSite(b, n, text)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.send("x1x FETCH 1:* " + items + "\r\n")
		c.drain("x1x")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
}

func BenchmarkFetchFlags(b *testing.B) { benchFetch(b, 10000, nested, "(FLAGS UID)") }

func BenchmarkFetchStructure(b *testing.B) {
	benchFetch(b, 10000, nested, "(FLAGS UID ENVELOPE BODYSTRUCTURE)")
}

func BenchmarkFetchHeaderFields(b *testing.B) {
	benchFetch(b, 10000, nested, "BODY.PEEK[HEADER.FIELDS (From To Subject Date)]")
}

func BenchmarkFetchBody(b *testing.B) {
	text := hello + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 35)
	benchFetch(b, 10000, text, "BODY.PEEK[]")
}

func BenchmarkFetchLargeBody(b *testing.B) {
	text := hello + strings.Repeat(strings.Repeat("x", 78)+"\r\n", 131072) // 10 MB
	c := benchSite(b, 1, text)
	b.SetBytes(int64(len(text)))
	for range b.N {
		c.send("x1x FETCH 1 BODY.PEEK[]\r\n")
		if _, err := io.CopyN(io.Discard, c.br, int64(len(text))); err != nil {
			b.Fatal(err)
		}
		c.drain("x1x")
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, keys := range []string{"ALL", "UNSEEN", "SUBJECT outer", "BODY pickles"} {
		b.Run(keys, func(b *testing.B) {
			const n = 5000
			c := benchSite(b, n, nested)
			b.ResetTimer()
			for range b.N {
				c.send("x1x SEARCH RETURN (COUNT) " + keys + "\r\n")
				c.drain("x1x")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
		})
	}
}

func BenchmarkStore(b *testing.B) {
	const n = 10000
	c := benchSite(b, n, hello)
	for i := range b.N {
		c.send(fmt.Sprintf("x1x STORE 1:* %cFLAGS (\\Flagged)\r\n", "+-"[i%2]))
		c.drain("x1x")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/message")
}
