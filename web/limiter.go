package web

import (
	"container/list"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"glassmail/web/api"
)

// Bounds of failed logins. An account may fail more often than an address, so
// that one stranger alone cannot lock its owner out.
const (
	failuresOfPeer    = 10
	failuresOfAccount = 50
	failureWindow     = 15 * time.Minute
	maxCounted        = 8192 // addresses and accounts remembered; the oldest are forgotten
)

// limiter counts failed logins, by network address and by account.
type limiter struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[string]*list.Element // of *failures
	order  *list.List               // the newest failure in front
}

type failures struct {
	key   string
	n     int
	since time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, counts: map[string]*list.Element{}, order: list.New()}
}

// allow says whether a login may be tried.
func (l *limiter) allow(peer netip.Addr, account string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	wait := max(l.wait(peerKey(peer), failuresOfPeer, now), l.wait(accountKey(account), failuresOfAccount, now))
	if wait <= 0 {
		return nil
	}
	return &api.Fault{Status: http.StatusTooManyRequests,
		Text: fmt.Sprintf("too many failed logins; try again in %d minutes", int(wait/time.Minute)+1)}
}

// wait tells how long a key is locked, under l.mu.
func (l *limiter) wait(key string, most int, now time.Time) time.Duration {
	e := l.counts[key]
	if e == nil {
		return 0
	}
	f := e.Value.(*failures)
	if f.n < most {
		return 0
	}
	return f.since.Add(failureWindow).Sub(now)
}

// failed counts a failure.
func (l *limiter) failed(peer netip.Addr, account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.count(peerKey(peer), now)
	if account != "" {
		l.count(accountKey(account), now)
	}
}

func (l *limiter) count(key string, now time.Time) {
	e := l.counts[key]
	if e == nil {
		if l.order.Len() >= maxCounted {
			old := l.order.Back()
			delete(l.counts, old.Value.(*failures).key)
			l.order.Remove(old)
		}
		e = l.order.PushFront(&failures{key: key, since: now})
		l.counts[key] = e
	}
	f := e.Value.(*failures)
	if now.Sub(f.since) > failureWindow {
		f.n, f.since = 0, now
	}
	f.n++
	l.order.MoveToFront(e)
}

// peerKey takes the /64 of an IPv6 address for one: a host can have them all.
func peerKey(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return "p" + p.String()
		}
	}
	return "p" + a.String()
}

func accountKey(account string) string {
	return "a" + strings.ToLower(account[:min(len(account), 320)])
}
