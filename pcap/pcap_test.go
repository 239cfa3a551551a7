package pcap_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/explain"
	"glassmail/pcap"
	"glassmail/trace"
)

func clock() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC) }

// write makes a file of what a log holds and reads it back.
func write(t *testing.T, l *trace.Log, o pcap.Options) file {
	t.Helper()
	var out bytes.Buffer
	if err := pcap.Write(&out, l.Since(0), o); err != nil {
		t.Fatal(err)
	}
	return read(t, out.Bytes())
}

func TestConnection(t *testing.T) {
	l := trace.NewLog(1000, clock)
	c := l.Dialled("crepes.fr", trace.SMTP, "198.51.100.25:4711", "203.0.113.25:2525", "mail.hamburger.edu")
	in := l.Open("hamburger.edu", trace.SMTP, "203.0.113.25:2525", "198.51.100.25:4711")
	for _, side := range []*trace.Conn{c, in} {
		side.Line(trace.Server, "220 hamburger.edu")
		side.Line(trace.Client, "HELO crepes.fr")
	}
	c.Close("done")
	in.Close("the client said QUIT")
	f := write(t, l, pcap.Options{})
	all := flows(t, f.packets)
	mustBeClosed(t, all)
	if len(all) != 1 || string(all[0].bytes[0]) != "HELO crepes.fr\r\n" || string(all[0].bytes[1]) != "220 hamburger.edu\r\n" {
		t.Fatalf("%v: %q", all, all[0].bytes)
	}
	if all[0].server.String() != "203.0.113.25:25" || all[0].client.String() != "198.51.100.25:4711" {
		t.Errorf("the connection is %v; want port 25", all[0])
	}
	want := map[netip.Addr]string{netip.MustParseAddr("198.51.100.25"): "crepes.fr", netip.MustParseAddr("203.0.113.25"): "hamburger.edu"}
	if fmt.Sprint(f.names) != fmt.Sprint(want) {
		t.Errorf("the names are %v", f.names)
	}
	if n := f.packets[0].nano; n != uint64(clock().UnixNano()) {
		t.Errorf("the first packet is at %d", n)
	}
}

// The doors of a node on this machine become its address and the well-known port.
func TestDoorsAndPorts(t *testing.T) {
	l := trace.NewLog(1000, clock)
	l.Dialled("crepes.fr", trace.SMTP, "198.51.100.25:4711", "203.0.113.25:25", "mail.hamburger.edu").Close("done")
	for i, door := range []struct {
		proto trace.Protocol
		local string
	}{{trace.SMTP, "127.0.0.1:2525"}, {trace.SMTP, "127.0.0.1:2587"}, {trace.SMTP, "[::1]:465"}, {trace.IMAP, "127.0.0.1:993"}, {trace.SMTP, "pipe"}} {
		c := l.Open("crepes.fr", door.proto, door.local, fmt.Sprint("127.0.0.1:", 5+i))
		c.Line(trace.Server, "hello")
	}
	var got []string
	f := write(t, l, pcap.Options{Words: explain.New("en"), Hosts: map[netip.Addr]string{netip.MustParseAddr("::1"): "me"}})
	for _, fl := range flows(t, f.packets)[1:] {
		got = append(got, fl.server.String())
	}
	want := "198.51.100.25:25 198.51.100.25:587 198.51.100.25:587 198.51.100.25:143 192.0.2.2:25"
	if strings.Join(got, " ") != want {
		t.Errorf("the servers are %v, want %s", got, want)
	}
	if f.names[netip.MustParseAddr("::1")] != "me" {
		t.Errorf("the names are %v", f.names)
	}
	if c := strings.Join(f.packets[6].comments, "\n"); !strings.Contains(c, "door 127.0.0.1:2525") {
		t.Errorf("the comment is %q", c)
	}
}

