package e2e_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// uploadSize is that of the large messages, in bytes: below the limit of 50 MiB.
const uploadSize = 48 << 20

// A reader that takes one byte of a FETCH now and then, and an upload of 48 MB
// that is never finished, hold up nobody: small messages are accepted and read
// meanwhile, and the index grows by what they take and no more.
func TestSlowClients(t *testing.T) {
	data := t.TempDir()
	node := startNode(t, data).ready.Nodes["hamburger.edu"]
	line := strings.Repeat("How about pickles? ", 50) + "\r\n"
	large := strings.Repeat(line, uploadSize/len(line))

	first := dialSMTP(t, node.SMTP)
	if err := errors.Join(first.begin(), first.say(large+".\r\n", "250")); err != nil {
		t.Fatal(err)
	}
	reader := slowReader(t, node.IMAP)
	upload := dialSMTP(t, node.SMTP)
	if err := upload.begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(upload.conn, large[:len(large)/2]); err != nil {
		t.Fatal(err)
	}

	before := size(t, filepath.Join(data, "index.db"))
	const small = 300
	times := make([]time.Duration, 0, small)
	sender, other := dialSMTP(t, node.SMTP), login(t, node.IMAP, "bob", "bob")
	for n := range small {
		start := time.Now()
		if err := sender.message(n, false); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		times = append(times, time.Since(start))
		if n%20 == 0 { // the slow reader has its byte
			if _, err := reader.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the small messages are there", func() bool { return other.count("INBOX") == small+1 })
	if grown := size(t, filepath.Join(data, "index.db")) - before; grown > 17<<20 { // bbolt takes 16 MiB of disk at a time, and the first may fall in here
		t.Errorf("the index grew by %d bytes beside a slow reader and %d small messages", grown, small)
	}
	slices.Sort(times)
	t.Logf("small messages: p50 %v, p99 %v", times[small/2], times[small*99/100])

	if err := upload.say(large[len(large)/2:]+".\r\n", "250"); err != nil { // the upload was not forgotten
		t.Fatal(err)
	}
	eventually(t, "the upload is there, too", func() bool { return other.count("INBOX") == small+2 })
}

// slowReader asks for the large message and has read the first line of the reply.
func slowReader(t *testing.T, addr string) *bufio.Reader {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	c := &imap{t: t, conn: conn, in: bufio.NewReaderSize(conn, 16)}
	c.line()
	c.do("LOGIN bob bob")
	c.do("SELECT INBOX")
	if _, err := io.WriteString(conn, "slow FETCH 1 BODY.PEEK[]\r\n"); err != nil {
		t.Fatal(err)
	}
	if l := c.line(); !strings.Contains(l, "{") {
		t.Fatalf("FETCH: %q", l)
	}
	return c.in
}

// dialSMTP greets a server.
func dialSMTP(t *testing.T, addr string) *sending {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &sending{conn: conn, in: bufio.NewReader(conn)}
	if err := c.greet(""); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin gets as far as the reply to DATA.
func (c *sending) begin() error {
	for _, one := range [][2]string{{"MAIL FROM:<alice@crepes.fr>\r\n", "250"}, {"RCPT TO:<bob@hamburger.edu>\r\n", "250"}, {"DATA\r\n", "354"}} {
		if err := c.say(one[0], one[1]); err != nil {
			return err
		}
	}
	return nil
}

func size(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
