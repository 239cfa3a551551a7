package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// lastResort is how long Shutdown waits for requests after it has cut their
// connections.
const lastResort = time.Second

// Shutdown stops accepting, ends streams, and lets the other requests finish. When ctx
// ends it closes their connections, and a second later it gives up what still runs: it
// returns how many connections were cut, and how many of them were given up. What
// requests use must stay open until it returns. It may be called more than once.
func (s *Server) Shutdown(ctx context.Context) (cut, left int) {
	s.stop()
	s.conns.stop()
	if s.http.Shutdown(ctx) == nil {
		return 0, 0
	}
	cut = s.conns.count()
	s.http.Close()
	late := time.NewTimer(lastResort)
	defer late.Stop()
	select {
	case <-s.conns.none():
	case <-late.C:
		left = s.conns.count()
	}
	return cut, left
}

// Close ends all streams and requests at once.
func (s *Server) Close() error {
	s.stop()
	return s.http.Close()
}

// connections are those of an http.Server, which tells each change of their state. One
// goes when its last request has ended, also if it was cut before.
type connections struct {
	mu       sync.Mutex
	open     map[net.Conn]http.ConnState
	stopping bool
	empty    chan struct{} // closed when the last one goes; nil: nobody waits
}

// changed is for http.Server.ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case state == http.StateClosed || state == http.StateHijacked:
		delete(c.open, conn)
		c.tell()
	default:
		c.open[conn] = state
		c.hangUp(conn)
	}
}

// stop closes the connections that have asked for nothing: browsers open them in
// advance, and http.Server.Shutdown waits five seconds for each.
func (c *connections) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	for conn := range c.open {
		c.hangUp(conn)
	}
}

func (c *connections) hangUp(conn net.Conn) {
	if c.stopping && c.open[conn] == http.StateNew {
		conn.Close()
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// none is closed once there is no connection.
func (c *connections) none() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.empty == nil {
		c.empty = make(chan struct{})
	}
	empty := c.empty
	c.tell()
	return empty
}

func (c *connections) tell() {
	if len(c.open) == 0 && c.empty != nil {
		close(c.empty)
		c.empty = nil
	}
}
