package mailbox

import (
	"net/netip"
	"time"
)

// How many failed logins there may be within FailureWindow. A client that guesses
// one account's password is stopped first; an account may fail more often, and an
// address too, behind which may stand an office.
const (
	FailuresOfPair    = 10 // of one address at one account
	FailuresOfPeer    = 50 // of one address; of a loopback address none count, for it may be a proxy's
	FailuresOfAccount = 100
	FailureWindow     = 15 * time.Minute
)

const (
	maxAttempts = 16384               // addresses, accounts and pairs remembered
	trustTime   = 30 * 24 * time.Hour // for which a client that logged in is known as the owner's
)

// Attempts counts failed logins, so that nobody can guess passwords at his leisure
// by connecting again and again. A client that has logged in to an account before
// is stopped by its own failures only: strangers cannot lock an owner out. A nil
// *Attempts lets everybody try. All methods may be called concurrently.
type Attempts struct {
	failed *Failures
	owners *Failures // pairs that logged in, for as long as they are known
}

// NewAttempts counts by a clock.
func NewAttempts(now func() time.Time) *Attempts {
	return &Attempts{failed: NewFailures(now, FailureWindow, maxAttempts), owners: NewFailures(now, trustTime, maxAttempts)}
}

// Wait tells for how long a client must not try to log in to an account; zero or
// less: it may.
func (a *Attempts) Wait(peer netip.Addr, account string) time.Duration {
	if a == nil {
		return 0
	}
	pair := pairKey(peer, account)
	wait := a.failed.Wait(pair, FailuresOfPair)
	if a.owners.Wait(pair, 1) > 0 {
		return wait
	}
	wait = max(wait, a.failed.Wait(AccountKey(account), FailuresOfAccount))
	if !peer.Unmap().IsLoopback() {
		wait = max(wait, a.failed.Wait(PeerKey(peer), FailuresOfPeer))
	}
	return wait
}

// Failed counts a login that was refused.
func (a *Attempts) Failed(peer netip.Addr, account string) {
	if a != nil {
		a.failed.Count(PeerKey(peer), AccountKey(account), pairKey(peer, account))
	}
}

// Succeeded forgives a client its failures at the account, and knows it from now on.
func (a *Attempts) Succeeded(peer netip.Addr, account string) {
	if a == nil {
		return
	}
	pair := pairKey(peer, account)
	a.failed.Forget(pair)
	a.owners.Forget(pair) // the time begins anew
	a.owners.Count(pair)
}

func pairKey(peer netip.Addr, account string) string {
	return PeerKey(peer) + " " + AccountKey(account)
}
