package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/server/smtpd"
	"glassmail/trace"
	"glassmail/wire"
)

// nullCommand is the word after which this program is the null server.
const nullCommand = "null-server"

// nullPost takes everything and keeps nothing: what a server with it costs is
// the connection, go-smtp and the parts in front of it.
type nullPost struct{}

func (nullPost) Login(context.Context, mail.Peer, string, string) (mail.Address, error) {
	return mail.Address{}, errors.New("nobody logs in")
}

func (nullPost) Sender(context.Context, mail.Peer, mail.Address) error { return nil }

func (nullPost) Recipient(context.Context, *mail.Envelope, mail.Address) error { return nil }

func (nullPost) Accept(_ context.Context, e *mail.Envelope, text io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, text)
	return e.ID, err
}

// nullTrace is the number of events that the server remembers, as with
// "glassmail serve".
const nullTrace = 5000

// serveNull serves until its input ends. The first line it prints is its address.
func serveNull(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := smtpd.New(smtpd.Options{
		Name: "hamburger.edu", Backend: nullPost{}, Clock: wire.System{}, Trace: trace.NewLog(nullTrace, time.Now),
		Limits: smtpd.Limits{Connections: 10_000, PerAddr: 10_000},
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	if _, err = fmt.Fprintln(out, l.Addr()); err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	cancel()
	return errors.Join(err, <-served)
}

// startNull runs this program as a null server.
func startNull(ctx context.Context, p place) (*subject, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &subject{name: nullName, group: newGroup(filepath.Base(p.dir))}
	cmd := s.group.command(p.under, self, nullCommand)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, errors.Join(err, s.group.remove())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, s.group.remove())
	}
	s.group.root = cmd.Process.Pid
	late := time.AfterFunc(startTime, func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	late.Stop()
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() { // Wait closes out, so it comes after the line
		defer close(c.done)
		c.err = cmd.Wait()
	}()
	s.stop = func() error { return errors.Join(in.Close(), c.end(s.name), s.group.remove()) }
	if err != nil {
		err = errors.Join(err, s.stop())
		return nil, fmt.Errorf("null server: %w\n%s", err, complaints.String())
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}
