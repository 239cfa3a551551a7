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
)

func serve(t *testing.T, o web.Options) *httptest.Server {
	t.Helper()
	s := web.New(o)
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	go s.Serve(srv.Listener)
	srv.URL = "http://" + srv.Listener.Addr().String()
	t.Cleanup(func() { s.Close() })
	return srv
}

func get(t *testing.T, url string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
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
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestDoors(t *testing.T) {
	ready := false
	open := serve(t, web.Options{Ready: func() bool { return ready }})
	locked := serve(t, web.Options{Token: "secret"})
	for _, c := range []struct {
		url    string
		header map[string]string
		want   int
	}{
		{open.URL + "/healthz", nil, 200},
		{open.URL + "/readyz", nil, 503},
		{open.URL + "/", nil, 200},
		{open.URL + "/style.css", nil, 200},
		{open.URL + "/nothing", nil, 404},
		{open.URL + "/", map[string]string{"Host": "evil.example:8025"}, 403},
		{open.URL + "/", map[string]string{"Origin": "http://evil.example"}, 403},
		{locked.URL + "/", nil, 401},
		{locked.URL + "/?token=wrong", nil, 401},
		{locked.URL + "/?token=secret", nil, 200},
		{locked.URL + "/api/v1/node", map[string]string{"Authorization": "Bearer secret"}, 200},
		{locked.URL + "/healthz", nil, 200},
		{open.URL + "/api/v1/events?since=x", nil, 400},
	} {
		if got, body := get(t, c.url, c.header); got != c.want {
			t.Errorf("GET %s %v: %d %s, want %d", c.url, c.header, got, body, c.want)
		}
	}
}

// A reader that comes back after a break goes on where it was.
func TestEventsResume(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	srv := serve(t, web.Options{Trace: log})
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
