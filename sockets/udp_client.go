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

// UDPClient sends each line of in to the server and prints the answer on out. A
// datagram may get lost on the way, there and back, and UDP does not tell: the
// client waits for the given time, then sends again, tries times in all.
func UDPClient(ctx context.Context, server string, wait time.Duration, tries int, in io.Reader, out io.Writer) error {
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return fmt.Errorf("find the server: %w", err)
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := askUDP(ctx, to, lines.Text(), wait, tries, out); err != nil {
			return err
		}
	}
	return lines.Err()
}

// askUDP gets the answer to one sentence. The sentence has a socket, and so a
// port, of its own: a late answer to an earlier one cannot be taken for its own.
func askUDP(ctx context.Context, to *net.UDPAddr, sentence string, wait time.Duration, tries int, out io.Writer) error {
	socket, err := net.ListenPacket("udp", "") // "": any free port
	if err != nil {
		return fmt.Errorf("open the UDP socket: %w", err)
	}
	defer socket.Close()
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	own := socket.LocalAddr().(*net.UDPAddr).Port

	datagram := make([]byte, 65535)
	for try := 1; try <= tries; try++ {
		fmt.Fprintf(out, "Sent %q from my port %d to %s.\n", sentence, own, to)
		if _, err := socket.WriteTo([]byte(sentence), to); err != nil {
			if ctx.Err() != nil { // the socket was closed to stop the client
				return context.Cause(ctx)
			}
			return fmt.Errorf("send to %s: %w", to, err)
		}
		socket.SetReadDeadline(time.Now().Add(wait))
		n, from, err := socket.ReadFrom(datagram)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			fmt.Fprintf(out, "No answer within %v (try %d of %d).\n", wait, try, tries)
			continue
		}
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		fmt.Fprintf(out, "Got %q from %s.\n", datagram[:n], from)
		return nil
	}
	return fmt.Errorf("%s does not answer: no server may run there, or a firewall drops the datagrams; UDP cannot tell which", to)
}
