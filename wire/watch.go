package wire

import (
	"bufio"
	"cmp"
	"net"
	"sync"
	"time"
)

// watchAfter is how long a command may run before its client is watched: most have
// been answered by then, and cost nothing.
const watchAfter = 500 * time.Millisecond

// Watch calls gone once if the other side of conn ends the connection, or its half of
// it, while nobody reads: for as long as a command is carried out that nobody may wait
// for any more. It begins after a while; 0 is half a second. What arrives meanwhile is
// kept in br for the next read, as much as it holds; behind more than that the end is
// not seen. The caller does not read before it has called stop, which waits for gone and
// may leave a read deadline that has passed.
func Watch(conn net.Conn, br *bufio.Reader, after time.Duration, gone func()) (stop func()) {
	w := &watch{conn: conn, br: br, gone: gone, done: make(chan struct{})}
	timer := time.AfterFunc(cmp.Or(after, watchAfter), w.run)
	return func() {
		if timer.Stop() {
			return
		}
		w.stop()
	}
}

// watch is a Watch that has begun.
type watch struct {
	conn    net.Conn
	br      *bufio.Reader
	gone    func()
	mu      sync.Mutex
	stopped bool
	done    chan struct{}
}

func (w *watch) run() {
	defer close(w.done)
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	w.conn.SetReadDeadline(time.Time{})
	w.mu.Unlock()
	for n := w.br.Buffered(); n < w.br.Size(); n = w.br.Buffered() {
		if _, err := w.br.Peek(n + 1); err != nil {
			w.mu.Lock()
			stopped := w.stopped
			w.mu.Unlock()
			if !stopped {
				w.gone()
			}
			return
		}
	}
}

// stop ends the wait for more.
func (w *watch) stop() {
	w.mu.Lock()
	w.stopped = true
	w.conn.SetReadDeadline(time.Unix(1, 0))
	w.mu.Unlock()
	<-w.done
}
