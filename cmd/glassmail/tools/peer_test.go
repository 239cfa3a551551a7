package tools

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dialog"
)

func TestMain(m *testing.M) {
	os.Setenv("GLASSMAIL_LANG", "en") // the tests read English, whatever their user reads
	goleak.VerifyTestMain(m)
}

// scripted is a server that plays one script for one connection.
type scripted struct {
	addr string
	done chan error
}

// script starts such a server on a port of its own.
func script(t *testing.T, text string, cfg *tls.Config) *scripted {
	t.Helper()
	parsed, err := dialog.Parse("server", text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{addr: l.Addr().String(), done: make(chan error, 1)}
	go func() {
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			s.done <- err
			return
		}
		p := &dialog.Player{Dial: dialog.Over(c), Server: true, TLS: cfg}
		s.done <- p.Play(context.Background(), parsed)
	}()
	t.Cleanup(func() { l.Close() })
	return s
}

// host and port are the two arguments of telnet.
func (s *scripted) host() string { h, _, _ := net.SplitHostPort(s.addr); return h }
func (s *scripted) port() string { _, p, _ := net.SplitHostPort(s.addr); return p }

// went fails the test unless the script was played to its end.
func (s *scripted) went(t *testing.T) {
	t.Helper()
	if err := <-s.done; err != nil {
		t.Errorf("the server: %v", err)
	}
}

// runs executes a command and returns what it printed. No lab of the machine on
// which the test runs is visible.
func runs(t *testing.T, cmd *cobra.Command, stdin string, args ...string) (string, error) {
	t.Helper()
	private(t)
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// private gives the test a cache folder of its own.
func private(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, k := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(k, dir)
	}
}

// code is the exit code of err.
func code(err error) int {
	var e *cli.Exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return -1
}

// contains checks that all parts are in text, in this order.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		i := strings.Index(rest, p)
		if i < 0 {
			t.Errorf("%q is missing, or not at its place, in\n%s", p, text)
			return
		}
		rest = rest[i+len(p):]
	}
}

// certificate is a server's TLS configuration for the host, and a PEM file with
// which a client trusts it.
func certificate(t *testing.T, host string) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}
