package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"glassmail/auth"
)

// attempts is an Attempts whose clock stands still until it is put forward.
type attempts struct {
	*auth.Attempts
	now time.Time
}

func newAttempts() *attempts {
	a := &attempts{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	a.Attempts = auth.NewAttempts(func() time.Time { return a.now }, 0)
	return a
}

func (a *attempts) fail(n int, peer, account string) {
	for range n {
		if try, err := a.Begin(context.Background(), netip.MustParseAddr(peer), account); err == nil {
			try.Failed()
		}
	}
}

func (a *attempts) succeed(peer, account string) {
	try, err := a.Begin(context.Background(), netip.MustParseAddr(peer), account)
	if err != nil {
		panic(err)
	}
	try.Succeeded()
}

func (a *attempts) locked(peer, account string) bool {
	try, err := a.Begin(context.Background(), netip.MustParseAddr(peer), account)
	try.Cancel()
	return errors.As(err, new(*auth.TooMany))
}

func TestAttempts(t *testing.T) {
	for name, c := range map[string]struct {
		before        func(*attempts)
		peer, account string
		locked        bool
	}{
		"nothing yet":                 {func(*attempts) {}, "192.0.2.1", "bob", false},
		"one failure less":            {func(a *attempts) { a.fail(9, "192.0.2.1", "bob") }, "192.0.2.1", "bob", false},
		"too many at an account":      {func(a *attempts) { a.fail(10, "192.0.2.1", "bob") }, "192.0.2.1", "BOB", true},
		"somebody else at the same":   {func(a *attempts) { a.fail(10, "192.0.2.1", "bob") }, "192.0.2.2", "bob", false},
		"the same one at another":     {func(a *attempts) { a.fail(10, "192.0.2.1", "bob") }, "192.0.2.1", "alice", false},
		"the next address of a host":  {func(a *attempts) { a.fail(10, "2001:db8::1", "bob") }, "2001:db8::2", "bob", true},
		"another IPv6 network":        {func(a *attempts) { a.fail(10, "2001:db8::1", "bob") }, "2001:db8:0:1::1", "bob", false},
		"IPv4 written as IPv6":        {func(a *attempts) { a.fail(10, "::ffff:192.0.2.1", "bob") }, "192.0.2.1", "bob", true},
		"many accounts, one address":  {func(a *attempts) { spray(a, "192.0.2.1") }, "192.0.2.1", "bob", true},
		"many accounts from loopback": {func(a *attempts) { spray(a, "127.0.0.1") }, "127.0.0.1", "bob", false},
		"many addresses, one account": {siege, "192.0.2.99", "bob", true},
		"the owner beside who tries many": {func(a *attempts) {
			a.succeed("192.0.2.1", "bob")
			spray(a, "192.0.2.1")
		}, "192.0.2.1", "bob", false},
		"the owner of another account": {func(a *attempts) {
			a.succeed("192.0.2.1", "alice")
			spray(a, "192.0.2.1")
		}, "192.0.2.1", "bob", true},
		"a neighbour's failures": {func(a *attempts) {
			a.succeed("192.0.2.1", "bob")
			a.fail(10, "192.0.2.1", "alice")
		}, "192.0.2.1", "bob", false},
		"an IPv6 neighbour who tries many": {func(a *attempts) { spray(a, "2001:db8::1") }, "2001:db8::2", "bob", true},
		"the owner in a siege": {func(a *attempts) {
			a.succeed("192.0.2.99", "bob")
			siege(a)
		}, "192.0.2.99", "bob", false},
		"the owner's own failures": {func(a *attempts) {
			a.succeed("192.0.2.99", "bob")
			a.fail(10, "192.0.2.99", "bob")
		}, "192.0.2.99", "bob", true},
		"an owner of long ago": {func(a *attempts) {
			a.succeed("192.0.2.99", "bob")
			a.now = a.now.Add(31 * 24 * time.Hour)
			siege(a)
		}, "192.0.2.99", "bob", true},
		"success forgives": {func(a *attempts) {
			a.fail(9, "192.0.2.1", "bob")
			a.succeed("192.0.2.1", "bob")
			a.fail(9, "192.0.2.1", "bob")
		}, "192.0.2.1", "bob", false},
		"the window is over": {func(a *attempts) {
			a.fail(10, "192.0.2.1", "bob")
			a.now = a.now.Add(auth.FailureWindow)
		}, "192.0.2.1", "bob", false},
		"failures of two windows": {func(a *attempts) {
			a.fail(9, "192.0.2.1", "bob")
			a.now = a.now.Add(auth.FailureWindow)
			a.fail(9, "192.0.2.1", "bob")
		}, "192.0.2.1", "bob", false},
		"so many that the first are forgotten": {func(a *attempts) {
			a.fail(10, "192.0.2.1", "bob")
			for i := range 20000 {
				a.fail(1, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String(), fmt.Sprint(i))
			}
		}, "192.0.2.1", "bob", false},
	} {
		a := newAttempts()
		if c.before(a); a.locked(c.peer, c.account) != c.locked {
			t.Errorf("%s: locked %v, want %v", name, !c.locked, c.locked)
		}
	}
	var none *auth.Attempts
	for range 2 * auth.FailuresOfPair {
		try, err := none.Begin(t.Context(), netip.Addr{}, "bob")
		if err != nil {
			t.Fatal("a nil Attempts has counted")
		}
		try.Failed()
	}
}

// spray fails at 50 accounts, once each.
func spray(a *attempts, peer string) {
	for i := range 5 * auth.FailuresOfPair {
		a.fail(1, peer, fmt.Sprint("user", i))
	}
}

// siege fails at bob's account from 100 addresses.
func siege(a *attempts) {
	for i := range 10 * auth.FailuresOfPair {
		a.fail(1, fmt.Sprint("198.51.100.", i), "bob")
	}
}

// Many tries at one time are not more than many after one another: no more than the
// limit are under way, the others wait, and hear when it is reached.
func TestAttemptsAtOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		var begun, refused atomic.Int64
		hash := make(chan struct{}) // the time that hashes take
		for range 90 {
			go func() {
				try, err := a.Begin(t.Context(), netip.MustParseAddr("192.0.2.1"), "bob")
				if errors.As(err, new(*auth.TooMany)) {
					refused.Add(1)
					return
				}
				begun.Add(1)
				<-hash
				try.Failed()
			}()
		}
		synctest.Wait()
		if begun.Load() != auth.FailuresOfPair || refused.Load() != 0 {
			t.Errorf("%d passwords are looked at, %d refused", begun.Load(), refused.Load())
		}
		close(hash)
		synctest.Wait()
		if begun.Load() != auth.FailuresOfPair || refused.Load() != 90-auth.FailuresOfPair {
			t.Errorf("%d passwords were looked at, %d refused", begun.Load(), refused.Load())
		}
	})
}

