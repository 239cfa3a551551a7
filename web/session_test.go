package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/auth"
	"glassmail/mail"
	"glassmail/trace"
	"glassmail/web/api"
)

// hand is a clock that a test moves.
type hand struct{ at time.Time }

func (h *hand) now() time.Time               { return h.at }
func (h *hand) move(d time.Duration)         { h.at = h.at.Add(d) }
func newHand() *hand                         { return &hand{time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)} }
func (h *hand) sessions() *sessions          { return newSessions(h.now) }
func lives(s *sessions, id string) (ok bool) { _, ok = s.find(id); return ok }

// begun is the id of a new session of an account.
func begun(s *sessions, account, stamp string) string {
	id, _ := s.start(proof{by: byPassword, account: account, stamp: stamp})
	return id
}

func TestSessionsEnd(t *testing.T) {
	h := newHand()
	s := h.sessions()
	idle, used := begun(s, "bob@hamburger.edu", "stamp"), begun(s, "bob@hamburger.edu", "stamp")
	if idle == used || len(idle) < 43 {
		t.Fatalf("ids %q and %q", idle, used)
	}
	for range int(sessionLife / time.Hour) {
		h.move(time.Hour)
		if !lives(s, used) {
			t.Fatal("a session that is used ended within a day")
		}
	}
	if s.lasts(idle) || lives(s, idle) {
		t.Error("a session that is not used went on")
	}
	h.move(time.Minute)
	if s.lasts(used) || lives(s, used) {
		t.Error("a session went on for more than a day")
	}
	gone := begun(s, "bob@hamburger.edu", "stamp")
	s.end(gone)
	for _, id := range []string{gone, "", "guess", strings.Repeat("x", 1<<16)} {
		if lives(s, id) || s.lasts(id) {
			t.Errorf("%.20q is a session", id)
		}
	}
}

// A one-time token is good once and for a quarter of an hour, and there are few.
func TestOnceEnds(t *testing.T) {
	h := newHand()
	o := newOnces(h.now)
	used, late := o.make(), o.make()
	if !o.take(used) || o.take(used) || o.take("") || o.take("guess") {
		t.Error("a one-time token is good once, and no other is")
	}
	h.move(onceLife + time.Second)
	if o.take(late) {
		t.Error("it is good for ever")
	}
	first := o.make()
	h.move(time.Second)
	for range maxOnces {
		o.make()
	}
	if o.take(first) || len(o.all) > maxOnces {
		t.Errorf("%d wait to be used", len(o.all))
	}
}

// To look whether a session lasts does not make it last.
func TestLastingIsNotUse(t *testing.T) {
	h := newHand()
	s := h.sessions()
	id := begun(s, "bob@hamburger.edu", "stamp")
	for range 4 {
		if !s.lasts(id) {
			t.Fatal("it is over too soon")
		}
		h.move(sessionIdle / 4)
	}
	h.move(time.Second)
	if s.lasts(id) {
		t.Error("a stream kept its session alive")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	h := newHand()
	s := h.sessions()
	others := begun(s, "alice@crepes.fr", "stamp")
	var ids []string
	for range maxOfAccount + 5 {
		h.move(time.Second)
		ids = append(ids, begun(s, "bob@hamburger.edu", "stamp"))
	}
	for i, id := range ids {
		if lives(s, id) != (i >= 5) {
			t.Errorf("session %d of %d: %v", i, len(ids), lives(s, id))
		}
	}
	if !lives(s, others) {
		t.Error("one account pushed another's session out")
	}
	for i := range maxSessions + 10 {
		begun(s, strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String(), "stamp")
	}
	if len(s.all) > maxSessions {
		t.Errorf("%d sessions", len(s.all))
	}
}

// IPv4 in the notation of IPv6 is IPv4.
func TestPeerAddr(t *testing.T) {
	if got := peerAddr(&http.Request{RemoteAddr: "[::ffff:192.0.2.1]:4711"}); got != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("peer %v", got)
	}
}

// stamped is accounts with the password secret, which can change. It counts failures
// as a node does.
type stamped struct {
	stamp   atomic.Value
	guesses *auth.Attempts
}

func (s *stamped) Login(ctx context.Context, peer netip.Addr, account, password string) (string, bool, error) {
	try, err := s.guesses.Begin(ctx, peer, account)
	if err != nil {
		return "", false, mail.NewReply(454, mail.Enhanced{4, 7, 0}, "%v", err)
	}
	if password != "secret" {
		try.Failed()
		return "", false, nil
	}
	try.Succeeded()
	return account, true, nil
}

func (s *stamped) CredentialVersion(context.Context, string) (string, error) {
	return s.stamp.Load().(string), nil
}

// A stream ends when its session does, and when the password is changed.
func TestStreamsEnd(t *testing.T) {
	for name, end := range map[string]func(*Server, *stamped, string){
		"logout":              func(s *Server, _ *stamped, id string) { s.sessions.end(id) },
		"another password":    func(_ *Server, a *stamped, _ string) { a.stamp.Store("2") },
		"the account is gone": func(_ *Server, a *stamped, _ string) { a.stamp.Store("") },
	} {
		t.Run(name, func(t *testing.T) {
			accounts := &stamped{}
			accounts.stamp.Store("1")
			log := trace.NewLog(10, time.Now)
			s, err := New(Options{Local: true, Lab: true, Accounts: accounts, API: api.Options{Trace: log}})
			if err != nil {
				t.Fatal(err)
			}
			s.recheck = time.Millisecond
			srv := httptest.NewServer(s.Handler())
			t.Cleanup(func() { s.Close(); srv.Close() })
			id := begun(s.sessions, "bob@hamburger.edu", "1")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+api.Prefix+"/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.AddCookie(&http.Cookie{Name: s.cookieName(req), Value: id})
			log.Add(trace.Event{Kind: trace.Note, Text: "here"})
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			in := bufio.NewScanner(resp.Body)
			if resp.StatusCode != http.StatusOK || !in.Scan() {
				t.Fatal("the stream never began: ", in.Err())
			}
			end(s, accounts, id)
			for in.Scan() { // until the server ends it; else the time does, which is an error
			}
			if in.Err() != nil {
				t.Error(in.Err())
			}
		})
	}
}

// deadlines is an answer that notes how long it may take.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// No request may take for ever, whatever it asks for and whoever asks.
func TestEveryRequestHasDeadlines(t *testing.T) {
	s, err := New(Options{Local: true, Lab: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, path := range []string{"/", "/login", "/static/shell/base.css", "/healthz", "/metrics", "/api/v1/node", "/nothing"} {
		for _, host := range []string{"localhost", "evil.example"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = host
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			s.Handler().ServeHTTP(w, r)
			latest := time.Now().Add(patience + lastWords)
			if w.read.IsZero() || w.write.IsZero() || w.read.After(latest) || w.write.After(latest) {
				t.Errorf("%s: read until %v, write until %v", path, w.read, w.write)
			}
		}
	}
}
