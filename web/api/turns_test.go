package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"glassmail/auth"
	"glassmail/mailbox"
	"glassmail/trace"
)

// A search reads nothing before its turn, waits no longer than its request, and gives
// its place back.
func TestSearchesHaveTurns(t *testing.T) {
	a := New(Options{})
	match, err := parseQuery("is:unread")
	if err != nil {
		t.Fatal(err)
	}
	all := []mailbox.Message{{UID: 1}, {UID: 2, Flags: mailbox.Seen}}
	find := func(ctx context.Context) ([]mailbox.Message, error) {
		return a.search(ctx, reader{account: "alice@crepes.fr"}, all, match, 10)
	}
	for range 2 * maxSearches { // more than there are places
		if found, err := find(t.Context()); len(found) != 1 || err != nil {
			t.Fatalf("%d, %v", len(found), err)
		}
	}
	for range maxSearches {
		if err := a.searches.Take(t.Context(), "bob@crepes.fr"); err != nil {
			t.Fatal(err)
		}
	}
	gone, end := context.WithCancel(t.Context())
	end()
	if found, err := find(gone); found != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", len(found), err)
	}
	a.searches.Give()
	if found, err := find(t.Context()); len(found) != 1 || err != nil {
		t.Errorf("when a place is free: %d, %v", len(found), err)
	}
	if f := known(auth.ErrBusy); f == nil || f.Status != http.StatusTooManyRequests {
		t.Errorf("%+v", f)
	}
}

// A search for journeys has as many words as one for messages.
func TestJourneyWordsAreBounded(t *testing.T) {
	log := trace.NewLog(10, time.Now)
	a := New(Options{Trace: log, Journeys: trace.NewJourneys(log, 1<<20)})
	for n, want := range map[int]error{maxWords: nil, maxWords + 1: &Error{}} {
		q := strings.TrimSpace(strings.Repeat("x+", n))
		w := httptest.NewRecorder()
		err := a.journeys(&Call{Request: httptest.NewRequest(http.MethodGet, "/journeys?q="+q, nil), W: w})
		var f *Error
		if errors.As(err, &f) != (want != nil) || f != nil && f.Status != http.StatusBadRequest {
			t.Errorf("%d words: %v", n, err)
		}
	}
}
