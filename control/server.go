package control

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"glassmail/atomicfile"
)

const (
	maxBody = 4 << 20         // bytes of a request
	grace   = 2 * time.Second // for calls under way at Close
)

// Server serves a Table until Close.
type Server struct {
	file string
	http http.Server
	l    net.Listener

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // under way
}

// Serve listens and writes the file that clients look for. kinds are the errors
// that keep their identity on the way to the client, where errors.Is finds them
// by their text. Calls are answered once Run runs.
func Serve(file string, table Table, kinds ...error) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	i := info{Addr: l.Addr().String(), Token: rand.Text(), PID: os.Getpid()}
	s := &Server{file: file, l: l}
	s.http = http.Server{Handler: s.handler(i.Token, table, kinds), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	b, err := json.Marshal(i)
	if err == nil {
		err = atomicfile.Write(file, b, atomicfile.Private)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return s, nil
}

// Run answers calls until Close.
func (s *Server) Run() { s.http.Serve(s.l) }

// Close removes the file, ends Run and waits for the calls under way. The context
// of those that take longer than two seconds more ends; one that does not heed that
// is left alone after two more.
func (s *Server) Close() {
	os.Remove(s.file)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	s.l.Close() // Shutdown does not know it before Run
	done := make(chan struct{})
	go func() {
		s.calls.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(grace):
	}
}

// begin counts a call in, unless the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.calls.Add(1)
	}
	return !s.closed
}

func (s *Server) handler(token string, table Table, kinds []error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/prove" {
			io.WriteString(w, proof(token, r.URL.Query().Get("nonce")))
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "the token is wrong", http.StatusForbidden)
			return
		}
		if !s.begin() {
			http.Error(w, "it is ending", http.StatusServiceUnavailable)
			return
		}
		defer s.calls.Done()
		call, ok := table[r.URL.Path[1:]]
		var request json.RawMessage
		err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&request)
		if !ok || err != nil {
			http.Error(w, "there is no such call", http.StatusNotFound)
			return
		}
		result, err := call(r.Context(), request, progressLines(w))
		json.NewEncoder(w).Encode(answer(result, err, kinds))
	})
}

// progressLines writes progress to a client, at most four lines a second.
func progressLines(w http.ResponseWriter) Progress {
	var last time.Time
	out := http.NewResponseController(w)
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second/4 {
			last = now
			json.NewEncoder(w).Encode(reply{Progress: &[2]int64{done, total}})
			out.Flush()
		}
	}
}
