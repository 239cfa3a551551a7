package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"glassmail/mail"
)

// Limits of a Listener; 0 means none.
type Limits struct {
	Total   int // connections at one time
	PerAddr int // connections at one time of one client, see mail.ClientOf
	// Conns are the connections of which one gives way to a newcomer when Total is
	// reached; with nil the newcomer is refused.
	Conns *Conns
}

// Listener accepts connections, holds them to its limits, and can be stopped
// politely. Serve hands each connection to a handler of its own.
type Listener struct {
	inner  net.Listener
	clock  Clock
	limits Limits
	refuse func(net.Conn) // says why, before the connection is closed

	mu      sync.Mutex
	trouble error // of the last Accept, while Serve waits for it to pass
	conns   map[net.Conn]place
	clients map[netip.Prefix]int
	leaving int // connections that have given way and are still there
	closed  bool
	ended   chan struct{} // closed with it
	wg      sync.WaitGroup
}

// lastResort is how long Shutdown waits for handlers after it has cut their
// connections.
const lastResort = time.Second

// Ended tells how a stop went.
type Ended struct {
	Cut  int // connections that had to be cut
	Left int // handlers that went on all the same and were given up
}

// Add adds another one.
func (e Ended) Add(o Ended) Ended { return Ended{e.Cut + o.Cut, e.Left + o.Left} }

// NewListener wraps inner. refuse is told of connections above a limit, in time
// to write one line; nil closes them without a word.
func NewListener(inner net.Listener, clock Clock, limits Limits, refuse func(net.Conn)) *Listener {
	return &Listener{
		inner: inner, clock: clock, limits: limits, refuse: refuse,
		conns: map[net.Conn]place{}, clients: map[netip.Prefix]int{}, ended: make(chan struct{}),
	}
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Serve runs handle in a goroutine for each connection, and closes the
// connection when handle returns. It returns nil after Close, else the error
// that ended it. Errors that pass (no file descriptors left) are waited out with
// growing pauses of 5 ms to 1 s.
func (l *Listener) Serve(handle func(net.Conn)) error {
	pause := time.Duration(0)
	for {
		c, err := l.inner.Accept()
		if err != nil {
			if l.isClosed() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			l.setTrouble(err)
			l.wait(pause)
			l.setTrouble(nil)
			continue
		}
		pause = 0
		if !l.admit(c) {
			continue
		}
		go func() {
			defer l.leave(c)
			handle(c)
		}()
	}
}

// wait waits for a time, or until Close.
func (l *Listener) wait(d time.Duration) {
	tick, stop := l.clock.After(d)
	defer stop()
	select {
	case <-tick:
	case <-l.ended:
	}
}

// place is the place of a connection among those of a Listener.
type place struct {
	client  netip.Prefix
	leaving bool // it has given way and counts no more
}

// admit counts c in, or refuses it.
func (l *Listener) admit(c net.Conn) bool {
	client := mail.ClientOf(RemoteIP(c))
	l.mu.Lock()
	over := l.closed ||
		l.limits.PerAddr > 0 && l.clients[client] >= l.limits.PerAddr ||
		l.limits.Total > 0 && len(l.conns)-l.leaving >= l.limits.Total && !l.makeRoom(client)
	if !over {
		l.conns[c] = place{client: client}
		l.clients[client]++
		l.wg.Add(1)
	}
	l.mu.Unlock()
	if over {
		if l.refuse != nil {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			l.refuse(c)
		}
		c.Close()
	}
	return !over
}

func (l *Listener) leave(c net.Conn) {
	c.Close()
	l.mu.Lock()
	p := l.conns[c]
	delete(l.conns, c)
	if p.leaving {
		l.leaving--
	} else {
		l.countOff(p.client)
	}
	l.mu.Unlock()
	l.wg.Done()
}

func (l *Listener) countOff(client netip.Prefix) {
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}

// makeRoom lets a connection give way to one of a client, by the rule in slots.go.
// It may take a second until it has gone: meanwhile there are more than Total, by a
// quarter of it at most.
func (l *Listener) makeRoom(client netip.Prefix) bool {
	if l.limits.Conns == nil || l.leaving > l.limits.Total/4 {
		return false
	}
	slot, ok := l.limits.Conns.quietest(l.clock.Now(), func(c net.Conn, quiet bool) int {
		p, mine := l.conns[c]
		switch have := l.clients[p.client]; {
		case !mine || p.leaving:
			return 0
		case have > l.clients[client]+1:
			return have
		case quiet:
			return 1
		}
		return 0
	})
	if !ok {
		return false
	}
	p := l.conns[slot.conn]
	l.countOff(p.client)
	l.conns[slot.conn] = place{p.client, true}
	l.leaving++
	slot.giveWay()
	return true
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Connections is the number of connections at this time.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Listening is a listener and how it is.
type Listening struct {
	Addr    net.Addr
	Trouble error // why nobody can connect at this time; nil if everybody can
}

// Listening tells how it is: an error that Serve waits out, or that it is closed.
func (l *Listener) Listening() Listening {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return Listening{l.Addr(), net.ErrClosed}
	}
	return Listening{l.Addr(), l.trouble}
}

func (l *Listener) setTrouble(err error) {
	l.mu.Lock()
	l.trouble = err
	l.mu.Unlock()
}

// Close stops accepting. Connections go on: see Shutdown.
func (l *Listener) Close() error {
	l.mu.Lock()
	if !l.closed {
		close(l.ended)
	}
	l.closed = true
	l.mu.Unlock()
	return l.inner.Close()
}

// Shutdown stops accepting and waits for the handlers to return; when ctx ends
// it closes their connections, and a second later it gives up those that still
// run: a stop does not take longer than it promises, whatever a handler does. The
// caller has asked the connections to stop before.
func (l *Listener) Shutdown(ctx context.Context) Ended {
	l.Close()
	done := make(chan struct{})
	go func() {
		l.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return Ended{}
	case <-ctx.Done():
	}
	end := Ended{Cut: l.cut()}
	late, stop := l.clock.After(lastResort)
	defer stop()
	select {
	case <-done:
	case <-late:
		end.Left = l.Connections()
	}
	return end
}

// cut closes all connections.
func (l *Listener) cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Close()
	}
	return len(l.conns)
}

// RemoteIP is the address of the other end, invalid if it has none.
func RemoteIP(c net.Conn) netip.Addr { return AddrPort(c.RemoteAddr()).Addr() }

// AddrPort is a network address as a value, with IPv4 unmapped; the zero value
// if a is no IP address with a port.
func AddrPort(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// ListenError explains why listening on addr failed and how to mend it; what
// names the service and flag the option that chooses another address.
func ListenError(what, addr, flag string, err error) error {
	switch {
	case isInUse(err):
		return fmt.Errorf("%s cannot listen on %s: another program holds that port (perhaps another glassmail, or a mail server of this system); stop it, or choose another address with %s: %w", what, addr, flag, err)
	case isForbidden(err):
		return fmt.Errorf("%s cannot listen on %s: this system keeps ports below 1024 for the administrator; choose a higher port with %s, or give the program the right to (on Linux: setcap cap_net_bind_service=+ep glassmail): %w", what, addr, flag, err)
	case isNoAddress(err):
		return fmt.Errorf("%s cannot listen on %s: this machine does not have that address (on macOS add it with: sudo ifconfig lo0 alias %s); choose another with %s: %w", what, addr, hostOf(addr), flag, err)
	}
	return fmt.Errorf("%s cannot listen on %s (choose another address with %s): %w", what, addr, flag, err)
}

func hostOf(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}
