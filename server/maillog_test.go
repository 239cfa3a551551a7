package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/maillog"
	"glassmail/store/bolt"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
	"glassmail/wire"
)

// abroad is the network beyond the node: take.example takes mail, later.example does
// not now, and never.example never, with a reply that would like to be two lines.
type abroad struct {
	wire.OS
	t *testing.T
}

const replyNever = "550 5.1.1 no\x1b[2J such user\u202e\nlevel=INFO msg=login user=root"

func (abroad) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return []*net.MX{{Host: "mx." + name, Pref: 10}}, nil
}

func (abroad) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "mx.take.example.":
		return []netip.Addr{netip.MustParseAddr("203.0.113.1")}, nil
	case "mx.later.example.":
		return []netip.Addr{netip.MustParseAddr("203.0.113.2")}, nil
	case "mx.never.example.":
		return []netip.Addr{netip.MustParseAddr("203.0.113.3")}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (a abroad) Dial(_ context.Context, _, addr string) (net.Conn, error) {
	here, there := net.Pipe()
	rcpt := map[string]string{"203.0.113.1:25": "250 2.1.5 Ok", "203.0.113.2:25": "451 4.2.1 Later", "203.0.113.3:25": replyNever}[addr]
	go takeMail(there, rcpt)
	return far{here, addr}, nil
}

// far is a connection to a host of another network.
type far struct {
	net.Conn
	addr string
}

func (f far) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.addr)) }

// takeMail is a server that answers each RCPT with rcpt.
func takeMail(c net.Conn, rcpt string) {
	defer c.Close()
	fmt.Fprintf(c, "220 next ESMTP\r\n")
	text := false
	for in := bufio.NewScanner(c); in.Scan(); {
		line := in.Text()
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case text && line != ".":
		case text:
			text = false
			fmt.Fprintf(c, "250 2.0.0 Ok: queued as 12345\r\n")
		case verb == "RCPT":
			fmt.Fprintf(c, "%s\r\n", rcpt)
		case verb == "DATA":
			text = true
			fmt.Fprintf(c, "354 Go on\r\n")
		case verb == "QUIT":
			fmt.Fprintf(c, "221 Bye\r\n")
			return
		default:
			fmt.Fprintf(c, "250 Ok\r\n")
		}
	}
}

// logged is what a log wrote, by lines.
type logged struct {
	mu    sync.Mutex
	cond  sync.Cond
	lines []string
	rest  string
}

func newLogged() *logged {
	l := &logged{}
	l.cond.L = &l.mu
	return l
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(l.rest+string(p), "\n")
	l.lines, l.rest = append(l.lines, lines[:len(lines)-1]...), lines[len(lines)-1]
	l.cond.Broadcast()
	return len(p), nil
}

// await waits until there are n lines; after 20 seconds it returns what there is.
func (l *logged) await(n int) []string {
	late := false
	defer time.AfterFunc(20*time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.cond.Broadcast()
	}).Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.lines) < n && !late {
		l.cond.Wait()
	}
	return slices.Clone(l.lines)
}

