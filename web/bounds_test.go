package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"glassmail/web/api"
)

// The work for a request ends with its time, and the caller is told.
func TestWorkEndsWithTheRequestsTime(t *testing.T) {
	s, err := New(Options{Local: true, Lab: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	s.call(api.Route{Role: api.Anyone, Patience: time.Millisecond, Handle: func(c *api.Call) error {
		select {
		case <-c.Context().Done():
			return c.Context().Err()
		case <-t.Context().Done(): // the test's own time is over
			return nil
		}
	}})(w, r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "longer than a request may") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if time.Until(w.write) > lastWords {
		t.Errorf("the answer may be written until %v", w.write)
	}
	w.ResponseRecorder = httptest.NewRecorder()
	s.call(api.Route{Role: api.Anyone, Handle: func(c *api.Call) error {
		if end, ok := c.Context().Deadline(); !ok || time.Until(end) > patience {
			t.Errorf("a call without a time of its own ends at %v", end)
		}
		return nil
	}})(w, r)
	s.call(api.Route{Role: api.Anyone, Stream: true, Handle: func(c *api.Call) error {
		if end, ok := c.Context().Deadline(); ok {
			t.Errorf("a stream ends at %v", end)
		}
		return nil
	}})(w, r)
}
