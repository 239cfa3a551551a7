package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"glassmail/config"
	"glassmail/mailbox"
	"glassmail/server"
	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
	"glassmail/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gvisor.dev/gvisor/pkg/sleep.(*Sleeper).nextWaker"))
}

const token = "the-operators-token"

// house is one node, with its store on the disk, and its web server.
type house struct {
	*site
	node  *server.Node
	log   *trace.Log
	data  string       // folder of the node
	ahead atomic.Int64 // nanoseconds by which the web's clock is ahead
	calls *description
}

// nowhere is a name system that knows no other server and may be asked again.
type nowhere struct{}

func (nowhere) LookupMX(context.Context, string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "no server answers", IsTemporary: true}
}

func (nowhere) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no server answers", IsTemporary: true}
}

// newHouse starts the node crepes.fr with alice and bob, whose password is
// "secret", and messages of at most 1 MiB to at most 100 recipients.
func newHouse(t *testing.T) *house {
	t.Helper()
	c := config.Default()
	c.Domains, c.Data = []string{"crepes.fr"}, t.TempDir()
	c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}, Submission: []string{"127.0.0.1:0"}, IMAP: []string{"127.0.0.1:0"}}
	c.Limits.MessageSize = 1 << 20
	log := trace.NewLog(1000, time.Now)
	node, err := server.New(t.Context(), server.Options{
		Config: c, Host: wire.OS{}, Resolver: nowhere{}, Trace: log,
		Users: map[string]string{"alice@crepes.fr": "secret", "bob@crepes.fr": "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- node.Run(ctx) }()
	journeys := trace.NewJourneys(log, 1<<20)
	go journeys.Run(ctx)
	t.Cleanup(func() { // runs after that of the web server, which is added later
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	h := &house{node: node, log: log, data: c.Data, calls: readDescription(t)}
	office := server.NewWebBackend(node)
	h.site = serveSite(t, web.Options{
		API: api.Options{
			Trace: log, Journeys: journeys, Nodes: server.Describe(nil, node), Mail: office, Queue: office, Users: office, Services: office, MaxMessage: office.MaxMessage(),
		},
		Accounts: office, Token: token, Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) },
	})
	return h
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain: " + what)
		}
	}
}

// serve starts a web server on a free port and returns its address.
func serve(t *testing.T, o web.Options) string { return serveSite(t, o).url }

// site is a web server.
type site struct {
	url   string
	close func() error
	open  atomic.Int64 // connections that it has not given back
}

// countedListener is a listener whose connections a site counts.
type countedListener struct {
	net.Listener
	*site
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.site.open.Add(1)
	return &countedConn{Conn: c, site: l.site}, nil
}

func (l countedListener) Close() error { return l.Listener.Close() }

type countedConn struct {
	net.Conn
	*site
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.site.open.Add(-1) })
	return c.Conn.Close()
}

func serveSite(t *testing.T, o web.Options) *site {
	t.Helper()
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	here := &site{url: "http://" + l.Addr().String(), close: s.Close}
	ran := make(chan error, 1)
	go func() { ran <- s.Serve(countedListener{l, here}) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return here
}

// client is one browser or program. Every JSON answer that it gets is checked
// against the description.
type client struct {
	t      *testing.T
	url    string
	calls  *description
	http   http.Client
	header http.Header
}

func (h *house) client(t *testing.T) *client { return newClient(t, h.url, h.calls) }

func newClient(t *testing.T, url string, calls *description) *client {
	way := &http.Transport{}
	t.Cleanup(way.CloseIdleConnections)
	return &client{t: t, url: url, calls: calls, http: http.Client{Transport: way, Timeout: time.Minute}, header: http.Header{}}
}

// as logs in with a session, as a browser does.
func (h *house) as(t *testing.T, account string) *client {
	t.Helper()
	c := h.client(t)
	c.login(account, "secret")
	return c
}

// operator is a program with the operator's token.
func (h *house) operator(t *testing.T) *client {
	c := h.client(t)
	c.header.Set("Authorization", "Bearer "+token)
	return c
}

// operatorSession is a browser in which the operator logged in.
func (h *house) operatorSession(t *testing.T) *client {
	t.Helper()
	c := h.client(t)
	c.begin(`{"token":` + strconv.Quote(token) + `}`)
	return c
}

func (c *client) login(account, password string) {
	c.t.Helper()
	c.begin(`{"account":` + strconv.Quote(account) + `,"password":` + strconv.Quote(password) + `}`)
}

// begin starts a session.
func (c *client) begin(credentials string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+api.Prefix+"/login", strings.NewReader(credentials))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("login with %s: %d", credentials, resp.StatusCode)
	}
	for _, k := range resp.Cookies() {
		c.header.Set("Cookie", k.Name+"="+k.Value)
	}
}

