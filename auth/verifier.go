// Package auth checks passwords: it hashes and compares them, counts logins that fail,
// and lets clients wait in turn.
package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Limits of a Verifier's memory of successes.
const (
	rememberFor  = 3 * time.Minute
	rememberMost = 4096
)

// Verifier checks the passwords of many clients. It bounds how many hashes are
// computed at a time, so that logins cannot take up all memory; it remembers a
// success for a few minutes, so that a client that logs in for each message is
// cheap; and it works as long for a user who does not exist as for one who does.
// It is safe for concurrent use.
type Verifier struct {
	turns *Turns
	check func(stored, password string) (bool, error) // CheckPassword
	now   func() time.Time
	decoy string

	mu     sync.Mutex
	secret [sha256.Size]byte
	known  map[[sha256.Size]byte]time.Time // success → until when
}

// NewVerifier makes a Verifier that computes at most concurrent hashes at a time,
// each of 19 MiB; values below 1 mean 1. The time is asked of now.
func NewVerifier(concurrent int, now func() time.Time) (*Verifier, error) {
	v := &Verifier{
		turns: NewTurns(concurrent),
		check: CheckPassword,
		now:   now,
		known: make(map[[sha256.Size]byte]time.Time),
	}
	if _, err := rand.Read(v.secret[:]); err != nil {
		return nil, fmt.Errorf("password verifier: %w", err)
	}
	var err error
	if v.decoy, err = HashPassword(rand.Text()); err != nil {
		return nil, err
	}
	return v, nil
}

// Check reports whether a password belongs to a stored hash. Pass "" for stored
// if there is no such user or the account is locked: it is false, after the same
// work. It waits for its turn among the addresses that ask; the error is that of ctx,
// ErrBusy, or says that stored is no hash.
func (v *Verifier) Check(ctx context.Context, peer netip.Addr, stored, password string) (bool, error) {
	unknown := stored == "" || len(password) > MaxPassword
	if unknown {
		stored, password = v.decoy, ""
	}
	mark := v.mark(stored, password)
	if v.remembers(mark) {
		return true, nil
	}
	if err := v.turns.Take(ctx, PeerKey(peer)); err != nil {
		return false, err
	}
	defer v.turns.Give()
	if v.remembers(mark) { // learned while this waited
		return true, nil
	}
	ok, err := v.check(stored, password)
	if ok && !unknown {
		v.remember(mark)
	}
	return ok && !unknown, err
}

// mark is what is kept of a success: neither the password nor anything by which
// it could be guessed without the secret, which is never written anywhere. The
// stored hash is part of it, so that a changed password is forgotten at once.
func (v *Verifier) mark(stored, password string) (m [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.secret[:])
	h.Write([]byte(stored))
	h.Write([]byte{0}) // no hash has it
	h.Write([]byte(password))
	h.Sum(m[:0])
	return m
}

func (v *Verifier) remembers(m [sha256.Size]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := v.known[m]
	if ok && !v.now().Before(until) {
		delete(v.known, m)
		return false
	}
	return ok
}

func (v *Verifier) remember(m [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if len(v.known) >= rememberMost {
		v.forget(now)
	}
	v.known[m] = now.Add(rememberFor)
}

// forget makes room: what is over goes, and if that is not enough, everything.
func (v *Verifier) forget(now time.Time) {
	for m, until := range v.known {
		if !now.Before(until) {
			delete(v.known, m)
		}
	}
	if len(v.known) >= rememberMost {
		clear(v.known)
	}
}