// What passed inside TLS is a connection of its own; a connection that was secure
// from its first byte stays one.
func TestTLSIsInClear(t *testing.T) {
	l := trace.NewLog(1000, clock)
	c := l.Open("a", trace.SMTP, "192.0.2.1:25", "192.0.2.9:5")
	c.Line(trace.Client, "STARTTLS")
	c.Line(trace.Server, "220 go")
	c.Secure(true)
	c.Note("TLS began: TLS 1.3")
	c.Line(trace.Client, "EHLO x")
	c.Close("done")
	d := l.Open("a", trace.SMTP, "192.0.2.1:465", "192.0.2.9:6")
	d.Secure(true)
	d.Line(trace.Server, "220 hi")
	d.Close("done")
	f := write(t, l, pcap.Options{Words: explain.New("th")})
	all := flows(t, f.packets)
	mustBeClosed(t, all)
	if len(all) != 3 || string(all[0].bytes[0]) != "STARTTLS\r\n" || string(all[1].bytes[0]) != "EHLO x\r\n" || string(all[2].bytes[1]) != "220 hi\r\n" {
		t.Fatalf("%v", all)
	}
	found := false
	for _, p := range f.packets {
		found = found || strings.Contains(strings.Join(p.comments, "\n"), "ไม่เข้ารหัส")
	}
	if !found {
		t.Error("no comment says that this was encrypted")
	}
}

// Lengths stay true when text was not kept: a remark and filler up to 64 KiB,
// packets without content beyond.
func TestTextThatWasNotKept(t *testing.T) {
	for _, size := range []int{5, 6, 7, 30, 3000, 64 << 10, 1 << 20} {
		l := trace.NewLog(1000, clock)
		l.KeepText(5)
		c := l.Open("a", trace.IMAP, "192.0.2.1:143", "192.0.2.9:5")
		c.Text(trace.Server, []byte("kept text"), size)
		c.Line(trace.Server, ")")
		f := write(t, l, pcap.Options{})
		got := flows(t, f.packets)[0].bytes[1]
		if len(got) != size+3 || !bytes.HasPrefix(got, []byte("kept ")) || !bytes.HasSuffix(got, []byte(")\r\n")) {
			t.Errorf("size %d: %d bytes, beginning with %.20q", size, len(got), got)
		}
		if size == 3000 && !bytes.Contains(got, []byte("bytes were not kept]\r\n")) {
			t.Errorf("no remark in %.60q", got)
		}
	}
}

// A DNS message that both ends saw is one packet; one over TCP has its length in
// front.
func TestDNS(t *testing.T) {
	l := trace.NewLog(1000, clock)
	ask := func(side, dir trace.Dir, id byte, tcp bool, text string) {
		e := trace.Event{Node: "n", Kind: trace.Datagram, Proto: trace.DNS, Side: side, Dir: dir, Bytes: append([]byte{0, id}, text...), TCP: tcp}
		e.Local, e.Remote = "192.0.2.1:1000", "192.0.2.53:5353"
		if side == trace.Server {
			e.Local, e.Remote = e.Remote, e.Local
		}
		l.Add(e)
	}
	for _, side := range []trace.Dir{trace.Client, trace.Server} {
		ask(side, trace.Client, 7, false, "q")
	}
	for _, side := range []trace.Dir{trace.Server, trace.Client} {
		ask(side, trace.Server, 7, false, "r")
	}
	ask(trace.Client, trace.Client, 8, true, "q")
	ask(trace.Client, trace.Server, 8, true, strings.Repeat("r", 3000))
	f := write(t, l, pcap.Options{})
	var udp []string
	for _, p := range f.packets {
		if p.udp {
			udp = append(udp, fmt.Sprintf("%s>%s %q", p.from, p.to, p.payload))
		}
	}
	if got, want := strings.Join(udp, ", "), `192.0.2.1:1000>192.0.2.53:53 "\x00\aq", 192.0.2.53:53>192.0.2.1:1000 "\x00\ar"`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	all := flows(t, f.packets)
	if len(all) != 1 || string(all[0].bytes[0]) != "\x00\x03\x00\x08q" || len(all[0].bytes[1]) != 3004 || all[0].bytes[1][0] != 3002>>8 {
		t.Errorf("over TCP: %q", all[0].bytes)
	}
}