// do makes a call; body is nil, JSON as a string, or a value. It returns the
// answer, read to its end.
func (c *client) do(method, path string, body any) (*http.Response, []byte) {
	c.t.Helper()
	req := c.request(c.t.Context(), method, path, body)
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.calls != nil {
		if err := c.calls.note(method, path, resp); err != nil {
			c.t.Error(err)
		}
	}
	if resp.Header.Get("Content-Type") == "application/json" && c.calls != nil {
		if err := c.calls.answer(method, path, resp.StatusCode, b); err != nil {
			c.t.Errorf("%v: %.500s", err, b)
		}
	}
	return resp, b
}

func (c *client) request(ctx context.Context, method, path string, body any) *http.Request {
	c.t.Helper()
	var in io.Reader
	switch body := body.(type) {
	case nil:
	case io.Reader:
		in = body
	case string:
		in = strings.NewReader(body)
	default:
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+api.Prefix+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header = c.header.Clone()
	if in != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// want makes a call that must be answered with a status, and returns the text.
func (c *client) want(status int, method, path string, body any) string {
	c.t.Helper()
	resp, b := c.do(method, path, body)
	if resp.StatusCode != status {
		c.t.Errorf("%s %s: %d %.300s, want %d", method, path, resp.StatusCode, b, status)
	}
	return string(b)
}

// ask makes a call that must succeed and returns its answer.
func ask[T any](c *client, method, path string, body any) T {
	c.t.Helper()
	resp, b := c.do(method, path, body)
	var out T
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %.500s", method, path, resp.StatusCode, b)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		c.t.Fatalf("%s %s: %v in %.500s", method, path, err, b)
	}
	return out
}

// What the calls answer, as far as tests look at it.
type (
	listing struct {
		Items []struct {
			UID              mailbox.UID
			Subject, Preview string
			Flags, Keywords  []string
			Attachments      bool
			Thread           *struct {
				Count, Unseen int
				UIDs          []mailbox.UID
			}
			ID, Account, State, Node string
		}
		Next   string
		Total  *int
		Folder mailbox.Folder
	}
	text struct {
		UID     mailbox.UID
		Folder  mailbox.FolderID
		Subject string
		Text    string
		Journey string
		Parts   []struct {
			Section, Type, Name string
			Attachment          bool
		}
	}
	changed struct {
		Changed int
		Folder  mailbox.FolderID
		UIDs    []mailbox.UID
	}
	folders struct{ Items []mailbox.Folder }
)

// put gives an account a message as it stands.
func (h *house) put(t *testing.T, account, folder, message string) mailbox.Appended {
	t.Helper()
	return h.putAt(t, account, folder, message, time.Now())
}

func (h *house) putAt(t *testing.T, account, folder, message string, date time.Time) mailbox.Appended {
	t.Helper()
	box, err := server.NewWebBackend(h.node).Mailbox(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	f, err := box.Folder(t.Context(), account, folder)
	if err != nil {
		t.Fatal(err)
	}
	message = strings.ReplaceAll(message, "\n", "\r\n")
	placed, err := box.Append(t.Context(), mailbox.Delivery{User: account, Folder: f.ID, Date: date}, int64(len(message)), strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

// at is the path of a message.
func at(p mailbox.Appended) string {
	return "/mail/messages/" + strconv.FormatUint(uint64(p.Folder), 10) + "/" + strconv.FormatUint(uint64(p.UID), 10)
}
