package bolt

import (
	"sync"

	"glassmail/mailbox"
)

// maxKnown bounds the accounts kept in memory, some hundred bytes each.
const maxKnown = 16384

// knownAccounts keeps rows of accounts that were asked for, so that a recipient
// costs no transaction. A row that was read before the last change of any account
// is never kept: each change begins a new generation.
type knownAccounts struct {
	mu         sync.RWMutex
	generation uint64
	rows       map[string]mailbox.Account
}

// find returns a row, or the generation in which one read now may be kept.
func (k *knownAccounts) find(address string) (a mailbox.Account, known bool, generation uint64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a, known = k.rows[address]
	return a, known, k.generation
}

// keep notes a row that was read in a generation.
func (k *knownAccounts) keep(a mailbox.Account, generation uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation != k.generation {
		return
	}
	if k.rows == nil || len(k.rows) >= maxKnown {
		k.rows = map[string]mailbox.Account{}
	}
	k.rows[a.Address] = a
}

// forget is called after a commit that changed accounts, before anybody hears of
// the change.
func (k *knownAccounts) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	k.rows = nil
}
