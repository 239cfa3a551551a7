package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"slices"

	"glassmail/wire"
)

// loadTLS reads a certificate that the operator brought.
func loadTLS(certificate, key string) (*tls.Config, error) {
	c, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate = %q, tls.key = %q: %w", certificate, key, err)
	}
	return wire.ServerTLS(c), nil
}

// ListenTLS wraps a listener of the web in TLS with the node's certificate.
func (n *Node) ListenTLS(l net.Listener) net.Listener { return tls.NewListener(l, n.webTLS) }

// tlsConfig is the certificate of the configuration, or one of our own.
func (n *Node) tlsConfig() (*tls.Config, error) {
	t := n.o.Config.TLS
	if t.Certificate != "" {
		return loadTLS(t.Certificate, t.Key)
	}
	now := n.o.Host.Clock().Now()
	a := n.o.Authority
	if a == nil {
		var err error
		if a, err = wire.OpenAuthority(filepath.Join(n.o.Config.Data, "tls"), now); err != nil {
			return nil, err
		}
	}
	names := []string{n.name}
	for _, d := range n.o.Config.Domains {
		names = append(names, d, "mail."+d)
	}
	names = distinct(append(names, "localhost", "127.0.0.1", "::1"))
	cert, err := a.Certificate(now, names...)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	for _, line := range a.Notes() {
		n.log.Warn(line)
	}
	return wire.ServerTLS(cert), nil
}

// distinct leaves out what stood there before.
func distinct(names []string) (out []string) {
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
