package imapd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"pgregory.net/rapid"

	"glassmail/mailbox"
)

// fuzzSite is a server that is quick to refuse.
func fuzzSite(tb testing.TB) *site {
	s := newSite(tb, func(o *Options) {
		o.TLS = nil
		o.AppendLimit = 10 << 10
	})
	s.deliver(tb, hello)
	s.deliver(tb, nested)
	c := s.bob(tb)
	c.run("a CREATE victim")
	// Copies of copies double.
	if err := s.PutAccount(context.Background(), mailbox.Account{Address: bob, MaxBytes: 64 << 10}, false); err != nil {
		tb.Fatal(err)
	}
	c.Close()
	return s
}

// talk sends bytes on a connection of its own, hangs up and waits for its end.
func (s *site) talk(text []byte) {
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.server.handle(b, false)
		b.Close()
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(io.Discard, a)
	}()
	a.SetWriteDeadline(time.Now().Add(10 * time.Second))
	a.Write(text)
	a.Close()
	<-done
	<-read
}

// check reports what must not have happened.
func (s *site) check(t *testing.T, seq uint64) {
	t.Helper()
	if _, err := s.Folder(context.Background(), bob, "victim"); err != nil {
		t.Fatal("a literal was run as a command")
	}
	for _, e := range s.log.Since(seq) {
		if strings.Contains(e.Text, "panic") {
			t.Fatal(e.Text)
		}
	}
}

func (s *site) seq() uint64 {
	e := s.log.Since(0)
	if len(e) == 0 {
		return 0
	}
	return e[len(e)-1].Seq
}

// FuzzLiteral sends literals full of commands after anything. None may run,
// whatever becomes of the command that announced them.
func FuzzLiteral(f *testing.F) {
	for _, head := range []string{
		"a APPEND INBOX ", "a APPEND INBOX (\\Seen) ", "a APPEND INBOX \"bad\" ", "a APPEND nowhere ", "a SELECT ",
		"a LOGIN bob ", "a AUTHENTICATE PLAIN ", "a SEARCH TEXT ", "a IDLE ", "{", "a APPEND INBOX UTF8 (~",
		"a APPEND INBOX {3+}\r\n", "a STORE 1 +FLAGS ", "a FETCH 1 BODY[HEADER.FIELDS (", "a LIST \"\" ", "a ID (\"x\" ",
	} {
		f.Add(head, uint16(17), true, ")")
		f.Add(head, uint16(9000), true, " {5+}")
		f.Add(head, uint16(20000), true, "")
	}
	s := fuzzSite(f)
	f.Fuzz(func(t *testing.T, head string, size uint16, login bool, tail string) {
		// Inside a quoted string an announcement is none, and a head of several
		// lines announces what it likes.
		if strings.ContainsAny(head, "\"\\\r\n\x00") || strings.Contains(strings.ToUpper(head+tail), "DELETE") {
			t.Skip()
		}
		seq := s.seq()
		var b bytes.Buffer
		if login {
			b.WriteString("l LOGIN bob secret\r\nm SELECT INBOX\r\n")
		}
		const evil = "\r\nx DELETE victim\r\n"
		fmt.Fprintf(&b, "%s{%d+}\r\n", head, size)
		b.WriteString(strings.Repeat(evil, int(size)/len(evil)+1)[:size])
		b.WriteString(tail + "\r\nz NOOP\r\n")
		s.talk(b.Bytes())
		s.check(t, seq)
	})
}

