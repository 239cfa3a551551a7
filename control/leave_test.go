package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// waits is a server whose one call is to wait until its context ends.
type waits struct {
	addr, token  string
	began, ended chan struct{}
	closed       chan struct{} // a connection has been given back
	running      sync.WaitGroup
}

func newWaits(t *testing.T) *waits {
	t.Helper()
	w := &waits{began: make(chan struct{}, 1), ended: make(chan struct{}, 1), closed: make(chan struct{}, 10)}
	file := filepath.Join(t.TempDir(), "control.json")
	s, err := Serve(file, Table{"wait": func(ctx context.Context, _ json.RawMessage, _ Progress) (any, error) {
		w.began <- struct{}{}
		<-ctx.Done()
		w.ended <- struct{}{}
		return nil, ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.http.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			w.closed <- struct{}{}
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var i info
	if err := json.Unmarshal(b, &i); err != nil {
		t.Fatal(err)
	}
	w.addr, w.token = i.Addr, i.Token
	w.running.Go(s.Run)
	t.Cleanup(func() {
		s.Close()
		w.running.Wait()
	})
	return w
}

// call sends a part of a call, up to n bytes.
func (w *waits) call(t *testing.T, n int) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	text := w.text()
	if _, err := io.WriteString(c, text[:min(n, len(text))]); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func (w *waits) text() string {
	return fmt.Sprintf("POST /wait HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull", w.token)
}

func wait(t *testing.T, c chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("in vain: " + what)
	}
}

// A program that leaves takes its call along, wherever in it it was.
func TestClientsLeave(t *testing.T) {
	for how, leave := range map[string]func(*net.TCPConn){
		"FIN":        func(c *net.TCPConn) { c.Close() },
		"RST":        func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
		"half of it": func(c *net.TCPConn) { c.CloseWrite() },
	} {
		t.Run(how, func(t *testing.T) {
			w := newWaits(t)
			whole := len(w.text())
			for _, n := range []int{0, 1, strings.Index(w.text(), "\r\n") + 2, whole - 4, whole - 2} {
				leave(w.call(t, n))
				wait(t, w.closed, fmt.Sprintf("the end of %d bytes", n))
			}
			c := w.call(t, whole)
			wait(t, w.began, "the call")
			leave(c)
			wait(t, w.ended, "the end of the call")
			wait(t, w.closed, "the end of its connection")
		})
	}
}
