package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
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
	proof         // of who began it
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

// start begins a session of who proved it, and returns its id.
func (s *sessions) start(who proof) (id string, _ session) {
	id = newSecret()
	now := s.now()
	one := &session{proof: who, started: now, used: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(who.account, now)
	s.all[sha256.Sum256([]byte(id))] = one
	return id, *one
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

// lasts tells whether a session is still there, without using it.
func (s *sessions) lasts(id string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[sha256.Sum256([]byte(id))]
	return one != nil && !one.over(now)
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(id)))
}

// cookieName has the prefix by which browsers promise that only this host, over
// TLS, can have set the cookie (RFC 6265bis §4.1.3.2), and the port, for cookies are
// the same for all ports of a host: two servers on one machine must not take each
// other's (RFC 6265 §8.5).
func (s *Server) cookieName(r *http.Request) string {
	name := "glassmail"
	if peerOf(r).secure {
		name = "__Host-glassmail"
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" && strings.Trim(port, "0123456789") == "" {
		name += "-" + port
	}
	return name
}

// sessionOf finds a session. One whose account got another password since, or has
// gone, ends here.
func (s *Server) sessionOf(ctx context.Context, id string) (session, bool) {
	one, ok := s.sessions.find(id)
	if ok && !s.unchanged(ctx, one.account, one.stamp) {
		s.sessions.end(id)
		return session{}, false
	}
	return one, ok
}

// unchanged tells whether an account has the password that it had. It is so of
// nobody's account, "".
func (s *Server) unchanged(ctx context.Context, account, stamp string) bool {
	if account == "" || s.o.Accounts == nil {
		return true
	}
	now, err := s.o.Accounts.CredentialVersion(ctx, account)
	if err != nil {
		s.o.Log.Error("web", "account", account, "error", err)
		return false
	}
	return now == stamp && now != ""
}

// watchOver calls end as soon as who follows a stream would not be let in any
// more: the session is over, or the account has another password.
func (s *Server) watchOver(ctx context.Context, id identity, end func()) {
	if id.Account == "" && id.session == "" {
		return
	}
	tick := time.NewTicker(s.recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if id.session != "" && !s.sessions.lasts(id.session) || !s.unchanged(ctx, id.Account, id.stamp) {
				end()
				return
			}
		}
	}
}

// begin starts a session in place of the one that the caller had.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, caller identity, who proof) session {
	s.sessions.end(caller.session)
	id, one := s.sessions.start(who)
	s.setCookie(w, r, id, 0)
	return one
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(r), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: peerOf(r).secure, SameSite: http.SameSiteStrictMode,
	})
}
