package auth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
)

// A client with one password to check is next, however many of one attacker wait, and
// after one of each where there are several.
func TestTurns(t *testing.T) {
	for name, c := range map[string]struct {
		attackers, each int
		before          int // turns of others before that of the honest client
	}{
		"one attacker":        {1, 120, 1},
		"many, one each":      {50, 1, 50},
		"several, many each":  {5, 30, 5},
		"nobody else":         {0, 0, 0},
		"one with one before": {1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { served(t, c.attackers, c.each, c.before) })
		})
	}
}

func served(t *testing.T, attackers, each, before int) {
	turn := NewTurns(1)
	if err := turn.Take(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	order := make(chan string, attackers*each+1)
	ask := func(client string) {
		go func() {
			if err := turn.Take(t.Context(), client); err != nil {
				t.Error(err)
			}
			order <- client
			turn.Give()
		}()
		synctest.Wait() // it stands in its place
	}
	for i := range attackers {
		for range each {
			ask(strconv.Itoa(i))
		}
	}
	ask("honest")
	if len(order) != 0 {
		t.Errorf("%d were served while the place was taken", len(order))
	}
	turn.Give()
	synctest.Wait()
	close(order)
	var all []string
	for client := range order {
		all = append(all, client)
	}
	if got := slices.Index(all, "honest"); got != before || len(all) != attackers*each+1 {
		t.Errorf("%d were served before, want %d; %d in all", got, before, len(all))
	}
	if turn.free != 1 || len(turn.waiting) != 0 || len(turn.next) != 0 {
		t.Errorf("%d places are free, %d clients wait, %d are next", turn.free, len(turn.waiting), len(turn.next))
	}
}

// Of one client a bounded number waits, and who leaves gives up its place.
func TestTurnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := NewTurns(1)
		turn.Take(t.Context(), "x")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, maxWaiting)
		for range maxWaiting {
			go func() { ended <- turn.Take(ctx, "x") }()
		}
		synctest.Wait()
		if err := turn.Take(t.Context(), "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		other := make(chan error, 1)
		go func() { other <- turn.Take(t.Context(), "y") }()
		synctest.Wait()
		if len(other) != 0 {
			t.Errorf("another client does not wait: %v", <-other)
		}
		cancel()
		synctest.Wait()
		for range maxWaiting {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		if len(turn.waiting) != 1 || len(turn.next) != 1 {
			t.Errorf("%d clients wait, %d are next", len(turn.waiting), len(turn.next))
		}
		turn.Give()
		if err := <-other; err != nil {
			t.Error(err)
		}
	})
}

// A turn that comes at the moment in which its client leaves goes to the next one.
func TestTurnOfWhoHasLeft(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			turn := NewTurns(1)
			turn.Take(t.Context(), "first")
			gone, cancel := context.WithCancel(t.Context())
			left, next := make(chan error, 1), make(chan error, 1)
			go func() { left <- turn.Take(gone, "x") }()
			synctest.Wait()
			go func() { next <- turn.Take(t.Context(), "y") }()
			synctest.Wait()
			cancel()
			turn.Give() // mostly before the client that left has given up its place
			if err := <-left; err == nil {
				turn.Give()
			}
			if err := <-next; err != nil {
				t.Error(err)
			}
		})
	}
}

// 150 who guess, from one address or from several, wait behind one another; the password
// of an honest client elsewhere is looked at after one of each address.
func TestHonestLoginPassesGuessers(t *testing.T) {
	for _, addresses := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) { besieged(t, addresses) })
	}
}

func besieged(t *testing.T, addresses int) {
	v, _ := verifier(t, 1)
	hashing, hashed := make(chan string), make(chan struct{})
	v.check = func(_, password string) (bool, error) {
		hashing <- password
		<-hashed
		return false, nil
	}
	done := make(chan error, 151)
	check := func(from netip.Addr, password string) {
		go func() { _, err := v.Check(t.Context(), from, "hash", password); done <- err }()
		synctest.Wait()
	}
	for i := range 150 {
		check(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % addresses)}), "guess")
	}
	refused := len(done)
	if want := 150 - min(150, 1+addresses*maxWaiting); refused != want { // one is hashed
		t.Errorf("%d guesses were told to come again, want %d", refused, want)
	}
	check(netip.MustParseAddr("198.51.100.7"), "secret")
	for range 151 - refused {
		order := <-hashing
		if order == "secret" {
			break
		}
		hashed <- struct{}{}
	}
	if before := len(done) - refused; before > 1+addresses {
		t.Errorf("%d were looked at before, from %d addresses", before, addresses)
	}
	close(hashed)
	for range 151 - refused {
		select {
		case <-hashing:
		default:
		}
		synctest.Wait()
	}
	for n := range 151 {
		if err := <-done; (n < refused) != errors.Is(err, ErrBusy) {
			t.Errorf("answer %d: %v", n, err)
		}
	}
}
