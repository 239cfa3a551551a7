package dialog

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is both ends of one TCP connection.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func mustParse(t testing.TB, text string) *Script {
	t.Helper()
	s, err := Parse("script", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// both plays text as the client against peer as the server and returns the
// client's error and the server's.
func both(t testing.TB, c, s *Player, text, peer string) (error, error) {
	t.Helper()
	cc, sc := pair(t)
	c.Dial, s.Dial, s.Server = Over(cc), Over(sc), true
	done := make(chan error, 1)
	go func() { done <- s.Play(context.Background(), mustParse(t, peer)) }()
	err := c.Play(context.Background(), mustParse(t, text))
	cc.Close()
	return err, <-done
}

func TestLectureBothParts(t *testing.T) {
	var log strings.Builder
	cerr, serr := both(t, &Player{Log: &log, Segment: 1}, &Player{Segment: 3}, Lecture, Lecture)
	if cerr != nil || serr != nil {
		t.Fatalf("client: %v\nserver: %v", cerr, serr)
	}
	_, want, _ := strings.Cut(Lecture, "belong to it.\n")
	want = "> \n" + want
	if got := "> \n" + log.String(); got != want {
		t.Errorf("transcript:\n%s\nwant:\n%s", got, want)
	}
}

func TestMismatchNamesPlaceAndByte(t *testing.T) {
	peer := strings.Replace(Lecture, "Hello", "hello", 1)
	cerr, _ := both(t, &Player{}, &Player{}, Lecture, peer)
	var m *Mismatch
	if !errors.As(cerr, &m) {
		t.Fatalf("error %v", cerr)
	}
	if m.File != "script" || m.Line != 6 || m.At != 4 {
		t.Errorf("place %s:%d byte %d, want script:6 byte 4", m.File, m.Line, m.At)
	}
	want := "script:6: the line differs at byte 4\n" +
		"    want \"250 Hello crepes.fr, pleased to meet you\\r\\n\"\n" +
		"    came \"250 hello crepes.fr, pleased to meet you\\r\\n\"\n" +
		"              ^\n" +
		"  before it:\n    S: 220 hamburger.edu\n    C: HELO crepes.fr"
	if cerr.Error() != want {
		t.Errorf("message:\n%s\nwant:\n%s", cerr, want)
	}
}

func TestExpectations(t *testing.T) {
	for _, c := range []struct {
		name, text, peer string
		want             string // part of the client's error, "" for none
	}{
		{"pattern", "S~ 250 .*", "S: 250 ok", ""},
		{"pattern is anchored", "S~ 250", "S: 250 ok", "another line came"},
		{"pattern wants CR LF", "S~ 250", `S= "250\n"`, "another line came"},
		{"line wants CR LF", "S: 250", `S= "250\n"`, "differs at byte 3"},
		{"any lines", "S...\nS: 250 end", "S: 250-a\nS: 250-b\nS: 250 end", ""},
		{"no line is any lines", "S...\nS: 250 end", "S: 250 end", ""},
		{"any lines, then the end", "S...\n* END", "S: a\nS: b\n* END", ""},
		{"any lines without the last", "S...\nS: 250 end", "S: 250-a\n* END", "the connection ended"},
		{"bytes", `S= "a\nb"`, `S= "a\nb"`, ""},
		{"other bytes", `S= "a\nb"`, `S= "a\nc"`, "differs at byte 2"},
		{"end", "S: a\n* END", "S: a\n* END", ""},
		{"a line before the end", "* END", "S: a\n* END", "want the end of the connection\n    came \"a\\r\\n\""},
		{"the end before a line", "S: a", "* END", "the connection ended"},
		{"half a line", "S: abc", "S= \"ab\"\n* END", "came \"ab\""},
		{"hang up", "C: a\n* HANGUP", "C: a\n* HANGUP", ""},
		{"a pattern is not sent", "C~ a", "* HANGUP", "not sent"},
		{"any lines are not sent", "C...\nC: a", "* HANGUP", "not sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cerr, _ := both(t, &Player{}, &Player{}, c.text, c.peer)
			switch {
			case c.want == "" && cerr != nil:
				t.Error(cerr)
			case c.want != "" && (cerr == nil || !strings.Contains(cerr.Error(), c.want)):
				t.Errorf("error %v, want one with %q", cerr, c.want)
			}
		})
	}
}

func TestTimeoutIsNamed(t *testing.T) {
	c, s := pair(t)
	defer s.Close()
	p := &Player{Dial: Over(c), Timeout: time.Millisecond}
	err := p.Play(context.Background(), mustParse(t, "S: 220 x"))
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "nothing more came within 1ms") {
		t.Errorf("error %v", err)
	}
}

