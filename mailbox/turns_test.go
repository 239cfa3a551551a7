package mailbox

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// waits until n passwords of a client wait, which ends soon: nothing else happens.
func (t *turns) until(tb testing.TB, client string, n int) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		t.mu.Lock()
		have := len(t.waiting[client])
		t.mu.Unlock()
		if have == n {
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("%d of %s wait, want %d", have, client, n)
		}
	}
}

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
			turn := newTurns(1)
			if err := turn.take(t.Context(), "first"); err != nil {
				t.Fatal(err)
			}
			order := make(chan string, 1000)
			ask := func(client string) {
				if err := turn.take(t.Context(), client); err != nil {
					t.Error(err)
				}
				order <- client
				turn.give()
			}
			for i := range c.attackers {
				client := string(rune('A' + i))
				for n := range c.each {
					go ask(client)
					turn.until(t, client, n+1)
				}
			}
			go ask("honest")
			turn.until(t, "honest", 1)
			turn.give()
			before := 0
			for ; <-order != "honest"; before++ {
			}
			if before != c.before {
				t.Errorf("%d were served before", before)
			}
			for range c.attackers*c.each - before {
				<-order
			}
		})
	}
}

// Of one client a bounded number waits, and who leaves gives up its place.
func TestTurnsAreBounded(t *testing.T) {
	turn := newTurns(1)
	turn.take(t.Context(), "x")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, maxWaiting)
	for range maxWaiting {
		go func() { ended <- turn.take(ctx, "x") }()
	}
	turn.until(t, "x", maxWaiting)
	if err := turn.take(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	cancel()
	for range maxWaiting {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	if len(turn.waiting) != 0 || len(turn.next) != 0 {
		t.Errorf("%d clients wait, %d are next", len(turn.waiting), len(turn.next))
	}
	turn.give()
	if err := turn.take(t.Context(), "y"); err != nil {
		t.Error(err)
	}
}

// 150 who guess from one address wait behind one another; the password of an honest
// client elsewhere is looked at next.
func TestHonestLoginPassesGuessers(t *testing.T) {
	v, _ := verifier(t, 1)
	hashing, step := make(chan string), make(chan struct{})
	v.check = func(_, password string) (bool, error) {
		hashing <- password
		<-step
		return false, nil
	}
	attacker, honest := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	done := make(chan error, 200)
	for range 150 {
		go func() { _, err := v.Check(t.Context(), attacker, "hash", "guess"); done <- err }()
	}
	<-hashing
	v.turns.until(t, PeerKey(attacker), maxWaiting)
	go func() { _, err := v.Check(t.Context(), honest, "hash", "secret"); done <- err }()
	v.turns.until(t, PeerKey(honest), 1)
	for n := 1; ; n++ {
		step <- struct{}{}
		if <-hashing == "secret" {
			if n > 2 {
				t.Errorf("it was number %d", n)
			}
			break
		}
	}
	go func() {
		for {
			select {
			case step <- struct{}{}:
			case <-hashing:
			case <-t.Context().Done():
				return
			}
		}
	}()
	busy := 0
	for range 151 {
		if errors.Is(<-done, ErrBusy) {
			busy++
		}
	}
	if busy != 150-1-maxWaiting {
		t.Errorf("%d were told to come again", busy)
	}
}
