package dnsd

import (
	"net/netip"
	"sync"
	"time"

	"glassmail/mail"
	"glassmail/wire"
)

// limiter allows each client (see mail.ClientOf) so many queries a second, with a burst of
// one second's worth. It remembers a bounded number of clients.
type limiter struct {
	clock wire.Clock
	rate  float64 // per second; 0 or less allows everything

	mu      sync.Mutex
	clients map[netip.Prefix]*bucket
}

// bucket holds what a client may still ask.
type bucket struct {
	tokens float64
	at     time.Time
}

const maxClients = 8192

func newLimiter(clock wire.Clock, rate int) *limiter {
	return &limiter{clock: clock, rate: float64(rate), clients: map[netip.Prefix]*bucket{}}
}

func (l *limiter) allow(a netip.Addr) bool {
	if l.rate <= 0 {
		return true
	}
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	client := mail.ClientOf(a)
	b := l.clients[client]
	if b == nil {
		if len(l.clients) >= maxClients {
			l.forget(now)
		}
		b = &bucket{tokens: l.rate, at: now}
		l.clients[client] = b
	}
	b.tokens = min(l.rate, b.tokens+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// forget drops the clients that have been silent for a second: their buckets are
// full again. If all are busy, all start afresh.
func (l *limiter) forget(now time.Time) {
	for a, b := range l.clients {
		if now.Sub(b.at) >= time.Second {
			delete(l.clients, a)
		}
	}
	if len(l.clients) >= maxClients {
		clear(l.clients)
	}
}
