package tools

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"glassmail/lab/book"
	"glassmail/wire"
)

// Book finds hosts by the names they have within the labs that run on this
// machine. The zero Book knows no names and dials as the system does.
type Book struct {
	labs []book.Book
	host wire.Host // nil is the operating system
}

// OpenBook reads the address books of the running labs of this user.
func OpenBook() Book {
	dir, err := book.Dir()
	if err != nil {
		return Book{}
	}
	return Book{labs: book.Running(dir)}
}

// Find is the address and port at which a lab's server listens that is known as
// hostport, such as mail.hamburger.edu:25.
func (b Book) Find(hostport string) (string, bool) {
	for _, lab := range b.labs {
		if addr, ok := lab.Find(hostport); ok {
			return addr, true
		}
	}
	return "", false
}

// Dial connects to hostport over TCP: to the lab's server of that name if a lab
// has one that answers, else to the host of that name on the network.
func (b Book) Dial(ctx context.Context, hostport string) (net.Conn, error) {
	host := b.host
	if host == nil {
		host = wire.OS{}
	}
	if addr, ok := b.Find(hostport); ok {
		// The number of a lab that was killed may belong to another process now.
		if c, err := host.Dial(ctx, "tcp", addr); err == nil {
			return c, nil
		}
	}
	c, err := host.Dial(ctx, "tcp", hostport)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w%s", hostport, err, remedy(err))
	}
	return c, nil
}

// remedy says what may help when nobody answers.
func remedy(err error) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "; names of the lecture are known while 'glassmail lab' runs"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": nothing listens there; does the server run, and is it this port?"
	}
	return ""
}

// hostPort joins a host and the number or name of a TCP port.
func hostPort(ctx context.Context, host, port string) (string, error) {
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return "", fmt.Errorf("%q is not the number or name of a port", port)
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}
