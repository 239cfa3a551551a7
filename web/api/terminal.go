package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/coder/websocket"
)

// Bounds of terminals.
const (
	maxTerminals    = 64
	maxTerminalLine = 64 << 10         // bytes of one message of the page
	terminalIdle    = 10 * time.Minute // without a word from either side
	terminalEnd     = time.Second      // for a page to say that it has heard of the end
)

func (a *API) terminalRoutes() []Route {
	return []Route{{Method: "GET", Path: "/terminals/ws", Role: Viewer, Stream: true, Handle: a.terminal}}
}

// terminal joins a page to a port of a node, raw bytes both ways. Only ports at
// which the nodes of this server listen can be reached.
func (a *API) terminal(c *Call) error {
	addr, err := a.port(c.URL.Query().Get("node"), c.URL.Query().Get("service"))
	if err != nil {
		return err
	}
	select {
	case a.terminals <- struct{}{}:
		defer func() { <-a.terminals }()
	default:
		return fault(http.StatusServiceUnavailable, "there are %d terminals already; close another", maxTerminals)
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	port, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fault(http.StatusBadGateway, "the node does not answer at its own port")
	}
	defer port.Close()
	// The origin has been checked already, as that of every request; Accept checks
	// it once more.
	page, err := websocket.Accept(c.W, c.Request, nil)
	if err != nil {
		return sent(err) // Accept has answered
	}
	defer page.CloseNow()
	page.SetReadLimit(maxTerminalLine)
	join(ctx, cancel, c.Ended, page, port)
	return nil
}

// port finds where a service of a node listens on this machine.
func (a *API) port(node, service string) (string, error) {
	if !slices.Contains([]string{"smtp", "submission", "imap"}, service) {
		return "", fault(http.StatusBadRequest, "service=%q: it may be smtp, submission or imap", service)
	}
	for _, n := range a.o.Nodes {
		if n.Name == node && len(n.Addrs[service]) > 0 {
			return n.Addrs[service][0], nil
		}
	}
	return "", fault(http.StatusNotFound, "no node %q listens for %s here", node, service)
}

// join carries bytes between page and port until one of them ends, or both are
// silent for too long. The page is told of the end before ctx ends, which would cut
// its connection.
func join(ctx context.Context, cancel context.CancelFunc, ended <-chan struct{}, page *websocket.Conn, port net.Conn) {
	idle := time.AfterFunc(terminalIdle, func() { port.Close() })
	defer idle.Stop()
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		defer cancel()
		for {
			_, b, err := page.Read(ctx)
			if err != nil {
				return
			}
			idle.Reset(terminalIdle)
			port.SetWriteDeadline(time.Now().Add(writeLimit))
			if _, err := port.Write(b); err != nil {
				return
			}
		}
	}()
	said := make(chan struct{})
	go func() {
		defer close(said)
		show(ctx, idle, page, port)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-said:
	}
	port.Close()
	defer time.AfterFunc(terminalEnd, cancel).Stop()
	page.Close(websocket.StatusNormalClosure, "the connection ended")
	cancel()
	<-typed
	<-said
}

// show carries what the port says.
func show(ctx context.Context, idle *time.Timer, page *websocket.Conn, port io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := port.Read(buf)
		if n > 0 {
			idle.Reset(terminalIdle)
			limited, done := context.WithTimeout(ctx, writeLimit)
			werr := page.Write(limited, websocket.MessageBinary, buf[:n])
			done()
			if werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
