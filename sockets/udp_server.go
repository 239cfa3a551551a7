package sockets

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// UDPServer answers each datagram that arrives on addr with the same text in
// upper case, until ctx ends. What it does it prints on out.
//
// One socket serves all clients: every datagram carries the address and port of
// its sender, and the answer goes back there.
func UDPServer(ctx context.Context, addr string, out io.Writer) error {
	socket, err := net.ListenPacket("udp", addr)
	if err != nil {
		return fmt.Errorf("open the UDP socket: %w", err)
	}
	defer socket.Close()
	// Closing the socket wakes ReadFrom when it is time to stop.
	stop := context.AfterFunc(ctx, func() { socket.Close() })
	defer stop()
	announce(out, "UDP", socket.LocalAddr())

	datagram := make([]byte, 65535) // the largest that UDP can carry
	for {
		n, client, err := socket.ReadFrom(datagram)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		sentence := string(datagram[:n])
		answer := strings.ToUpper(sentence)
		fmt.Fprintf(out, "From %s: %q, answered %q\n", client, sentence, answer)
		if _, err := socket.WriteTo([]byte(answer), client); err != nil {
			fmt.Fprintf(out, "The answer to %s could not be sent: %v\n", client, err)
		}
	}
}
