package api_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
)

type openConns struct {
	Items []struct {
		Conn                uint64
		Node, Proto, Remote string
		Lines               int
	}
}

// dial opens a connection with a service of the node and says lines.
func (h *house) dial(t *testing.T, service string, lines ...string) (net.Conn, *bufio.Reader) {
	t.Helper()
	return talk(t, h.node.Addrs(service)[0], lines...)
}

// call opens a connection.
func call(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// talk opens a connection and says lines, each after the answer to the one before.
func talk(t *testing.T, addr string, lines ...string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := call(t, addr)
	in := bufio.NewReader(c)
	answer := func() {
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	answer()
	for _, l := range lines {
		io.WriteString(c, l+"\r\n")
		answer()
	}
	return c, in
}

// session is the number of the connection as the list has it.
func (c *client) session(of net.Conn) string {
	c.t.Helper()
	for _, one := range ask[openConns](c, "GET", "/sessions", nil).Items {
		if one.Remote == of.LocalAddr().String() {
			return strconv.FormatUint(one.Conn, 10)
		}
	}
	c.t.Fatal("the connection is not in the list of sessions")
	return ""
}

// A client that is between two commands is told so; one in the middle of a text is
// cut all the same.
func TestCutSession(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	for _, one := range []struct {
		name, service, farewell string
		lines                   []string
	}{
		{"SMTP", "smtp", "421 ", []string{"HELO crepes.fr"}},
		{"SMTP, greeted", "submission", "421 ", nil},
		{"IMAP", "imap", "* BYE ", nil},
		{"a text", "smtp", "", []string{"HELO crepes.fr", "MAIL FROM:<a@elsewhere.example>", "RCPT TO:<bob@crepes.fr>", "DATA"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			other, _ := h.dial(t, one.service)
			c, in := h.dial(t, one.service, one.lines...)
			if one.farewell == "" {
				io.WriteString(c, "half of it\r\n")
			}
			op.want(http.StatusOK, "DELETE", "/sessions/"+op.session(c), nil)
			rest, err := io.ReadAll(in)
			if !strings.HasPrefix(string(rest), one.farewell) || one.farewell == "" && len(rest) > 0 && !strings.HasPrefix(string(rest), "4") {
				t.Errorf("the client was told %q, %v", rest, err)
			}
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Error("the connection was not cut")
			}
			op.session(other) // goes on
		})
	}
	for _, conn := range []string{"0", "999999", "-1", "x", "18446744073709551616"} {
		op.want(http.StatusNotFound, "DELETE", "/sessions/"+conn, nil)
	}
	own := h.log.Dialled("crepes.fr", trace.SMTP, "127.0.0.1:40000", "192.0.2.1:25", "mail.hamburger.edu")
	op.want(http.StatusUnprocessableEntity, "DELETE", "/sessions/"+strconv.FormatUint(own.ID(), 10), nil)
	elsewhere := h.log.Open("hamburger.edu", trace.DNS, "127.0.0.1:40000", "192.0.2.1:25")
	op.want(http.StatusNotFound, "DELETE", "/sessions/"+strconv.FormatUint(elsewhere.ID(), 10), nil)
}

// A connection is still listed, and can be cut, when the trace has long forgotten
// how it came; one that ended meanwhile is not listed.
func TestSessionsOutliveTheTrace(t *testing.T) {
	h := newHouse(t)
	op := h.operator(t)
	gone, _ := h.dial(t, "smtp")
	op.session(gone)
	c, in := h.dial(t, "imap")
	left, _ := h.dial(t, "smtp", "QUIT")
	for range 2000 { // more than the trace keeps
		h.log.Add(trace.Event{Node: "crepes.fr", Kind: trace.Note})
	}
	gone.Close()
	for _, conn := range []net.Conn{gone, left} {
		eventually(t, "it is no longer listed", func() bool {
			for _, one := range ask[openConns](op, "GET", "/sessions", nil).Items {
				if one.Remote == conn.LocalAddr().String() {
					return false
				}
			}
			return true
		})
	}
	op.want(http.StatusOK, "DELETE", "/sessions/"+op.session(c), nil)
	if rest, _ := io.ReadAll(in); !strings.HasPrefix(string(rest), "* BYE") {
		t.Errorf("the client was told %q", rest)
	}
}

// metric is the value of a sample, with its labels as they are written.
func metric(t *testing.T, text, sample string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(sample) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no %s in\n%s", sample, text)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every line of the metrics has the form that Prometheus reads, and the figures
// are those of what happened.
func TestMetrics(t *testing.T) {
	h := newHouse(t)
	read := func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := h.client(t).http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
			t.Fatalf("%d %v %v", resp.StatusCode, resp.Header, err)
		}
		return string(b)
	}
	before := read()
	h.dial(t, "smtp", "HELO crepes.fr", "MAIL FROM:<a@elsewhere.example>", "RCPT TO:<bob@crepes.fr>", "DATA", "Subject: x\r\n\r\nx\r\n.")
	h.dial(t, "imap")
	h.as(t, "alice@crepes.fr").want(http.StatusOK, "POST", "/send", `{"to":["a@elsewhere.example"],"text":"x"}`)
	for range 2000 { // more than the trace keeps
		h.log.Add(trace.Event{Node: "a\"b\\c\nd", Proto: trace.SMTP, Kind: trace.Line, Dir: trace.Client})
	}
	eventually(t, "the queue is filled", func() bool { return metric(t, read(), `glassmail_queue_recipients{node="crepes.fr"}`) == 1 })
	after := read()
	for sample, want := range map[string]float64{
		`glassmail_connections_total{node="crepes.fr",protocol="smtp",side="server"}`: 1,
		`glassmail_connections_open{node="crepes.fr",protocol="smtp",side="server"}`:  1,
		`glassmail_connections_open{node="crepes.fr",protocol="imap",side="server"}`:  1,
		`glassmail_connections_open{node="crepes.fr",protocol="http",side="server"}`:  0,
		`glassmail_messages_accepted_total{node="crepes.fr",protocol="store"}`:        2,
		`glassmail_queue_recipients{node="crepes.fr"}`:                                1,
		`glassmail_queue_held{node="crepes.fr"}`:                                      0,
		`glassmail_accounts{node="crepes.fr"}`:                                        2,
		`glassmail_mailbox_messages{node="crepes.fr"}`:                                1,
		`glassmail_lines_total{node="a\"b\\c\nd",protocol="smtp"}`:                    2000,
	} {
		if got := metric(t, after, sample); got != want {
			t.Errorf("%s is %v, want %v", sample, got, want)
		}
	}
	form := regexp.MustCompile(`^(# (HELP|TYPE) glassmail_[a-z_]+ .+|glassmail_[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+)$`)
	for _, text := range []string{before, after} {
		for line := range strings.Lines(text) {
			if !form.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("line %q", line)
			}
		}
	}
	for _, c := range []*client{h.client(t), h.as(t, "alice@crepes.fr")} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = c.header
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			t.Errorf("metrics without the token: %d", resp.StatusCode)
		}
	}
}