// Cancel behind Failed or Succeeded gives nothing back, and twice is once.
func TestTryEndsOnce(t *testing.T) {
	a := newAttempts()
	begin := func() *auth.Try {
		try, err := a.Begin(t.Context(), netip.MustParseAddr("192.0.2.1"), "bob")
		if err != nil {
			t.Fatal(err)
		}
		return try
	}
	for range auth.FailuresOfPair - 1 {
		try := begin()
		try.Failed()
		try.Cancel()
		try.Failed()
	}
	under := begin()
	under.Cancel()
	under.Failed()
	if a.locked("192.0.2.1", "bob") {
		t.Error("a try was counted twice")
	}
	begin().Failed()
	if !a.locked("192.0.2.1", "bob") {
		t.Error("a failure was given back")
	}
}

// A client with the right password opens many connections at one time, its first.
func TestManyRightLogins(t *testing.T) {
	a := newAttempts()
	var wg sync.WaitGroup
	for range 90 {
		wg.Go(func() {
			try, err := a.Begin(t.Context(), netip.MustParseAddr("192.0.2.1"), "bob")
			if err != nil {
				t.Error(err)
				return
			}
			try.Succeeded()
		})
	}
	wg.Wait()
	if a.fail(auth.FailuresOfPair-1, "192.0.2.1", "bob"); a.locked("192.0.2.1", "bob") {
		t.Error("tries that succeeded are counted")
	}
}

// Who waits for a try of another ends with its context, and what is cancelled is not
// counted.
func TestAttemptsEndWithTheirContext(t *testing.T) {
	a := newAttempts()
	peer := netip.MustParseAddr("192.0.2.1")
	var tries []*auth.Try
	for range auth.FailuresOfPair {
		try, err := a.Begin(t.Context(), peer, "bob")
		if err != nil {
			t.Fatal(err)
		}
		tries = append(tries, try)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Begin(ctx, peer, "bob"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for _, try := range tries {
		try.Cancel()
	}
	if a.locked("192.0.2.1", "bob") {
		t.Error("cancelled tries are counted")
	}
}