// FuzzSession says anything at all after login. Nothing may panic or hang.
func FuzzSession(f *testing.F) {
	for _, x := range []string{
		"a FETCH 1:* (FLAGS BODY[]<1.9223372036854775807> BODY.PEEK[1.2.3.MIME] BINARY[1] BINARY.SIZE[2])\r\n",
		"a SEARCH OR NOT SMALLER 5 (TEXT x HEADER a b) 1:* UID $\r\n", "a SEARCH RETURN (SAVE) ALL\r\nb STORE $ FLAGS (\\Seen x)\r\n",
		"a IDLE\r\nDONE\r\n", "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (SIZE))\r\n",
		"a UID MOVE 1:* victim\r\nb EXPUNGE\r\nc CLOSE\r\n", "a SELECT \"x\\\"\r\n", "a APPEND INBOX {3}\r\nabc\r\n",
		"a ENABLE IMAP4rev2\r\nb SELECT INBOX\r\nc COPY 1,2:* INBOX\r\nd NOOP\r\n", "a AUTHENTICATE PLAIN\r\n=\r\n",
		"a EXAMINE INBOX\r\nb UNSELECT\r\nc STATUS INBOX (RECENT)\r\nd CREATE a/b\r\ne RENAME a c\r\n",
	} {
		f.Add([]byte(x))
	}
	s := fuzzSite(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(bytes.ToUpper(text), []byte("VICTIM")) {
			t.Skip()
		}
		seq := s.seq()
		s.talk(append([]byte("l LOGIN bob secret\r\nm SELECT INBOX\r\n"), text...))
		s.talk(text)
		for _, e := range s.log.Since(seq) {
			if strings.Contains(e.Text, "panic") {
				t.Fatal(e.Text)
			}
		}
	})
}

// FuzzMessage delivers anything and reads it in all ways. The answers must be such
// that go-imap's client can read them, and BODY[] what was stored.
func FuzzMessage(f *testing.F) {
	for _, x := range []string{
		hello, nested, "Content-Type: multipart/mixed\r\n\r\n", "From: a\r\nSubject: \"\\\r\n\r\n", "Subject: \x80\r\nno colon\r\n", "\r\n", "x",
		"Content-Type: text/plain; name=\"a\\\"b\"; x*0*=y\r\nContent-Language: a, b\r\nContent-Transfer-Encoding: x-odd\r\nTo: g: a@b, c;, \"q\" <d>\r\n\r\n",
		"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/a; boundary=x\r\n\r\n--x\r\n\r\n--x--",
		"Date: Wed, 25 Nov 2026 11:00:00 +0100\r\nContent-Disposition: a; b=c\r\nContent-Location: d\r\nContent-MD5: e\r\n\r\n",
	} {
		f.Add([]byte(x))
	}
	s := fuzzSite(f)
	if err := s.PutAccount(context.Background(), mailbox.Account{Address: bob}, false); err != nil {
		f.Fatal(err)
	}
	c, err := imapclient.DialInsecure(s.addr, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	must(f, c.Login("bob", "secret").Wait())
	_, err = c.Select("INBOX", nil).Wait()
	must(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 {
			t.Skip()
		}
		seq := s.seq()
		p := s.deliver(t, string(text))
		must(t, c.Noop().Wait())
		set := imap.UIDSetNum(imap.UID(p.UID))
		whole := &imap.FetchItemBodySection{Peek: true}
		got, err := c.Fetch(set, &imap.FetchOptions{
			Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, RFC822Size: true,
			BodySection: []*imap.FetchItemBodySection{
				whole, {Part: []int{1}, Peek: true}, {Specifier: imap.PartSpecifierHeader, Peek: true},
				{Part: []int{1}, Specifier: imap.PartSpecifierMIME, Peek: true}, {Part: []int{2, 1}, Specifier: imap.PartSpecifierText, Peek: true},
				{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject"}, Peek: true, Partial: &imap.SectionPartial{Offset: 3, Size: 5}},
			},
		}).Collect()
		if err != nil || len(got) != 1 {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if b := got[0].FindBodySection(whole); !bytes.Equal(b, text) || got[0].RFC822Size != int64(len(text)) {
			t.Fatalf("stored %q, read %q", text, b)
		}
		for _, key := range []imap.SearchCriteria{{Text: []string{"a"}}, {Body: []string{"b"}}, {Header: []imap.SearchCriteriaHeaderField{{Key: "To", Value: "c"}}}} {
			key.UID = []imap.UIDSet{set}
			_, err := c.UIDSearch(&key, nil).Wait()
			must(t, err)
		}
		if _, err := s.Change(context.Background(), p.Folder, mailbox.Change{UIDs: []mailbox.UID{p.UID}, Expunge: true}); err != nil {
			t.Fatal(err)
		}
		for _, e := range s.log.Since(seq) {
			if strings.Contains(e.Text, "panic") {
				t.Fatal(e.Text)
			}
		}
	})
}

// FuzzScanLine holds the scanner to its promise: what it lets pass cannot be read
// on beyond its end.
func FuzzScanLine(f *testing.F) {
	for _, x := range []string{`a LOGIN "b\"" x`, `a {5}`, `a {5+}`, `a "{5}"`, "a \r", `a "`, `a {99999999999999999999}`, `a {+}`, `}`} {
		f.Add([]byte(x))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		lit, found, fault := scanLine(line)
		if fault != "" {
			return
		}
		if bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatal("a line end passed")
		}
		if found && (lit.size < 0 || lit.at >= len(line) || line[lit.at] != '{') {
			t.Fatal(lit)
		}
		// Quotes are balanced when read one after another.
		for b := line; len(b) > 0; {
			i := bytes.IndexByte(b, '"')
			if i < 0 {
				break
			}
			b = b[i:]
			n := tokenLen(b)
			if n < 2 || b[n-1] != '"' {
				t.Fatal("an open quoted string passed")
			}
			b = b[n:]
		}
	})
}

