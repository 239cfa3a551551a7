package sockets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Limits of the TCP server.
const (
	maxClients  = 100             // connections served at the same time
	maxSentence = 64 << 10        // bytes of a line
	maxSilence  = 5 * time.Minute // for which a client may send nothing
)

// TCPServer accepts connections on addr and answers each line that arrives on
// one with the same line in upper case, until ctx ends. What it does it prints
// on out.
//
// The welcoming socket only accepts. Each client gets a connection socket of its
// own, with the same port on this side: the client's address and port tell the
// connections apart.
func TCPServer(ctx context.Context, addr string, out io.Writer) error {
	welcoming, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("open the TCP socket: %w", err)
	}
	defer welcoming.Close()
	stop := context.AfterFunc(ctx, func() { welcoming.Close() })
	defer stop()
	out = &oneAtATime{out: out}
	announce(out, "TCP", welcoming.Addr())

	var clients sync.WaitGroup
	defer clients.Wait()
	places := make(chan struct{}, maxClients)
	for {
		connection, err := welcoming.Accept()
		if ctx.Err() != nil {
			if err == nil {
				connection.Close()
			}
			return nil
		}
		if err != nil { // such as too many open files: it may pass
			fmt.Fprintf(out, "Accepting failed: %v\n", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			fmt.Fprintf(out, "%s came while %d others were served: closed\n", connection.RemoteAddr(), maxClients)
			connection.Close()
			continue
		}
		clients.Go(func() {
			defer func() { <-places }()
			answerTCP(ctx, connection, out)
		})
	}
}

// answerTCP serves one client. TCP carries a stream of bytes without borders:
// the end of a line tells where a sentence ends, however the bytes arrive.
func answerTCP(ctx context.Context, connection net.Conn, out io.Writer) {
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	defer stop()
	client := connection.RemoteAddr()
	fmt.Fprintf(out, "%s connected\n", client)

	lines := bufio.NewReaderSize(connection, maxSentence)
	for {
		connection.SetDeadline(time.Now().Add(maxSilence))
		sentence, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			fmt.Fprintf(connection, "A line may have %d bytes at most.\n", maxSentence)
			fmt.Fprintf(out, "%s sent a line of more than %d bytes: closed\n", client, maxSentence)
			return
		}
		if len(sentence) > 0 { // the last line may end with the stream
			answer := strings.ToUpper(string(sentence))
			fmt.Fprintf(out, "From %s: %q, answered %q\n", client, sentence, answer)
			if _, err := io.WriteString(connection, answer); err != nil {
				fmt.Fprintf(out, "The answer to %s could not be sent: %v\n", client, err)
				return
			}
		}
		if err != nil {
			fmt.Fprintf(out, "%s is gone\n", client)
			return
		}
	}
}

// oneAtATime lets the servants of several clients print on one writer.
type oneAtATime struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes p while nobody else writes.
func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out.Write(p)
}
