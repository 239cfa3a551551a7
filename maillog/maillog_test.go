package maillog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"glassmail/maillog"
	"glassmail/trace"
)

// full is an event with every field, in which each text is s.
func full(s string) trace.Event {
	return trace.Event{
		Time: time.Unix(1800000000, 0).UTC(), Conn: 7, Journey: s, Kind: trace.Refused, Size: 12,
		Message: &trace.Message{ID: s, From: s, To: []string{s}, Subject: "the subject"},
		Decision: &trace.Decision{
			Service: s, Client: netip.MustParseAddrPort("[2001:db8::1%eth0]:25"), Helo: s, Proto: s, TLS: s, User: s, Stage: s, From: s, To: []string{s, s},
			Delay: 1.5, Relay: s, Attempt: 1, Status: s, DSN: s, Reply: s, Retry: time.Unix(1800000060, 0).UTC(), ReportTo: s, Trouble: s,
		},
	}
}

// lines are what a log writes of events.
func lines(f maillog.Format, events ...trace.Event) []string {
	var b bytes.Buffer
	s := maillog.NewSink(&b, f)
	l := maillog.New(s.Handler(), time.Unix(36, 0))
	for _, e := range events {
		l.Observe(e)
	}
	s.Close()
	return strings.SplitAfter(b.String(), "\n")[:strings.Count(b.String(), "\n")]
}

// Whatever a text holds, a line is one line of printable characters, and what is
// read out of it is what was said, as far as it is UTF-8.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "a b", `"`, `\`, "\n", "\r\nlevel=INFO msg=login", "\x1b[2J", "\x7f", "\u009b2J", "\u202e", "\u2028", "\U000e0041", "\xff\xfe", "=", " ", "é", "ไทย", strings.Repeat("\x00", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []maillog.Format{maillog.Text, maillog.JSON} {
			for _, kind := range []trace.Kind{trace.Accepted, trace.Refused, trace.Delivered, trace.Deferred, trace.Failed, trace.LoggedIn, trace.LoginFailed} {
				e := full(s)
				e.Kind = kind
				got := lines(format, e)
				if len(got) != 1 || !strings.HasSuffix(got[0], "\n") {
					t.Fatalf("%s: %d lines: %q", format, len(got), got)
				}
				line := strings.TrimSuffix(got[0], "\n")
				for _, r := range line {
					if r != ' ' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar && format == maillog.Text) {
						t.Fatalf("%s: %U in %q", format, r, line)
					}
				}
				if len(line) > 16*24<<10 {
					t.Fatalf("a line of %d bytes", len(line))
				}
				if strings.Contains(line, "the subject") && !strings.Contains(s, "the subject") {
					t.Fatalf("the subject is in %q", line)
				}
				if format == maillog.JSON {
					sameText(t, line, s)
				}
			}
		}
	})
}

func sameText(t *testing.T, line, s string) {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(line), &out); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if s == "" || len(s) > 1000 {
		return
	}
	if want := strings.ToValidUTF8(s, "\ufffd"); strings.ReplaceAll(out["user"].(string), "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
		t.Fatalf("%q is read as %q", s, out["user"])
	}
}

// Each field has its place and its form, in text and in JSON.
func TestFields(t *testing.T) {
	e := full("x")
	e.Decision.User = "a b"
	for format, want := range map[maillog.Format]string{
		maillog.Text: `time=2027-01-15T08:00:00.000Z level=ERROR msg=refused session=10-7 id=x service=x client=2001:db8::1 port=25 proto=x tls=x stage=x status=x dsn=x size=12 attempt=1 retry=2027-01-15T08:01:00.000Z helo=x user="a b" from=x to="x, x" message_id=x relay=x report_to=x reply=x trouble=x` + "\n",
		maillog.JSON: `{"time":"2027-01-15T08:00:00Z","level":"ERROR","msg":"refused","session":"10-7","id":"x","service":"x","client":"2001:db8::1","port":25,"proto":"x","tls":"x","stage":"x","status":"x","dsn":"x","size":12,"attempt":1,"retry":"2027-01-15T08:01:00Z","helo":"x","user":"a b","from":"x","to":"x, x","message_id":"x","relay":"x","report_to":"x","reply":"x","trouble":"x"}` + "\n",
	} {
		if got := lines(format, e); len(got) != 1 || got[0] != want {
			t.Errorf("%s:\n%q, want\n%q", format, got, want)
		}
	}
}