// loggedNode is a node with a mail log, and its pages.
func loggedNode(t *testing.T, f maillog.Format, o Options, set func(*config.Config)) (n *Node, pages string, out *logged, sink *maillog.Sink) {
	t.Helper()
	out = newLogged()
	sink = maillog.NewSink(out, f)
	events := trace.NewLog(1, time.Now) // the log needs no memory of events
	events.Observe(maillog.New(sink.Handler(), time.Unix(1, 0)).Observe)
	o.Host, o.Resolver, o.Trace, o.Log = abroad{t: t}, abroad{t: t}, events, slog.New(sink.Handler())
	n, _ = nodeWith(t, o, func(c *config.Config) {
		c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}, Submission: []string{"127.0.0.1:0"}, IMAP: []string{"127.0.0.1:0"}}
		set(c)
	})
	office := NewWebBackend(n)
	s, err := web.New(web.Options{
		API:      api.Options{Trace: events, Nodes: Describe(nil, n), Mail: office, Queue: office, Users: office, MaxMessage: office.MaxMessage()},
		Accounts: office, Token: "the-token-of-the-operator", Local: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return n, "http://" + l.Addr().String(), out, sink
}

// converse says lines and wants the code that stands before each.
func converse(t *testing.T, to string, script ...string) {
	t.Helper()
	c := dialFrom(t, "127.0.0.1", to)
	for _, line := range script {
		code, say, _ := strings.Cut(line, " ")
		if err := c.PrintfLine("%s", say); err != nil {
			t.Fatal(err)
		}
		var want int
		fmt.Sscan(code, &want)
		if _, msg, err := c.ReadResponse(want); err != nil {
			t.Errorf("%s: %v %s", say, err, msg)
		}
	}
}

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// live lets the node live through everything of which a log tells.
func live(t *testing.T, n *Node, pages string) {
	t.Helper()
	smtp, submission := n.Addrs("smtp")[0], n.Addrs("submission")[0]
	converse(t, smtp, // accepted, delivered; two refusals
		"250 EHLO crepes.fr", "250 MAIL FROM:<alice@crepes.fr>", "550 RCPT TO:<nobody@hamburger.edu>", "550 RCPT TO:<x@else.example>",
		"250 RCPT TO:<bob@hamburger.edu>", "250 RCPT TO:<Bob@hamburger.edu>", "354 DATA",
		"250 Message-ID: <1@crepes.fr>\r\nSubject: the subject is nobody's business\r\n\r\nnor is the text.\r\n.", "221 QUIT")
	converse(t, smtp, // what makes no sense is not told, nor what comes too early
		"500 FOO", "503 RCPT TO:<bob@hamburger.edu>", "250 HELO crepes.fr", "250 NOOP", "501 MAIL FROM:alice@", "553 MAIL FROM:<\u202eevil@crepes.fr>",
		"500 MAIL FROM:<\x1b[2J@crepes.fr>", "250 MAIL FROM:<>", "502 AUTH PLAIN", "250 RSET", "221 QUIT")
	converse(t, submission,
		"250 EHLO [127.0.0.1]", "530 MAIL FROM:<bob@hamburger.edu>", "535 AUTH PLAIN "+plain("bob", "wrong-secret"), "535 AUTH PLAIN "+plain("x\r\nlevel=INFO msg=login client=1.2.3.4", "p"),
		"235 AUTH PLAIN "+plain("bob", "secret-bob"), "250 MAIL FROM:<bob@hamburger.edu>", "250 RCPT TO:<a@take.example>", "250 RCPT TO:<b@later.example>",
		"250 RCPT TO:<c@never.example>", "354 DATA", "250 Message-ID: <2@hamburger.edu>\r\nFrom: bob@hamburger.edu\r\n\r\nhi\r\n.", "221 QUIT")
	if got := imapLogin(t, "127.0.0.1", n.Addrs("imap")[0], "bob", "wrong-secret"); !strings.HasPrefix(got, "a NO") {
		t.Error(got)
	}
	if got := imapLogin(t, "127.0.0.1", n.Addrs("imap")[0], "bob@hamburger.edu", "secret-bob"); !strings.HasPrefix(got, "a OK") {
		t.Error(got)
	}
	get := func(want int, auth func(*http.Request)) {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), "GET", pages+"/api/v1/session", nil)
		auth(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != want {
			t.Fatal(err, resp)
		}
		resp.Body.Close()
	}
	get(401, func(r *http.Request) { r.SetBasicAuth("bob", "wrong-secret") })
	get(200, func(r *http.Request) { r.SetBasicAuth("bob", "secret-bob") })
	get(401, func(r *http.Request) { r.Header.Set("Authorization", "Bearer wrong-secret") })
	get(200, func(r *http.Request) { r.Header.Set("Authorization", "Bearer the-token-of-the-operator") })
	send := func(to string, want int) {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), "POST", pages+"/api/v1/mail/send", strings.NewReader(`{"to":["`+to+`"],"subject":"nobody's business","text":"nor is the text"}`))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth("bob", "secret-bob")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("to %s: %s", to, resp.Status)
		}
	}
	send("nobody@hamburger.edu", 422)
	send("bob@hamburger.edu", 200)
	resp, err := http.Post(pages+"/api/v1/login", "application/json", strings.NewReader(`{"token":"the-token-of-the-operator"}`))
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err, resp)
	}
	resp.Body.Close()
}

