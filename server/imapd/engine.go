package imapd

import (
	"net"
	"sync"

	"github.com/emersion/go-imap/v2/imapserver"
)

// engine is go-imap's server behind a listener that never listened: its
// connections are fronts.
type engine struct {
	server *imapserver.Server
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	wg     sync.WaitGroup
}

func startEngine(o *imapserver.Options) *engine {
	e := &engine{server: imapserver.New(o), conns: make(chan net.Conn), closed: make(chan struct{})}
	e.wg.Go(func() { e.server.Serve(e) })
	return e
}

// Accept hands over the next front.
func (e *engine) Accept() (net.Conn, error) {
	select {
	case c := <-e.conns:
		return c, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (e *engine) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// Addr is that of no socket.
func (e *engine) Addr() net.Addr { return &net.TCPAddr{} }

// close ends the engine; its connections have ended before.
func (e *engine) close() {
	e.Close()
	e.wg.Wait()
	e.server.Close()
}
