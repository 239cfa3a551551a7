package sockets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// TCPClient connects to the server, sends each line of in and prints the answer
// on out. It waits for an answer for the given time.
func TCPClient(ctx context.Context, server string, wait time.Duration, in io.Reader, out io.Writer) error {
	dialer := net.Dialer{Timeout: wait}
	connection, err := dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	defer stop()
	fmt.Fprintf(out, "Connected: my side is %s, the server's is %s.\n", connection.LocalAddr(), connection.RemoteAddr())

	answers := bufio.NewScanner(connection)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		connection.SetDeadline(time.Now().Add(wait))
		if _, err := fmt.Fprintf(connection, "%s\n", lines.Text()); err != nil {
			if ctx.Err() != nil { // the connection was closed to stop the client
				return context.Cause(ctx)
			}
			return fmt.Errorf("send: %w", err)
		}
		fmt.Fprintf(out, "Sent %q.\n", lines.Text())
		if !answers.Scan() {
			return noAnswer(ctx, answers.Err(), wait)
		}
		fmt.Fprintf(out, "Got %q from %s.\n", answers.Text(), connection.RemoteAddr())
	}
	return lines.Err()
}

// noAnswer says why no line came.
func noAnswer(ctx context.Context, err error, wait time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return errors.New("the server closed the connection without an answer")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no line came back within %v: does the server end its answer with a line end?", wait)
	}
	return fmt.Errorf("receive: %w", err)
}
