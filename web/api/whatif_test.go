package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/web"
	"glassmail/web/api"
)

// repeater is a lab that only tells what it was asked.
type repeater struct {
	journey string
	change  api.Change
	err     error
}

func (r *repeater) WhatIf(_ context.Context, journey string, c api.Change) (api.Repetition, error) {
	r.journey, r.change = journey, c
	return api.Repetition{Journey: "second", State: trace.StateDeferred, Steps: 12, Note: "it is still on its way"}, r.err
}

// What is wanted reaches the lab as it was asked, and what the lab says is the
// answer.
func TestWhatIfCalls(t *testing.T) {
	r := &repeater{}
	log := trace.NewLog(100, time.Now)
	url := serve(t, web.Options{
		API: api.Options{Trace: log, Journeys: trace.NewJourneys(log, 1<<20), WhatIf: r}, Token: token, Accounts: emptyHouse{},
	})
	c := newClient(t, url, readDescription(t))
	c.header.Set("Authorization", "Bearer "+token)
	got := ask[api.Repetition](c, "POST", "/whatif", `{"journey":"first","change":{"kind":"reply","node":"hamburger.edu","command":"RCPT","text":"451 4.3.0 Not now"}}`)
	if want := (api.Repetition{Journey: "second", State: trace.StateDeferred, Steps: 12, Note: "it is still on its way"}); got != want {
		t.Errorf("answer %+v", got)
	}
	if want := (api.Change{Kind: api.ChangeReply, Node: "hamburger.edu", Command: "RCPT", Text: "451 4.3.0 Not now"}); r.journey != "first" || r.change != want {
		t.Errorf("the lab was asked about %q with %+v", r.journey, r.change)
	}
	const body = `{"journey":"first","change":{"kind":"ttl","seconds":5}}`
	for _, tt := range []struct {
		err    error
		status int
		text   string
	}{
		{fmt.Errorf("the journey first %w", api.ErrNoJourney), 404, "the journey first is not known any more"},
		{fmt.Errorf("ttl %w: too long", api.ErrNoChange), 422, "ttl cannot be changed: too long"},
		{errors.New("the disk is on fire"), 500, "something failed"},
	} {
		r.err = tt.err
		if text := c.want(tt.status, "POST", "/whatif", body); !strings.Contains(text, tt.text) || strings.Contains(text, "fire") {
			t.Errorf("%v: %s", tt.err, text)
		}
	}
	r.err = nil
	for _, bad := range []string{`{"journey":"first","change":{"kind":"ttl","second":5}}`, `{"journey":1}`, ``} {
		c.want(400, "POST", "/whatif", strings.NewReader(bad))
	}
	c.want(404, "GET", "/whatif/compare?a=first&b=second", nil)
	c.want(400, "GET", "/whatif/compare?a="+strings.Repeat("x", 201)+"&b=second", nil)
}