// lived are the lines of it, in any order, without what differs from time to time.
func lived() []string {
	never := `"550 5.1.1 no?[2J such user\u202e"`
	return []string{
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=RCPT dsn=5.1.1 helo=crepes.fr from=alice@crepes.fr to=nobody@hamburger.edu reply="550 5.1.1 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=RCPT dsn=5.7.1 helo=crepes.fr from=alice@crepes.fr to=x@else.example reply="550 5.7.1 `,
		`INFO accepted session=S id=ID service=smtp client=127.0.0.1 port=P proto=ESMTP size=N delay=N helo=crepes.fr from=alice@crepes.fr nrcpt=2 to="bob@hamburger.edu, Bob@hamburger.edu" message_id=<1@crepes.fr>`,
		`INFO delivered session=S id=ID status=sent dsn=2.0.0 size=N delay=N from=alice@crepes.fr to=bob@hamburger.edu relay=local`,

		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=MAIL dsn=5.1.7 helo=crepes.fr reply="501 5.1.7 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=MAIL dsn=5.6.7 helo=crepes.fr from="\u202eevil@crepes.fr" reply="553 5.6.7 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=MAIL dsn=5.5.2 helo=crepes.fr reply="500 5.5.2 `,
		`INFO login failed session=S id=ID service=smtp client=127.0.0.1 port=P dsn=5.5.1 helo=crepes.fr from=<> reply="502 5.5.1 `,

		`INFO refused session=S id=ID service=submission client=127.0.0.1 port=P stage=MAIL dsn=5.7.0 helo=[127.0.0.1] from=bob@hamburger.edu reply="530 5.7.0 `,
		`INFO login failed session=S service=submission client=127.0.0.1 port=P dsn=5.7.8 helo=[127.0.0.1] user=bob reply="535 5.7.8 `,
		`INFO login failed session=S service=submission client=127.0.0.1 port=P dsn=5.7.8 helo=[127.0.0.1] user="x\r\nlevel=INFO msg=login client=1.2.3.4" reply="535 5.7.8 `,
		`INFO login session=S service=submission client=127.0.0.1 port=P helo=[127.0.0.1] user=bob@hamburger.edu`,
		`INFO accepted session=S id=ID service=submission client=127.0.0.1 port=P proto=ESMTPA size=N delay=N helo=[127.0.0.1] user=bob@hamburger.edu from=bob@hamburger.edu nrcpt=3 to="a@take.example, b@later.example, c@never.example" message_id=<2@hamburger.edu>`,
		`INFO delivered id=ID status=sent dsn=2.0.0 delay=N attempt=1 from=bob@hamburger.edu to=a@take.example relay=mx.take.example[203.0.113.1]:25 reply="250 2.0.0 Ok: queued as 12345"`,
		`INFO deferred id=ID status=deferred dsn=4.2.1 delay=N attempt=1 retry=T from=bob@hamburger.edu to=b@later.example relay=mx.later.example[203.0.113.2]:25 reply="451 4.2.1 Later"`,
		`INFO bounced id=ID status=bounced dsn=5.1.1 delay=N attempt=1 from=bob@hamburger.edu to=c@never.example relay=mx.never.example[203.0.113.3]:25 report_to=bob@hamburger.edu reply=` + never,
		`INFO accepted id=ID.R size=N delay=N from=<> nrcpt=1 to=bob@hamburger.edu message_id=M`,
		`INFO delivered id=ID.R status=sent dsn=2.0.0 size=N delay=N from=<> to=bob@hamburger.edu relay=local`,

		`INFO login failed session=S service=imap client=127.0.0.1 port=P dsn=5.7.8 user=bob reply="535 5.7.8 `,
		`INFO login session=S service=imap client=127.0.0.1 port=P user=bob@hamburger.edu`,

		`INFO login failed service=web client=127.0.0.1 dsn=5.7.8 user=bob reply="535 5.7.8 `,
		`INFO login service=web client=127.0.0.1 user=bob@hamburger.edu`,
		`INFO login service=web client=127.0.0.1 user=bob@hamburger.edu`, // each request with a password
		`INFO login service=web client=127.0.0.1 user=bob@hamburger.edu`,
		`INFO refused session=S id=ID service=web client=127.0.0.1 port=P stage=RCPT dsn=5.1.1 helo=[127.0.0.1] user=bob@hamburger.edu from=bob@hamburger.edu to=nobody@hamburger.edu reply="550 5.1.1 `,
		`INFO accepted session=S id=ID service=web client=127.0.0.1 port=P proto=HTTP size=N delay=N helo=[127.0.0.1] user=bob@hamburger.edu from=bob@hamburger.edu nrcpt=1 to=bob@hamburger.edu message_id=M`,
		`INFO delivered session=S id=ID status=sent dsn=2.0.0 size=N delay=N from=bob@hamburger.edu to=bob@hamburger.edu relay=local`,

		`INFO login failed service=web client=127.0.0.1 user="the operator's token" reply="the token is wrong`,
		`INFO login service=web client=127.0.0.1 user="the operator's token"`,
	}
}

