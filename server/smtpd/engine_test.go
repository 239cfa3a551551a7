package smtpd

import (
	"bufio"
	"encoding/base64"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// bare is a session that agrees to everything.
type bare struct{ panics bool }

func (bare) Reset()                               {}
func (bare) Logout() error                        { return nil }
func (bare) Mail(string, *smtp.MailOptions) error { return nil }
func (b bare) Rcpt(string, *smtp.RcptOptions) error {
	if b.panics {
		panic("a fault")
	}
	return nil
}
func (bare) Data(r io.Reader) error   { return nil }
func (bare) AuthMechanisms() []string { return []string{mechPlain} }
func (bare) Auth(string) (sasl.Server, error) {
	return plainServer{func(string, string) error { return nil }}, nil
}

// TestEngineLines holds the engine to the lines that are rewritten. It runs
// go-smtp alone: if a new version changes a line, this fails before a client sees
// the engine's words.
func TestEngineLines(t *testing.T) {
	heard := map[string]bool{}
	for _, script := range [][]string{
		{engineHelo, engineMail, engineRcpt, engineData, engineEnd, engineReset, engineQuit},
		{engineEhlo, engineAuth + "PLAIN\r\n", "*\r\n", engineAuth + "PLAIN\r\n", "!\r\n", engineAuth + "PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00a\x00b")) + "\r\n", engineQuit},
	} {
		listen(t, bare{}, script, heard)
	}
	listen(t, bare{panics: true}, []string{engineHelo, engineMail, engineRcpt}, heard)
	for line := range rewrites(Lecture()) {
		if !heard[line] {
			t.Errorf("the engine never says %q", line)
		}
	}
	for line := range heard {
		if _, ok := rewrites(Lecture())[line]; !ok && !strings.HasPrefix(line, "250-") && !strings.HasPrefix(line, "250 LIMITS") && line != "334 " {
			t.Errorf("the engine says %q, which is not rewritten", line)
		}
	}
}

// listen plays a script to go-smtp and notes all lines it says.
func listen(t *testing.T, s bare, script []string, heard map[string]bool) {
	t.Helper()
	lib := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return s, nil }))
	lib.Domain, lib.AllowInsecureAuth, lib.MaxRecipients = engineName, true, 100
	lib.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go lib.Serve(l)
	defer lib.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for _, say := range append([]string{""}, script...) {
		io.WriteString(c, say)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%q: %v", say, err)
			}
			line = strings.TrimRight(line, "\r\n")
			heard[line] = true
			if line[3] == ' ' {
				break
			}
		}
	}
}

// TestEngineExtensions pins the list that EHLO is made from.
func TestEngineExtensions(t *testing.T) {
	heard := map[string]bool{}
	listen(t, bare{}, []string{engineEhlo}, heard)
	want := []string{"220 x ESMTP Service Ready", "250-Hello x", "250-PIPELINING", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-CHUNKING", "250-AUTH PLAIN", "250-SIZE", "250 LIMITS RCPTMAX=100"}
	for _, line := range want {
		if !heard[line] {
			t.Errorf("the engine does not say %q", line)
		}
	}
	if len(heard) != len(want) {
		t.Errorf("the engine says %d lines, want %d: %v", len(heard), len(want), heard)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"MAIL", "MAIL", 0}, {"MAIL", "MIAL", 1}, {"MAIL", "MAL", 1}, {"MAIL", "MAILS", 1}, {"DATA", "DAAT", 1}, {"QUIT", "EXIT", 2}, {"", "AB", 2}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%s, %s) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%s, %s) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestIDsSortByTime(t *testing.T) {
	var ids []string
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		ids = append(ids, newID(start.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("IDs do not sort by time")
	}
	if a, b := newID(start), newID(start); a == b || len(a) != 18 {
		t.Errorf("two IDs of one moment: %s and %s", a, b)
	}
}

func TestReplyFitsItsLine(t *testing.T) {
	if got := appendPrintable([]byte("250 "), strings.Repeat("é", 600), true); len(got) > maxReply {
		t.Errorf("%d bytes", len(got))
	}
	for _, tt := range []struct {
		in   string
		utf8 bool
		want string
	}{
		{"a\r\nb\x00\x7f", false, "a??b??"},
		{"สมชาย", false, "?????"},
		{"สมชาย", true, "สมชาย"},
		{"a\xffb", true, "a?b"},
	} {
		if got := string(appendPrintable(nil, tt.in, tt.utf8)); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}
