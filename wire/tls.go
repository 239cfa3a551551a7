package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"path/filepath"
	"time"

	"glassmail/atomicfile"
)

// Life of self-made certificates.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 397 * 24 * time.Hour // what clients accept at most
	renewBefore     = 30 * 24 * time.Hour
)

// Authority is a certificate authority of our own: a node that has no
// certificate makes itself one, and a user who trusts ca.pem trusts the node.
type Authority struct {
	Dir   string
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	der   []byte
	notes []string
}

// Notes are lines for the operator, since the last call: which files of the
// authority were broken and have been made again.
func (a *Authority) Notes() []string {
	notes := a.notes
	a.notes = nil
	return notes
}

func (a *Authority) note(format string, args ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}

// NewAuthority makes an authority that lives in memory only.
func NewAuthority(now time.Time) (*Authority, error) {
	a := &Authority{}
	return a, a.create(now)
}

func (a *Authority) create(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return a.certify(now, key)
}

// certify makes the authority's own certificate for its key.
func (a *Authority) certify(now time.Time, key *ecdsa.PrivateKey) error {
	serial, err := serialNumber()
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "glassmail local authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	a.cert, a.key, a.der = cert, key, der
	return nil
}

// Certificate returns a certificate for names (DNS names or IP addresses), kept
// in the authority's folder under the first of them and renewed 30 days before
// its end.
func (a *Authority) Certificate(now time.Time, names ...string) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("a certificate needs a name")
	}
	certFile := filepath.Join(a.Dir, names[0]+".pem")
	keyFile := filepath.Join(a.Dir, names[0]+"-key.pem")
	if a.Dir != "" {
		c, err := tls.LoadX509KeyPair(certFile, keyFile)
		switch {
		case err == nil && a.fresh(c.Leaf, now, names):
			c.Certificate = append(c.Certificate, a.der)
			return c, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			a.note("%s and its key cannot be used (%v): a new certificate of the same authority was made", certFile, err)
		}
	}
	der, key, err := a.issue(now, names)
	if err != nil {
		return tls.Certificate{}, err
	}
	if a.Dir != "" {
		if err := writePair(certFile, keyFile, der, key); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.Certificate{Certificate: [][]byte{der, a.der}, PrivateKey: key}, nil
}

func (a *Authority) fresh(c *x509.Certificate, now time.Time, names []string) bool {
	if now.After(c.NotAfter.Add(-renewBefore)) || c.CheckSignatureFrom(a.cert) != nil {
		return false
	}
	for _, n := range names {
		if c.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

func (a *Authority) issue(now time.Time, names []string) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	return der, key, err
}

// Pool trusts this authority.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// ServerTLS is the configuration of our listeners: TLS 1.2 and up (RFC 8996).
func ServerTLS(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}
}

// TLSInfo names version and cipher.
func TLSInfo(s tls.ConnectionState) string {
	return tls.VersionName(s.Version) + " " + tls.CipherSuiteName(s.CipherSuite)
}

func serialNumber() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

// writePair writes the key before the certificate, so that a crash never leaves a
// certificate without its key.
func writePair(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k}), atomicfile.Private); err != nil {
		return err
	}
	return writeCertificate(certFile, der)
}

func writeCertificate(file string, der []byte) error {
	return atomicfile.Write(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}
