package auth

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// ErrBusy says that too much of one client waits for a turn: passwords to be checked,
// searches.
var ErrBusy = errors.New("too much of this client waits for its turn; try again")

// maxWaiting is how much of one client may wait.
const maxWaiting = 128

// Turns shares a few places between clients: who waits is served in turn by client,
// so that one who asks for much waits behind itself and not others behind it.
type Turns struct {
	mu      sync.Mutex
	free    int
	waiting map[string][]chan struct{} // by client, the first first
	next    []string                   // the clients that wait, in turn
}

// NewTurns has a number of places, at least one.
func NewTurns(places int) *Turns {
	return &Turns{free: max(places, 1), waiting: map[string][]chan struct{}{}}
}

// Take waits for a place, until ctx ends; Give returns it. The error is ErrBusy or
// that of ctx.
func (t *Turns) Take(ctx context.Context, client string) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	queue := t.waiting[client]
	if len(queue) >= maxWaiting {
		t.mu.Unlock()
		return ErrBusy
	}
	if len(queue) == 0 {
		t.next = append(t.next, client)
	}
	mine := make(chan struct{})
	t.waiting[client] = append(queue, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		if !t.leave(client, mine) {
			t.Give() // the turn had come meanwhile
		}
		return ctx.Err()
	}
}

// leave gives up waiting; false says that the turn has come.
func (t *Turns) leave(client string, mine chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := t.waiting[client]
	i := slices.Index(queue, mine)
	if i < 0 {
		return false
	}
	t.put(client, slices.Delete(queue, i, i+1))
	if len(t.waiting[client]) == 0 {
		t.next = slices.DeleteFunc(t.next, func(c string) bool { return c == client })
	}
	return true
}

// put sets what waits of a client.
func (t *Turns) put(client string, queue []chan struct{}) {
	if len(queue) == 0 {
		delete(t.waiting, client)
		return
	}
	t.waiting[client] = queue
}

// Give hands the place on to the client whose turn it is.
func (t *Turns) Give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.next) == 0 {
		t.free++
		return
	}
	client := t.next[0]
	t.next = t.next[1:]
	queue := t.waiting[client]
	close(queue[0])
	t.put(client, queue[1:])
	if len(queue) > 1 {
		t.next = append(t.next, client)
	}
}
