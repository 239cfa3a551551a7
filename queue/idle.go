package queue

import (
	"sync"
	"time"
)

// idle keeps connections for which there is no message at the moment. It is
// bounded by its owner.
type idle struct {
	mu   sync.Mutex
	free map[string][]*session // by destination, the newest last
	n    int
}

// take returns a connection for dest that meets the policy, nil if there is none.
func (p *idle) take(dest string, policy TLSPolicy) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.free[dest]
	for i := len(list) - 1; i >= 0; i-- {
		if s := list[i]; policy != Always || s.tls {
			p.remove(dest, i)
			return s
		}
	}
	return nil
}

// put keeps s; if there are limit connections already it returns false.
func (p *idle) put(dest string, s *session, limit int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n >= limit {
		return false
	}
	if p.free == nil {
		p.free = map[string][]*session{}
	}
	p.free[dest] = append(p.free[dest], s)
	p.n++
	return true
}

// expired takes out all connections that were kept until now, and tells when the
// next one will be due (zero: there is none).
func (p *idle) expired(now time.Time) (out []*session, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for dest, list := range p.free {
		for i := len(list) - 1; i >= 0; i-- {
			switch s := list[i]; {
			case !s.until.After(now):
				out = append(out, s)
				p.remove(dest, i)
				list = p.free[dest]
			case next.IsZero() || s.until.Before(next):
				next = s.until
			}
		}
	}
	return out, next
}

// all takes out every connection.
func (p *idle) all() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*session
	for _, list := range p.free {
		out = append(out, list...)
	}
	p.free, p.n = nil, 0
	return out
}

// remove runs under the lock.
func (p *idle) remove(dest string, i int) {
	list := p.free[dest]
	list[i] = list[len(list)-1]
	list[len(list)-1] = nil
	if list = list[:len(list)-1]; len(list) == 0 {
		delete(p.free, dest)
	} else {
		p.free[dest] = list
	}
	p.n--
}