func TestCancelEndsThePlay(t *testing.T) {
	c, s := pair(t)
	defer s.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	go func() {
		io.ReadFull(s, make([]byte, 3)) // the player waits for the reply now
		cancel(why)
	}()
	err := Play(ctx, mustParse(t, "C: x\nS: y"), Over(c))
	if !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

func TestLongLineIsRefused(t *testing.T) {
	c, s := pair(t)
	go func() {
		defer s.Close()
		io.WriteString(s, strings.Repeat("x", MaxLine+1))
	}()
	err := Play(context.Background(), mustParse(t, "S: x"), Over(c))
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("error %v", err)
	}
}

func TestSeveralConnections(t *testing.T) {
	text := "> smtp\nS: 220 smtp\n> imap\nS: * OK imap\n> smtp\nC: QUIT\nS: 221\n* END\n> imap\nC: a LOGOUT\nS: a OK\n" +
		"> smtp\nS: 220 again"
	scripts := map[string][]string{
		"smtp": {"S: 220 smtp\nC: QUIT\nS: 221\n* END", "S: 220 again"},
		"imap": {"S: * OK imap\nC: a LOGOUT\nS: a OK"},
	}
	errs := make(chan error, 3)
	dial := func(_ context.Context, name string) (net.Conn, error) {
		if len(scripts[name]) == 0 {
			return nil, fmt.Errorf("no %s", name)
		}
		peer := mustParse(t, scripts[name][0])
		scripts[name] = scripts[name][1:]
		c, s := pair(t)
		go func() { errs <- (&Player{Dial: Over(s), Server: true}).Play(context.Background(), peer) }()
		return c, nil
	}
	if err := Play(context.Background(), mustParse(t, text), dial); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	err := Play(context.Background(), mustParse(t, "> pop\nS: +OK"), dial)
	if err == nil || !strings.Contains(err.Error(), "script:2: connection pop: open the connection: no pop") {
		t.Errorf("error %v", err)
	}
}

func TestStartTLS(t *testing.T) {
	const text = "C: STARTTLS\nS: 220 go\n* STARTTLS\nC: EHLO x\nS: 250 secure\n* END"
	cfg := serverTLS(t)
	cerr, serr := both(t, &Player{}, &Player{TLS: cfg}, text, text)
	if cerr != nil || serr != nil {
		t.Fatalf("client: %v\nserver: %v", cerr, serr)
	}
	early := strings.Replace(text, "S: 220 go", `S= "220 go\r\n250 injected\r\n"`, 1)
	cerr, _ = both(t, &Player{}, &Player{TLS: cfg}, text, early)
	if cerr == nil || !strings.Contains(cerr.Error(), "14 bytes came in the clear") {
		t.Errorf("bytes before the handshake: %v", cerr)
	}
}

func TestLineByLineOverPipe(t *testing.T) {
	c, s := net.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- (&Player{Dial: Over(s), Server: true}).Play(context.Background(), mustParse(t, Lecture))
	}()
	if err := Play(context.Background(), mustParse(t, Lecture), Over(c)); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestPartsAgree plays random scripts with both parts; then one line is changed
// for the server, and one of the two must notice (or wait in vain).
func TestPartsAgree(t *testing.T) {
	text := rapid.StringMatching(`[ -~ก-๙]{0,20}`)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "lines")
		var lines []string
		for range n {
			part := rapid.SampledFrom([]string{"C", "S"}).Draw(rt, "part")
			switch rapid.IntRange(0, 1).Draw(rt, "form") {
			case 0:
				lines = append(lines, part+": "+text.Draw(rt, "text"))
			case 1:
				lines = append(lines, fmt.Sprintf("%s= %q", part, "b"+text.Draw(rt, "bytes")))
			}
		}
		script := strings.Join(lines, "\n") + "\n* END"
		seg := rapid.IntRange(0, 5).Draw(rt, "segment")
		cerr, serr := both(t, &Player{Segment: seg}, &Player{}, script, script)
		if cerr != nil || serr != nil {
			rt.Fatalf("client: %v\nserver: %v\n%s", cerr, serr, script)
		}
		i := rapid.IntRange(0, n-1).Draw(rt, "changed")
		other := append([]string(nil), lines...)
		other[i] = other[i][:1] + ": other " + other[i][2:]
		cerr, serr = both(t, &Player{Timeout: 20 * time.Millisecond}, &Player{Timeout: 20 * time.Millisecond}, script, strings.Join(other, "\n")+"\n* END")
		if cerr == nil && serr == nil {
			rt.Fatalf("line %d changed and neither part noticed:\n%s", i, script)
		}
	})
}

// serverTLS is a configuration with a certificate of its own making.
func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
