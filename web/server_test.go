package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

func serve(t *testing.T, o web.Options) *httptest.Server {
	t.Helper()
	s, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	go s.Serve(srv.Listener)
	srv.URL = "http://" + srv.Listener.Addr().String()
	t.Cleanup(func() { s.Close() })
	return srv
}

// request is one request without redirects; header "Host" sets the host.
func request(t *testing.T, method, url string, header map[string]string, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestDoors(t *testing.T) {
	troubled := func() []api.Part { return []api.Part{{Name: "store", Trouble: "the disk is full"}} }
	open := serve(t, web.Options{Health: troubled, Local: true, Lab: true})
	locked := serve(t, web.Options{Token: "secret"})
	for _, c := range []struct {
		url    string
		header map[string]string
		want   int
	}{
		{open.URL + "/healthz", nil, 200},
		{open.URL + "/readyz", nil, 503},
		{open.URL + "/", nil, 200},
		{open.URL + "/static/shell/base.css", nil, 200},
		{open.URL + "/static/journey/page.html", nil, 404},
		{open.URL + "/static/../server.go", nil, 307},
		{open.URL + "/static/%2e%2e/server.go", nil, 404},
		{open.URL + "/nothing", nil, 404},
		{open.URL + "/", map[string]string{"Host": "evil.example:8025"}, 403},
		{open.URL + "/", map[string]string{"Origin": "http://evil.example"}, 403},
		{open.URL + "/api/v1/node", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{open.URL + "/api/v1/nothing", nil, 404},
		{locked.URL + "/", nil, 303},
		{locked.URL + "/login", nil, 200},
		{locked.URL + "/?token=wrong", nil, 401},
		{locked.URL + "/?token=secret", nil, 303},
		{locked.URL + "/api/v1/node", nil, 401},
		{locked.URL + "/api/v1/node", map[string]string{"Authorization": "Bearer secret"}, 200},
		{locked.URL + "/api/v1/node?token=secret", nil, 200},
		{locked.URL + "/healthz", nil, 200},
		{open.URL + "/api/v1/events?since=x", nil, 400},
	} {
		if resp, body := request(t, "GET", c.url, c.header, ""); resp.StatusCode != c.want {
			t.Errorf("GET %s %v: %d %s, want %d", c.url, c.header, resp.StatusCode, body, c.want)
		}
	}
}

// A reader that comes back after a break goes on where it was.
func TestEventsResume(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	srv := serve(t, web.Options{API: api.Options{Trace: log}, Local: true, Lab: true})
	log.Add(trace.Event{Kind: trace.Line, Dir: trace.Client, Text: "one"})
	log.Add(trace.Event{Kind: trace.Line, Dir: trace.Client, Text: "two"})

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/v1/events", nil)
	req.Header.Set("Last-Event-ID", "1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	next := func() trace.Event {
		for in.Scan() {
			if data, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				var e trace.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return e
			}
		}
		t.Fatal("the stream ended: ", in.Err())
		return trace.Event{}
	}
	if e := next(); e.Text != "two" || e.Seq != 2 || e.Dir != trace.Client {
		t.Errorf("first event %+v, want the second line", e)
	}
	log.Add(trace.Event{Kind: trace.Line, Dir: trace.Server, Text: "three"})
	if e := next(); e.Text != "three" {
		t.Errorf("next event %+v, want the third line", e)
	}
}
