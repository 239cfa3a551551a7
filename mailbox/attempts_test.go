package mailbox_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"glassmail/mailbox"
)

// attempts is an Attempts whose clock stands still until it is put forward.
type attempts struct {
	*mailbox.Attempts
	now time.Time
}

func newAttempts() *attempts {
	a := &attempts{now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	a.Attempts = mailbox.NewAttempts(func() time.Time { return a.now })
	return a
}

func (a *attempts) fail(n int, peer, account string) {
	for range n {
		a.Failed(netip.MustParseAddr(peer), account)
	}
}

func (a *attempts) locked(peer, account string) bool {
	return a.Wait(netip.MustParseAddr(peer), account) > 0
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
		"the owner in a siege": {func(a *attempts) {
			a.Succeeded(netip.MustParseAddr("192.0.2.99"), "bob")
			siege(a)
		}, "192.0.2.99", "bob", false},
		"the owner's own failures": {func(a *attempts) {
			a.Succeeded(netip.MustParseAddr("192.0.2.99"), "bob")
			a.fail(10, "192.0.2.99", "bob")
		}, "192.0.2.99", "bob", true},
		"an owner of long ago": {func(a *attempts) {
			a.Succeeded(netip.MustParseAddr("192.0.2.99"), "bob")
			a.now = a.now.Add(31 * 24 * time.Hour)
			siege(a)
		}, "192.0.2.99", "bob", true},
		"success forgives": {func(a *attempts) {
			a.fail(9, "192.0.2.1", "bob")
			a.Succeeded(netip.MustParseAddr("192.0.2.1"), "bob")
			a.fail(9, "192.0.2.1", "bob")
		}, "192.0.2.1", "bob", false},
		"the window is over": {func(a *attempts) {
			a.fail(10, "192.0.2.1", "bob")
			a.now = a.now.Add(mailbox.FailureWindow)
		}, "192.0.2.1", "bob", false},
		"failures of two windows": {func(a *attempts) {
			a.fail(9, "192.0.2.1", "bob")
			a.now = a.now.Add(mailbox.FailureWindow)
			a.fail(9, "192.0.2.1", "bob")
		}, "192.0.2.1", "bob", false},
		"so many that the first are forgotten": {func(a *attempts) {
			a.fail(10, "192.0.2.1", "bob")
			for i := range 20000 {
				a.Failed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), fmt.Sprint(i))
			}
		}, "192.0.2.1", "bob", false},
	} {
		a := newAttempts()
		if c.before(a); a.locked(c.peer, c.account) != c.locked {
			t.Errorf("%s: locked %v, want %v", name, !c.locked, c.locked)
		}
	}
	var none *mailbox.Attempts
	none.Failed(netip.Addr{}, "bob")
	none.Succeeded(netip.Addr{}, "bob")
	if none.Wait(netip.Addr{}, "bob") != 0 {
		t.Error("a nil Attempts has counted")
	}
}

// spray fails at 50 accounts, once each.
func spray(a *attempts, peer string) {
	for i := range mailbox.FailuresOfPeer {
		a.fail(1, peer, fmt.Sprint("user", i))
	}
}

// siege fails at bob's account from 100 addresses.
func siege(a *attempts) {
	for i := range mailbox.FailuresOfAccount {
		a.fail(1, fmt.Sprint("198.51.100.", i), "bob")
	}
}