// constant takes out of a line of text what differs from time to time.
func constant(line string) string {
	for _, r := range [][2]string{
		{`^time=\S+ level=(\S+) msg="?(.+?)"? (session|id|service)=`, "$1 $2 $3="},
		{`session=1-\d+`, "session=S"}, {` id=[a-z0-9]{18}\b| id=[a-z0-9]{26}\b`, " id=ID"}, {` id=ID\.[A-Z0-9]{10}`, " id=ID.R"}, {` port=\d+`, " port=P"}, {` size=\d+`, " size=N"},
		{` delay=[0-9.]+`, " delay=N"}, {` retry=20\S+`, " retry=T"}, {`message_id=<[a-zA-Z0-9]{20,}@hamburger.edu>`, "message_id=M"},
	} {
		line = regexp.MustCompile(r[0]).ReplaceAllString(line, r[1])
	}
	return line
}

// asText writes a line of JSON as the text format has it.
func asText(t *testing.T, line string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var b bytes.Buffer
	var attrs []slog.Attr
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, _ := d.Token()
		value, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		attrs = append(attrs, slog.String(key.(string), fmt.Sprint(value)))
	}
	if !json.Valid([]byte(line)) {
		t.Errorf("no JSON: %s", line)
	}
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			if a.Value.Kind() != slog.KindString || a.Value.String() == "" {
				return slog.Attr{}
			}
		}
		return a
	}})
	r := slog.NewRecord(time.Time{}, 0, "", 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// A node tells of each message and each login in one line, and of nothing else.
func TestMailLog(t *testing.T) {
	for _, format := range []maillog.Format{maillog.Text, maillog.JSON} {
		t.Run(string(format), func(t *testing.T) {
			n, pages, out, sink := loggedNode(t, format, Options{}, func(*config.Config) {})
			live(t, n, pages)
			want := lived()
			out.await(len(want))
			sink.Close() // everything that was written is there
			lines := out.await(len(want))
			var got []string
			for _, line := range lines {
				for _, r := range line {
					if r < ' ' || r == 0x7f || r >= 0x80 {
						t.Errorf("the character %U in %s", r, line)
					}
				}
				for _, secret := range []string{"secret", "the-token", "nobody's business", "nor is the text", plain("bob", "wrong-secret")} {
					if strings.Contains(line, secret) {
						t.Errorf("%q in %s", secret, line)
					}
				}
				if format == maillog.JSON {
					line = asText(t, line)
				}
				got = append(got, constant(line))
			}
			compare(t, got, want)
		})
	}
}

// compare matches lines with those that are expected, in any order. An expected one
// that ends within a reply stands for all that begin so.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.Clone(want)
	for _, line := range got {
		i := slices.IndexFunc(want, func(w string) bool {
			open := strings.Count(w, `"`)%2 == 1
			return line == w || open && strings.HasPrefix(line, w)
		})
		if i < 0 {
			t.Errorf("not expected: %s", line)
			continue
		}
		want = slices.Delete(want, i, i+1)
	}
	for _, w := range want {
		t.Errorf("missing: %s", w)
	}
}

