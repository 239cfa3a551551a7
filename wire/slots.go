package wire

import (
	"net"
	"time"
)

// When a listener is full, a connection that says little gives way to a newcomer.
// The rule:
//
//   - Left alone are connections of users who have logged in, connections whose
//     command is being worked on, and messages that flow: of which progressStep bytes
//     came within quietAfter.
//   - If some client holds more connections than the newcomer's would, the quietest of
//     the client with most of them gives way: many connections of few clients never
//     keep others out.
//   - Else the quietest of all gives way, if it has been quiet for quietAfter.
//   - Else the newcomer is refused.
//
// A connection is quiet since it last completed a command or a step of a message.
// Bytes alone do not count: who sends one now and then stays quiet.
const (
	quietAfter   = 10 * time.Second
	progressStep = 1 << 10 // bytes of a message that count as much as a command
)

// slot is what a full listener asks of its connections, see Conns.quietest.
type slot struct {
	of   *Conn
	conn net.Conn
	said time.Time // when it last completed something
}

// quietest finds the connection that gives way: among those that may, the one that
// has been quiet longest, of those with the highest rank. Rank 0 is none.
func (f *Conns) quietest(now time.Time, rank func(net.Conn, bool) int) (best slot, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	highest := 0
	for one, c := range f.all {
		said, may := one.mayGiveWay(now)
		if !may {
			continue
		}
		r := rank(c.conn, now.Sub(said) >= quietAfter)
		if r > highest || r > 0 && r == highest && said.Before(best.said) {
			highest, best = r, slot{one, c.conn, said}
		}
	}
	return best, highest > 0
}

// mayGiveWay reports whether the connection may be taken from its client, and
// since when it has been quiet.
func (f *Conn) mayGiveWay(now time.Time) (said time.Time, may bool) {
	said = time.Unix(0, f.said.Load())
	quiet := now.Sub(said) >= quietAfter
	if who := f.account.Load(); who != nil && *who != "" {
		return said, false
	}
	if !f.mu.TryLock() { // it sends: to a client that does not read, if for long
		return said, quiet
	}
	defer f.mu.Unlock()
	switch {
	case f.evicted:
		return said, false
	case f.flowing && !quiet:
		return said, false
	}
	return said, f.waiting || f.shaking
}

// giveWay ends the connection: its reader gets ErrFull and says farewell. What has
// not ended a second later is closed where it stands.
func (s slot) giveWay() {
	go s.of.evict() // waits while it sends
	time.AfterFunc(cutTime, func() { s.conn.Close() })
}

func (f *Conn) evict() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.evicted = true
	if f.waiting || f.shaking {
		f.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// completed notes that the client has completed a command, or a step of a message
// if flowing.
func (f *Conn) completed(flowing bool) {
	if f.clock == nil {
		return // not among Conns
	}
	f.said.Store(f.clock.Now().UnixNano())
	f.read = 0
	f.mu.Lock()
	f.flowing = flowing
	f.mu.Unlock()
}

// took counts bytes of a message.
func (f *Conn) took(n int) {
	if f.read += n; f.read >= progressStep {
		f.completed(true)
	}
}

// Waiting is the number of connections that wait for their clients.
func (f *Conns) Waiting() (n int) {
	f.Each(func(one *Conn) {
		one.mu.Lock()
		defer one.mu.Unlock()
		if one.waiting {
			n++
		}
	})
	return n
}