func FuzzSearchKeys(f *testing.F) {
	f.Add([]byte(`a SEARCH SMALLER 5`))
	f.Add([]byte(`a UID SEARCH NOT (HEADER SMALLER "5" SMALLER 0)`))
	f.Fuzz(func(t *testing.T, line []byte) {
		once := searchKeys(bytes.Clone(line))
		if twice := searchKeys(bytes.Clone(once)); !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, then %q", line, once, twice)
		}
		if !bytes.Contains(bytes.ToUpper(line), []byte("SMALLER")) && !bytes.Equal(line, once) {
			t.Fatalf("%q became %q", line, once)
		}
	})
}

func FuzzFetchWords(f *testing.F) {
	f.Add("a FETCH 1 (BODY[HEADER.FIELDS (\"]\")] RFC822 BODY BODYSTRUCTURE)")
	f.Fuzz(func(t *testing.T, line string) {
		if names, _, _ := fetchWords(line); len(names) > len(line) {
			t.Fatal(names)
		}
	})
}

// Whatever the reads, a message gets CR LF and loses nothing else.
func TestLineEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom([]byte("ab\r\n"))).Draw(t, "text")
		r := &lineEnds{r: &pieces{b: bytes.Clone(text), n: rapid.IntRange(1, 4).Draw(t, "read")}}
		var got []byte
		p := make([]byte, rapid.IntRange(1, 5).Draw(t, "buffer"))
		for {
			n, err := r.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		want := bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		if !bytes.Equal(got, want) {
			t.Fatalf("%q became %q, want %q", text, got, want)
		}
	})
}

// pieces reads n bytes at a time.
type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// Expunges are told with the numbers of their moment: a client that follows them
// ends with the same list.
func TestExpungeNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := selected{}
		var client, gone []mailbox.UID
		for uid := mailbox.UID(1); uid < 40; uid++ {
			switch rapid.IntRange(0, 3).Draw(t, "fate") {
			case 0:
				gone = append(gone, uid) // known or not
			case 1:
				gone = append(gone, uid)
				fallthrough
			default:
				v.view = append(v.view, uid)
			}
		}
		client = append(client, v.view...)
		v.remove(gone, func(seq uint32) error {
			client = append(client[:seq-1], client[seq:]...)
			return nil
		})
		if fmt.Sprint(client) != fmt.Sprint(v.view) {
			t.Fatalf("client %v, view %v", client, v.view)
		}
		for _, uid := range gone {
			if v.seq(uid) != 0 {
				t.Fatalf("%d is still in the view", uid)
			}
		}
	})
}
