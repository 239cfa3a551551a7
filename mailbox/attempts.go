package mailbox

import (
	"container/list"
	"net/netip"
	"strings"
	"sync"
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
	maxAttempts = 16384               // addresses, accounts and pairs remembered; the longest unseen are forgotten
	trustTime   = 30 * 24 * time.Hour // for which a client that logged in is known as the owner's
)

// Attempts counts failed logins, so that nobody can guess passwords at his leisure
// by connecting again and again. A client that has logged in to an account before
// is stopped by its own failures only: strangers cannot lock an owner out. A nil
// *Attempts lets everybody try. All methods may be called concurrently.
type Attempts struct {
	now func() time.Time

	mu    sync.Mutex
	all   map[string]*list.Element // of *attempt, by key
	order *list.List               // the last seen in front
}

// attempt is what is known of an address, an account, or a pair of them.
type attempt struct {
	key     string
	n       int       // failures
	since   time.Time // of the first of them
	trusted time.Time // when the pair logged in last
}

// NewAttempts counts by a clock.
func NewAttempts(now func() time.Time) *Attempts {
	return &Attempts{now: now, all: map[string]*list.Element{}, order: list.New()}
}

// Wait tells for how long a client must not try to log in to an account; zero or
// less: it may.
func (a *Attempts) Wait(peer netip.Addr, account string) time.Duration {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now, k := a.now(), keysOf(peer, account)
	wait := a.wait(k.pair, FailuresOfPair, now)
	if one := a.find(k.pair); one != nil && now.Sub(one.trusted) < trustTime {
		return wait
	}
	wait = max(wait, a.wait(k.account, FailuresOfAccount, now))
	if !peer.Unmap().IsLoopback() {
		wait = max(wait, a.wait(k.peer, FailuresOfPeer, now))
	}
	return wait
}

// Failed counts a login that was refused.
func (a *Attempts) Failed(peer netip.Addr, account string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now, k := a.now(), keysOf(peer, account)
	for _, key := range []string{k.peer, k.account, k.pair} {
		one := a.make(key)
		if now.Sub(one.since) >= FailureWindow {
			one.n, one.since = 0, now
		}
		one.n++
	}
}

// Succeeded forgives a client its failures at the account, and knows it from now on.
func (a *Attempts) Succeeded(peer netip.Addr, account string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.make(keysOf(peer, account).pair)
	one.n, one.trusted = 0, a.now()
}

// attemptKeys are the three things that failures are counted of.
type attemptKeys struct{ peer, account, pair string }

// keysOf takes the /64 of an IPv6 address for one: a host can have them all
// (RFC 4291 §2.5.4).
func keysOf(peer netip.Addr, account string) attemptKeys {
	who := peer.Unmap().WithZone("").String()
	if p, err := peer.Unmap().WithZone("").Prefix(64); err == nil {
		who = p.String()
	}
	name := strings.ToLower(account[:min(len(account), maxAttemptName)])
	return attemptKeys{peer: "p" + who, account: "a" + name, pair: "x" + who + " " + name}
}

// maxAttemptName is how much of a name counts, in bytes: more than an address can
// have (RFC 5321 §4.5.3.1).
const maxAttemptName = 320

func (a *Attempts) find(key string) *attempt {
	if e := a.all[key]; e != nil {
		return e.Value.(*attempt)
	}
	return nil
}

// make finds the attempt or begins one, and forgets the one longest unseen if there
// are too many.
func (a *Attempts) make(key string) *attempt {
	if e := a.all[key]; e != nil {
		a.order.MoveToFront(e)
		return e.Value.(*attempt)
	}
	if a.order.Len() >= maxAttempts {
		old := a.order.Back()
		delete(a.all, old.Value.(*attempt).key)
		a.order.Remove(old)
	}
	one := &attempt{key: key}
	a.all[key] = a.order.PushFront(one)
	return one
}

func (a *Attempts) wait(key string, most int, now time.Time) time.Duration {
	one := a.find(key)
	if one == nil || one.n < most {
		return 0
	}
	return one.since.Add(FailureWindow).Sub(now)
}
