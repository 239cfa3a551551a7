package wire_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"glassmail/trace"
	"glassmail/wire"
)

// A connection that waits for a command ends politely when it is cut; one in the middle
// of something loses its connection. Others go on.
func TestFrontsCut(t *testing.T) {
	log := trace.NewLog(100, time.Now)
	var all wire.Conns
	for _, atRest := range []bool{true, false} {
		here, there := net.Pipe()
		c := log.Open("crepes.fr", trace.SMTP, "127.0.0.1:25", "127.0.0.1:40000")
		f := wire.NewConn(here, wire.Timeouts{}, c)
		since := time.Unix(1000, 0)
		all.Enter(f, here, since)
		clients := all.Clients()
		if len(clients) != 1 || clients[0].Conn != c.ID() || clients[0].Node != "crepes.fr" || !clients[0].Since.Equal(since) {
			t.Errorf("clients %+v", clients)
		}
		if all.Cut(c.ID()+1) || all.Cut(0) {
			t.Error("a connection was cut that is not there")
		}
		ended := make(chan error, 1)
		go func() {
			_, err := f.ReadLine(time.Minute, atRest, 100)
			ended <- err
		}()
		if !all.Cut(c.ID()) {
			t.Error("the connection was not found")
		}
		if err := <-ended; errors.Is(err, wire.ErrStopping) != atRest {
			t.Errorf("at rest %v: %v", atRest, err)
		}
		if !atRest {
			if _, err := there.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the other end: %v", err)
			}
		}
		all.Leave(f)
		if all.Cut(c.ID()) || len(all.Clients()) != 0 {
			t.Error("a connection that left is still there")
		}
		there.Close()
		here.Close()
	}
}

// A client that reads nothing, to which its connection goes on sending, holds up
// nobody: others come and go, and an account's connections are cut.
func TestDeafClientHoldsUpNobody(t *testing.T) {
	var all wire.Conns
	here, there := net.Pipe() // nothing is read at the other end
	defer there.Close()
	deaf := wire.NewConn(here, wire.Timeouts{Write: time.Hour}, nil)
	all.Enter(deaf, here, time.Unix(1000, 0))
	deaf.LoggedIn("bob@hamburger.edu")
	sent := make(chan error, 1)
	go func() {
		sent <- errors.Join(deaf.Send([]byte("* 1 EXISTS\r\n")), deaf.Flush())
	}()
	if _, err := there.Read(make([]byte, 1)); err != nil { // it is in the middle of sending
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.CutAccount("carol@hamburger.edu")
		other, far := net.Pipe()
		defer far.Close()
		one := wire.NewConn(other, wire.Timeouts{}, nil)
		all.Enter(one, other, time.Unix(1000, 0))
		all.Leave(one)
		all.CutAccount("bob@hamburger.edu")
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it holds up the others")
	}
	if err := <-sent; err == nil {
		t.Error("the connection was not cut")
	}
}
