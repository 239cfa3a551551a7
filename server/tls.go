package server

import (
	"crypto/tls"
	"fmt"
	"net"

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