// What limits refuse is told, whoever refuses it; a message is refused once, and
// trouble of the node's own is an error with its cause.
func TestMailLogOfLimits(t *testing.T) {
	n, _, out, sink := loggedNode(t, maillog.Text, Options{}, func(c *config.Config) {
		c.Limits.ConnectionsPerAddress, c.Limits.MessageSize, c.Limits.FailedLogins = 2, 64<<10, 1
	})
	smtp, submission, imap := n.Addrs("smtp")[0], n.Addrs("submission")[0], n.Addrs("imap")[0]
	dialFrom(t, "127.0.0.1", smtp)
	large := strings.Repeat("0123456789\r\n", 7000)
	converse(t, smtp, "250 EHLO crepes.fr", "552 MAIL FROM:<> SIZE=100000", "555 MAIL FROM:<> XYZ=1", "250 MAIL FROM:<>", "250 RCPT TO:<bob@hamburger.edu>",
		"354 DATA", "552 "+large+".", "250 MAIL FROM:<>", "250 RCPT TO:<bob@hamburger.edu>", "354 DATA", "554 a\x00b\r\n.", "221 QUIT")
	for pages := NewWebBackend(n); len(pages.Clients(t.Context())) > 1; { // until that client has gone
		time.Sleep(time.Millisecond)
	}
	two := dialFrom(t, "127.0.0.1", smtp)
	if c := refusedBy(t, smtp); !strings.HasPrefix(c, "421 ") {
		t.Error(c)
	}
	two.Close()
	dialFrom(t, "127.0.0.1", imap)
	dialFrom(t, "127.0.0.1", imap)
	if c := refusedBy(t, imap); !strings.HasPrefix(c, "* BYE") {
		t.Error(c)
	}
	converse(t, submission, "250 EHLO crepes.fr", "535 AUTH PLAIN "+plain("bob", "x"), "454 AUTH PLAIN "+plain("bob", "secret-bob"), "535 AUTH PLAIN "+
		base64.StdEncoding.EncodeToString([]byte("alice\x00bob\x00secret-bob")), "221 QUIT")
	want := []string{
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=MAIL dsn=5.3.4 helo=crepes.fr reply="552 5.3.4 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=MAIL dsn=5.5.4 helo=crepes.fr reply="555 5.5.4 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=DATA dsn=5.3.4 helo=crepes.fr from=<> reply="552 5.3.4 `,
		`INFO refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=DATA dsn=5.6.0 helo=crepes.fr from=<> reply="554 5.6.0 `,
		`INFO refused service=smtp client=127.0.0.1 port=P stage=CONNECT dsn=4.0.0 reply="421 hamburger.edu too many connections`,
		`INFO refused service=imap client=127.0.0.1 port=P stage=CONNECT reply="BYE [UNAVAILABLE] Too many connections`,
		`INFO login failed session=S service=submission client=127.0.0.1 port=P dsn=5.7.8 helo=crepes.fr user=bob reply="535 5.7.8 `,
		`INFO login failed session=S service=submission client=127.0.0.1 port=P dsn=4.7.0 helo=crepes.fr user=bob reply="454 4.7.0 `,
		`INFO login failed session=S service=submission client=127.0.0.1 port=P dsn=5.7.8 helo=crepes.fr reply="535 5.7.8 `,
	}
	out.await(len(want))
	sink.Close()
	var got []string
	for _, line := range out.await(len(want)) {
		got = append(got, constant(line))
	}
	compare(t, got, want)
}

// refusedBy is what is said to a connection that is one too many.
func refusedBy(t *testing.T, to string) string {
	t.Helper()
	c, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

// Trouble of the node is told as an error, with what the client is not told.
func TestMailLogOfTrouble(t *testing.T) {
	disk := &brokenDisk{FS: bolt.SystemFS()}
	n, _, out, _ := loggedNode(t, maillog.Text, Options{fs: disk}, func(*config.Config) {})
	disk.breaks("datasync", syscall.EIO)
	converse(t, n.Addrs("smtp")[0], "250 EHLO crepes.fr", "250 MAIL FROM:<a@b.example>", "250 RCPT TO:<bob@hamburger.edu>", "354 DATA", "451 x\r\n.")
	got := out.await(1)[0]
	want := `ERROR refused session=S id=ID service=smtp client=127.0.0.1 port=P stage=DATA dsn=4.3.0 helo=crepes.fr from=a@b.example reply="451 4.3.0 `
	if line := constant(got); !strings.HasPrefix(line, want) || !strings.Contains(line, `trouble="`) || !strings.Contains(line, "input/output error") {
		t.Errorf("%s", line)
	}
}

// The filter of docs/log.md finds the address of every failed login, and no other line.
func TestFail2ban(t *testing.T) {
	doc, err := os.ReadFile("../docs/log.md")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(?m)^failregex = (.*)$`).FindSubmatch(doc)
	if rule == nil {
		t.Fatal("docs/log.md has no filter")
	}
	filter := regexp.MustCompile(strings.ReplaceAll(string(rule[1]), "<ADDR>", "([0-9a-f:.]+)"))
	n, pages, out, sink := loggedNode(t, maillog.Text, Options{}, func(*config.Config) {})
	live(t, n, pages)
	all := len(lived())
	out.await(all)
	sink.Close()
	found := 0
	for _, line := range out.await(all) {
		failed := strings.Contains(line, `msg="login failed"`)
		bare := regexp.MustCompile(`^time=\S+`).ReplaceAllString(line, "time=") // fail2ban takes the date out
		for _, form := range []string{line, bare, " mail glassmail[7]: " + line, "mail glassmail[7]: " + bare} {
			m := filter.FindStringSubmatch(form)
			if (m != nil) != failed || m != nil && m[1] != "127.0.0.1" {
				t.Errorf("%q: %q", form, m)
			}
		}
		if failed {
			found++
		}
	}
	if found != 6 {
		t.Errorf("%d failed logins, want 6", found)
	}
}
