package api_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// open joins a terminal with a port, as the page does.
func (c *client) open(query string, header http.Header) (*websocket.Conn, int, error) {
	c.t.Helper()
	if header == nil {
		header = c.header
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	c.t.Cleanup(cancel)
	page, resp, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.url, "http")+api.Prefix+"/terminals/ws?"+query, &websocket.DialOptions{HTTPClient: &c.http, HTTPHeader: header})
	if err != nil {
		if resp == nil {
			return nil, 0, err
		}
		return nil, resp.StatusCode, err
	}
	c.t.Cleanup(func() { page.CloseNow() })
	return page, resp.StatusCode, nil
}

// expect reads until the port has said something.
func expect(t *testing.T, page *websocket.Conn, want string) {
	t.Helper()
	said := ""
	for !strings.Contains(said, want) {
		_, b, err := page.Read(t.Context())
		if err != nil {
			t.Fatalf("%v after %q, while waiting for %q", err, said, want)
		}
		said += string(b)
	}
}

// What is typed in the page reaches the node's own port as it is, and what the node
// says comes back; when it hangs up, the page's end closes too.
func TestTerminal(t *testing.T) {
	h := newHouse(t)
	c := h.operator(t)
	c.http.Timeout = 0 // of a request; a terminal lasts longer
	page, _, err := c.open("node=crepes.fr&service=smtp", nil)
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		if err := page.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, page, "220 ")
	say("HELO crepes")
	say(".fr\r\n")
	expect(t, page, "250 ")
	say("QUIT\r\n")
	expect(t, page, "221 ")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, _, err := page.Read(ctx); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after QUIT: %v", err)
	}
	imap, _, err := c.open("node=crepes.fr&service=imap", nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, imap, "* OK")
	if err := imap.Write(t.Context(), websocket.MessageText, make([]byte, 65<<10)); err != nil {
		t.Fatal(err)
	}
	for err == nil { // the node may say what it thinks of it first
		_, _, err = imap.Read(ctx)
	}
	if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig {
		t.Errorf("a message of 65 KiB: %v", err)
	}
}

// A terminal leads to the ports at which the nodes of this server listen, and
// nowhere else.
func TestTerminalLeadsNowhereElse(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	h := newHouse(t)
	c := h.operator(t)
	addr := elsewhere.Addr().String()
	for query, want := range map[string]int{
		"": 400, "node=crepes.fr": 400, "node=crepes.fr&service=web": 400, "node=crepes.fr&service=dns": 400, "node=crepes.fr&service=imaps": 400,
		"node=hamburger.edu&service=smtp": 404, "node=&service=smtp": 404, "node=" + url.QueryEscape(addr) + "&service=smtp": 404,
		"node=crepes.fr&service=" + url.QueryEscape(addr): 400, "node=127.0.0.1&service=smtp": 404,
		"node=crepes.fr%00&service=smtp": 404, "node=CREPES.FR&service=smtp": 404, "node=crepes.fr&service=smtp%00": 400,
	} {
		if _, status, err := c.open(query, nil); err == nil || status != want {
			t.Errorf("%s: %d %v, want %d", query, status, err, want)
		}
	}
	// More parameters change nothing.
	page, _, err := c.open("node=crepes.fr&service=smtp&node=x&addr="+addr+"&port=1&host="+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, page, "220 crepes.fr")
	elsewhere.(*net.TCPListener).SetDeadline(time.Now())
	if one, err := elsewhere.Accept(); err == nil {
		t.Errorf("somebody came from %v", one.RemoteAddr())
	}
}

func TestTerminalDoors(t *testing.T) {
	h := newHouse(t)
	const query = "node=crepes.fr&service=smtp"
	for name, c := range map[string]struct {
		client *client
		header http.Header
		want   int
	}{
		"nobody":       {h.client(t), nil, 401},
		"reader":       {h.as(t, "alice@crepes.fr"), nil, 403},
		"another site": {h.operator(t), http.Header{"Authorization": {"Bearer " + token}, "Origin": {"http://evil.example"}}, 403},
		"no site":      {h.operator(t), http.Header{"Authorization": {"Bearer " + token}, "Origin": {"null"}}, 403},
	} {
		if _, status, err := c.client.open(query, c.header); err == nil || status != c.want {
			t.Errorf("%s: %d %v, want %d", name, status, err, c.want)
		}
	}
	if resp, _ := h.operator(t).do("GET", "/terminals/ws?"+query, nil); resp.StatusCode < 400 {
		t.Errorf("without an upgrade: %d", resp.StatusCode)
	}
}

// Terminals are bounded in number, and one that ends makes room.
func TestTerminalsAreBounded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	url := serve(t, web.Options{Local: true, Lab: true, API: api.Options{
		Trace: trace.NewLog(10, time.Now), Nodes: []api.Node{{Name: "n", Addrs: map[string][]string{"smtp": {silent.Addr().String()}}}},
	}})
	c := newClient(t, url, nil)
	c.http.Timeout = 0
	var first *websocket.Conn
	for i := range 64 {
		page, _, err := c.open("node=n&service=smtp", nil)
		if err != nil {
			t.Fatalf("terminal %d: %v", i, err)
		}
		if first == nil {
			first = page
		}
	}
	if _, status, err := c.open("node=n&service=smtp", nil); err == nil || status != http.StatusServiceUnavailable {
		t.Errorf("one more: %d %v", status, err)
	}
	first.CloseNow()
	eventually(t, "there is room again", func() bool {
		_, _, err := c.open("node=n&service=smtp", nil)
		return err == nil
	})
	silent.Close()
	h := newHouse(t)
	if _, status, _ := h.operator(t).open("node=crepes.fr&service=submission", nil); status != http.StatusSwitchingProtocols {
		t.Errorf("submission: %d", status)
	}
}
