package api_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// asked are requests whose answers take a while, with the status with which they begin;
// 0 is none before the end.
func asked(t *testing.T, h *house) map[string]struct {
	text   []byte
	status int
} {
	t.Helper()
	operator, alice := h.operator(t), h.as(t, "alice@crepes.fr")
	out := map[string]struct {
		text   []byte
		status int
	}{}
	for _, x := range []struct {
		c            *client
		method, path string
		body         any
		header       http.Header
		status       int
	}{
		{operator, "GET", "/events", nil, nil, 200},
		{operator, "GET", "/events?rate=10&lang=en", nil, nil, 200},
		{alice, "GET", "/mail/changes", nil, nil, 200},
		{operator, "POST", "/messages/wait", `{"account":"bob@crepes.fr","q":"subject:never","timeout":"5m"}`, nil, 0},
		{operator, "POST", "/send", `{"account":"bob@crepes.fr","to":["alice@crepes.fr"],"text":"` + strings.Repeat("x", 100_000) + `"}`, nil, 0},
		{operator, "GET", "/terminals/ws?node=crepes.fr&service=smtp", nil, http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="},
		}, 101},
	} {
		r := x.c.request(t.Context(), x.method, x.path, x.body)
		for k, v := range x.header {
			r.Header[k] = v
		}
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		out[x.method+" "+x.path] = struct {
			text   []byte
			status int
		}{b.Bytes(), x.status}
		x.c.http.CloseIdleConnections()
	}
	return out
}

// Who leaves takes along what it asked for, however it leaves and in the middle of
// whatever; so does a stop.
func TestClientsLeave(t *testing.T) {
	h := newHouse(t)
	requests := asked(t, h)
	for how, leave := range map[string]func(*net.TCPConn){
		"FIN":        func(c *net.TCPConn) { c.Close() },
		"RST":        func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half of it": func(c *net.TCPConn) { c.CloseWrite() },
	} {
		for name, x := range requests {
			for _, n := range []int{1, len(x.text) / 2, len(x.text) - 2, len(x.text)} {
				c := h.say(t, x.text[:n])
				if n == len(x.text) && x.status != 0 {
					begun(t, c, x.status)
				}
				leave(c)
				eventually(t, name+" is given up after "+how, func() bool { return h.open.Load() == 0 })
			}
		}
	}
}

// A stop of the pages ends all that is under way.
func TestStopEndsAll(t *testing.T) {
	h := newHouse(t)
	for _, x := range asked(t, h) {
		for _, n := range []int{1, len(x.text) / 2, len(x.text)} {
			if c := h.say(t, x.text[:n]); n == len(x.text) && x.status != 0 {
				begun(t, c, x.status)
			}
		}
	}
	h.close()
	eventually(t, "all is given up", func() bool { return h.open.Load() == 0 })
}

// say opens a connection and sends a part of a request.
func (s *site) say(t *testing.T, text []byte) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Write(text); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is taken", func() bool { return s.open.Load() > 0 })
	return c.(*net.TCPConn)
}

// begun waits until an answer has begun.
func begun(t *testing.T, c net.Conn, status int) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%v, %v", resp, err)
	}
}
