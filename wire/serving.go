package wire

import (
	"context"
	"net"
	"sync"
	"time"
)

// Serving is what a server has open: its listeners, and the connections that came
// from them. The zero value has nothing; Conns.Clock may be set before the first use.
type Serving struct {
	Conns Conns

	mu        sync.Mutex
	listeners map[*Listener]struct{}
	stopping  bool
	running   sync.WaitGroup // calls of Serve
}

// Serve serves a listener until Shutdown, after which it closes it at once, or until
// the listener fails.
func (s *Serving) Serve(l *Listener, handle func(net.Conn)) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		l.Close()
		return nil
	}
	if s.listeners == nil {
		s.listeners = map[*Listener]struct{}{}
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	return l.Serve(handle)
}

// Enter counts a connection in, see Conns.Enter, and reports whether it came before
// Shutdown, which tells it to stop.
func (s *Serving) Enter(one *Conn, conn net.Conn, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Conns.Enter(one, conn, since)
	return !s.stopping
}

// Stopping reports whether Shutdown has begun.
func (s *Serving) Stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// Shutdown stops accepting, asks each connection to stop, and waits for them and for
// the calls of Serve. When ctx ends it cuts those that are left, see Listener.Shutdown.
func (s *Serving) Shutdown(ctx context.Context) (all Ended) {
	s.mu.Lock()
	s.stopping = true
	ends := make(chan Ended, len(s.listeners))
	for l := range s.listeners {
		l.Close()
		go func() { ends <- l.Shutdown(ctx) }()
	}
	var stops sync.WaitGroup
	s.Conns.Each(func(c *Conn) {
		stops.Go(c.Stop) // waits while the connection sends to a client that does not read
	})
	s.mu.Unlock()
	for range cap(ends) {
		all = all.Add(<-ends)
	}
	stops.Wait()
	s.running.Wait()
	return all
}

// Listening tells how each listener is that is served.
func (s *Serving) Listening() []Listening {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Listening, 0, len(s.listeners))
	for l := range s.listeners {
		out = append(out, l.Listening())
	}
	return out
}
