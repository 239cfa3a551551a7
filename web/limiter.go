package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"glassmail/mailbox"
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
type limiter struct{ failures *mailbox.Failures }

func newLimiter(now func() time.Time) *limiter {
	return &limiter{mailbox.NewFailures(now, failureWindow, maxCounted)}
}

// allow says whether a login may be tried.
func (l *limiter) allow(peer netip.Addr, account string) error {
	wait := max(l.failures.Wait(mailbox.PeerKey(peer), failuresOfPeer), l.failures.Wait(mailbox.AccountKey(account), failuresOfAccount))
	if wait <= 0 {
		return nil
	}
	return &api.Fault{Status: http.StatusTooManyRequests,
		Text: fmt.Sprintf("too many failed logins; try again in %d minutes", int(wait/time.Minute)+1)}
}

// failed counts a failure.
func (l *limiter) failed(peer netip.Addr, account string) {
	l.failures.Count(mailbox.PeerKey(peer))
	if account != "" {
		l.failures.Count(mailbox.AccountKey(account))
	}
}