// Decisions and gaps are comments on the packet that follows.
func TestComments(t *testing.T) {
	l := trace.NewLog(1000, clock)
	l.Add(trace.Event{Node: "crepes.fr", Kind: trace.Queued, Proto: trace.Queue, Dir: trace.Self, Text: "queued for hamburger.edu"})
	l.Add(trace.Event{Kind: trace.Gap, Size: 17})
	c := l.Open("a", trace.SMTP, "192.0.2.1:25", "192.0.2.9:5")
	c.Line(trace.Client, "MAIL FROM:<a@b>")
	f := write(t, l, pcap.Options{Words: explain.New("en")})
	first := strings.Join(f.packets[0].comments, "\n")
	for _, want := range []string{"crepes.fr: queued for hamburger.edu", "RFC 5321 §4.5.4.1", "17 events were lost", "TCP connection stands"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first packet says %q, want %q", first, want)
		}
	}
	if mail := f.packets[3].comments; len(mail) != 1 || !strings.Contains(mail[0], "sender on the envelope") {
		t.Errorf("MAIL has the comments %q", mail)
	}
	if f := write(t, l, pcap.Options{}); len(f.packets[0].comments) != 0 {
		t.Errorf("without words there are comments: %q", f.packets[0].comments)
	}
}

// Whatever is in a trace, what comes out is a file in which every length, number
// and checksum is right.
func TestAnyEvents(t *testing.T) {
	event := rapid.Custom(func(t *rapid.T) trace.Event {
		return trace.Event{
			Kind:   rapid.SampledFrom([]trace.Kind{trace.Open, trace.Close, trace.Line, trace.Data, trace.Datagram, trace.Note, trace.Gap, trace.Queued}).Draw(t, "kind"),
			Conn:   rapid.Uint64Range(0, 4).Draw(t, "conn"),
			Proto:  rapid.SampledFrom([]trace.Protocol{trace.SMTP, trace.IMAP, trace.DNS}).Draw(t, "proto"),
			Side:   rapid.SampledFrom([]trace.Dir{0, trace.Client, trace.Server}).Draw(t, "side"),
			Dir:    rapid.SampledFrom([]trace.Dir{trace.Self, trace.Client, trace.Server}).Draw(t, "dir"),
			Node:   rapid.SampledFrom([]string{"", "a", "b\x00"}).Draw(t, "node"),
			Local:  rapid.SampledFrom([]string{"", "127.0.0.1:25", "[::1]:9", "192.0.2.1:3", "0.0.0.0:0", "[fe80::1%eth0]:5"}).Draw(t, "local"),
			Remote: rapid.SampledFrom([]string{"", "127.0.0.1:25", "[::1]:9", "192.0.2.1:4"}).Draw(t, "remote"),
			Bytes:  rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes"), Size: rapid.SampledFrom([]int{-1, 0, 1, 2000, 70_000, 1 << 18}).Draw(t, "size"),
			Text: rapid.SampledFrom([]string{"", "x", "MAIL", strings.Repeat("ก", 1500)}).Draw(t, "text"), Secure: rapid.Bool().Draw(t, "secure"), TCP: rapid.Bool().Draw(t, "tcp"),
			Seq: rapid.Uint64().Draw(t, "seq"),
		}
	})
	words := explain.New("th")
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		if err := pcap.Write(&out, rapid.SliceOfN(event, 0, 30).Draw(t, "events"), pcap.Options{Words: words}); err != nil {
			t.Fatal(err)
		}
		read(t, out.Bytes())
	})
}

// errFull is what a full disk says.
var errFull = errors.New("no room")

type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestErrorsOfTheWriterBelow(t *testing.T) {
	l := trace.NewLog(1000, clock)
	c := l.Open("a", trace.SMTP, "192.0.2.1:25", "192.0.2.9:5")
	for range 100 {
		c.Line(trace.Client, "NOOP")
	}
	for _, room := range []int{0, 100, 5000} {
		if err := pcap.Write(&full{room}, l.Since(0), pcap.Options{}); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	l := trace.NewLog(1000, clock)
	c := l.Open("a", trace.SMTP, "192.0.2.1:25", "192.0.2.9:5")
	for range 100 {
		c.Line(trace.Client, "RCPT TO:<bob@hamburger.edu>")
		c.Line(trace.Server, "250 ok")
	}
	c.Close("done")
	events, words := l.Since(0), explain.New("en")
	b.ReportAllocs()
	for b.Loop() {
		if err := pcap.Write(&bytes.Buffer{}, events, pcap.Options{Words: words}); err != nil {
			b.Fatal(err)
		}
	}
}