// What has no line has none; a delay is in seconds; many recipients are counted.
func TestLines(t *testing.T) {
	to := make([]string, 100)
	for i := range to {
		to[i] = fmt.Sprint("u", i)
	}
	for _, c := range []struct {
		e    trace.Event
		want string
	}{
		{trace.Event{Kind: trace.Queued, Decision: &trace.Decision{}}, ""},
		{trace.Event{Kind: trace.Bounced, Decision: &trace.Decision{}}, ""},
		{trace.Event{Kind: trace.Line, Text: "PASS secret"}, ""},
		{trace.Event{Kind: trace.Delivered}, ""},
		{trace.Event{Kind: trace.Delivered, Decision: &trace.Decision{Delay: 0.0004}}, "msg=delivered delay=0\n"},
		{trace.Event{Kind: trace.Delivered, Decision: &trace.Decision{Delay: 1.23456}}, "msg=delivered delay=1.235\n"},
		{trace.Event{Kind: trace.Failed, Decision: &trace.Decision{Delay: 432000.7}}, "msg=bounced delay=432000\n"},
		{trace.Event{Kind: trace.Failed, Decision: &trace.Decision{Delay: 43200000.7}}, "msg=bounced delay=43200000\n"},
		{trace.Event{Kind: trace.Delivered, Decision: &trace.Decision{Delay: -1}}, "msg=delivered delay=0\n"},
		{trace.Event{Kind: trace.LoggedIn, Decision: &trace.Decision{User: "bob"}}, "msg=login user=bob\n"},
		{trace.Event{Kind: trace.Accepted, Decision: &trace.Decision{To: to}}, `msg=accepted delay=0 nrcpt=100 to="u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, ..."` + "\n"},
	} {
		got := strings.Join(lines(maillog.Text, c.e), "")
		if _, rest, ok := strings.Cut(got, "level=INFO "); ok {
			got = rest
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.e.Kind, got, c.want)
		}
	}
}

// stuck is a pipe that nobody reads, until it is freed.
type stuck struct {
	mu    sync.Mutex
	busy  chan struct{} // a write has begun
	free  chan struct{}
	wrote bytes.Buffer
	err   error // of the next writes
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.busy <- struct{}{}:
	default:
	}
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return s.wrote.Write(p)
}

// A log that nobody reads stops nobody: lines are held, then lost and counted, and
// told of as soon as there is room again.
func TestNobodyReads(t *testing.T) {
	out := &stuck{busy: make(chan struct{}, 1), free: make(chan struct{})}
	s := maillog.NewSink(out, maillog.Text)
	log := slog.New(s.Handler())
	log.Info("first")
	<-out.busy
	line := strings.Repeat("x", 1000)
	const n = 3000 // 3 MB, of which 1 MiB is held
	for range n {
		log.Info(line) // none of them waits
	}
	close(out.free)
	s.Close()
	kept, lost := 0, 0
	for in := bufio.NewScanner(&out.wrote); in.Scan(); {
		switch text := in.Text(); {
		case strings.Contains(text, line):
			kept++
		case strings.Contains(text, "are lost"):
			var some int
			fmt.Sscanf(text[strings.LastIndexByte(text, '=')+1:], "%d", &some)
			lost += some
		}
	}
	if kept+lost != n || kept < 900 || lost < 1000 {
		t.Errorf("of %d lines %d were kept and %d told as lost", n, kept, lost)
	}
}

// A stop waits for no reader.
func TestCloseWithoutReader(t *testing.T) {
	out := &stuck{busy: make(chan struct{}, 1), free: make(chan struct{})}
	s := maillog.NewSink(out, maillog.Text)
	slog.New(s.Handler()).Info("x")
	<-out.busy
	s.Close() // the test ends by its time limit if this does not
	close(out.free)
}

// What could not be written, as on a full disk, is counted and told later.
func TestFailingWrites(t *testing.T) {
	out := &stuck{busy: make(chan struct{}, 1), free: make(chan struct{}), err: errors.New("no space")}
	s := maillog.NewSink(out, maillog.JSON)
	log := slog.New(s.Handler())
	log.Info("one")
	<-out.busy
	out.free <- struct{}{}
	log.Info("two")
	<-out.busy
	out.mu.Lock()
	out.err = nil
	out.mu.Unlock()
	close(out.free)
	s.Close()
	got := out.wrote.String()
	if strings.Contains(got, `"one"`) || !strings.Contains(got, `"two"`) || !strings.Contains(got, `"lines":1}`) {
		t.Errorf("%q", got)
	}
}

// Off leaves warnings.
func TestOff(t *testing.T) {
	var b bytes.Buffer
	s := maillog.NewSink(&b, maillog.Off)
	slog.New(s.Handler()).Warn("a certificate was made again")
	s.Close()
	if !strings.Contains(b.String(), "level=WARN") {
		t.Errorf("%q", b.String())
	}
}

func BenchmarkLine(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for _, f := range []maillog.Format{maillog.Text, maillog.JSON} {
		b.Run(string(f), func(b *testing.B) {
			s := maillog.NewSink(null, f)
			defer s.Close()
			l := maillog.New(s.Handler(), time.Now())
			e := full("alice@crepes.fr")
			e.Kind = trace.Accepted
			b.ReportAllocs()
			for b.Loop() {
				l.Observe(e)
			}
		})
	}
}

var _ io.Writer = (*maillog.Sink)(nil)
