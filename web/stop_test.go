package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// stopping is a server whose handler says that it has begun, and waits.
func stopping(t *testing.T, wait func(*http.Request)) (s *Server, dial func() net.Conn, begun chan struct{}) {
	t.Helper()
	s, err := New(Options{Local: true, Lab: true})
	if err != nil {
		t.Fatal(err)
	}
	begun = make(chan struct{})
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		wait(r)
		io.WriteString(w, "whole")
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return s, func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}, begun
}

// A stop lets a request finish, and returns when it has.
func TestShutdownLetsRequestsFinish(t *testing.T) {
	finish := make(chan struct{})
	s, dial, begun := stopping(t, func(*http.Request) { <-finish })
	c := dial()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	ended := make(chan [2]int)
	go func() {
		cut, left := s.Shutdown(context.Background())
		ended <- [2]int{cut, left}
	}()
	<-s.ended.Done() // streams are told at once
	select {
	case <-ended:
		t.Error("the stop did not wait for a request")
	default:
	}
	close(finish)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if end := <-ended; string(body) != "whole" || err != nil || end != [2]int{} {
		t.Errorf("%q, %v, %v", body, err, end)
	}
	if cut, left := s.Shutdown(context.Background()); cut != 0 || left != 0 {
		t.Errorf("once more: %d, %d", cut, left)
	}
}

// A request that goes on for too long is cut; a stop waits for what it still does.
func TestShutdownCutsAtTheEnd(t *testing.T) {
	cut := make(chan struct{})
	s, dial, begun := stopping(t, func(r *http.Request) {
		<-r.Context().Done()
		close(cut)
	})
	io.WriteString(dial(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if cut, left := s.Shutdown(over); cut != 1 || left != 0 {
		t.Errorf("%d cut, %d left", cut, left)
	}
	select {
	case <-cut:
	default:
		t.Error("the stop did not wait for the request that it cut")
	}
}

// Who has asked for nothing is not waited for, whether there at the stop or later.
func TestStopHangsUpOnSilence(t *testing.T) {
	s, dial, begun := stopping(t, func(*http.Request) {})
	silent, asking := dial(), dial()
	io.WriteString(asking, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	answers := bufio.NewReader(asking)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	s.conns.stop() // not Shutdown, which hangs up on its own, five seconds later
	for _, c := range []net.Conn{silent, dial()} {
		if _, err := c.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("a silent connection: %v", err)
		}
	}
	asking.(*net.TCPConn).CloseWrite()
	if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the other one was cut: %v", err)
	}
}
