package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"glassmail/web/api"
)

// Bounds of sessions.
const (
	sessionIdle  = 2 * time.Hour  // without a request
	sessionLife  = 24 * time.Hour // at most
	maxSessions  = 2000           // of all
	maxOfAccount = 20             // of one account; the oldest gives way
)

// session is a reader or operator who logged in.
type session struct {
	account       string // "" for an operator
	operator      bool
	csrf          string
	started, used time.Time
}

// sessions are kept under the hash of their id, so that their memory shows no id
// that could be used.
type sessions struct {
	now func() time.Time

	mu  sync.Mutex
	all map[[32]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[[32]byte]*session{}}
}

// newSecret is 256 random bits as text.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// start begins a session and returns its id.
func (s *sessions) start(account string, operator bool) string {
	id, now := newSecret(), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(account, now)
	s.all[sha256.Sum256([]byte(id))] = &session{account: account, operator: operator, csrf: newSecret(), started: now, used: now}
	return id
}

// makeRoom removes what is over, and the session unused for longest where there
// are too many, under s.mu.
func (s *sessions) makeRoom(account string, now time.Time) {
	own := 0
	var oldest, oldestOwn [32]byte
	for key, one := range s.all {
		if one.over(now) {
			delete(s.all, key)
			continue
		}
		if o := s.all[oldest]; o == nil || one.used.Before(o.used) {
			oldest = key
		}
		if one.account != account {
			continue
		}
		own++
		if o := s.all[oldestOwn]; o == nil || one.used.Before(o.used) {
			oldestOwn = key
		}
	}
	if own >= maxOfAccount {
		delete(s.all, oldestOwn)
	} else if len(s.all) >= maxSessions {
		delete(s.all, oldest)
	}
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.used) > sessionIdle || now.Sub(s.started) > sessionLife
}

// find returns a copy of a session that is not over, and notes that it is used.
func (s *sessions) find(id string) (session, bool) {
	if id == "" {
		return session{}, false
	}
	now, key := s.now(), sha256.Sum256([]byte(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[key]
	if one == nil || one.over(now) {
		delete(s.all, key)
		return session{}, false
	}
	one.used = now
	return *one, true
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(id)))
}

// endOf ends all sessions of an account.
func (s *sessions) endOf(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.all {
		if strings.EqualFold(one.account, account) {
			delete(s.all, key)
		}
	}
}

// strictUsers ends the sessions of an account that is removed or gets another
// password.
type strictUsers struct {
	users
	sessions *sessions
}

// users lets the interface be embedded although a method of it has its name.
type users interface{ api.Users }

func (u strictUsers) RemoveUser(ctx context.Context, address string) error {
	defer u.sessions.endOf(address)
	return u.users.RemoveUser(ctx, address)
}

func (u strictUsers) SetUserPassword(ctx context.Context, address, password string) error {
	defer u.sessions.endOf(address)
	return u.users.SetUserPassword(ctx, address, password)
}

// cookieName has the prefix by which browsers promise that only this host, over
// TLS, can have set the cookie (RFC 6265bis §4.1.3.2).
func (s *Server) cookieName() string {
	if s.o.Secure {
		return "__Host-glassmail"
	}
	return "glassmail"
}

func (s *Server) sessionOf(r *http.Request) (session, string, bool) {
	c, err := r.Cookie(s.cookieName())
	if err != nil {
		return session{}, "", false
	}
	one, ok := s.sessions.find(c.Value)
	return one, c.Value, ok
}

// begin starts a session in place of the one the request had.
func (s *Server) begin(w http.ResponseWriter, old, account string, operator bool) {
	if old != "" {
		s.sessions.end(old)
	}
	s.setCookie(w, s.sessions.start(account, operator), 0)
}

func (s *Server) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.o.Secure, SameSite: http.SameSiteStrictMode,
	})
}
