package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"glassmail/atomicfile"
)

// The files of an Authority in its folder.
const (
	caCertFile = "ca.pem"
	caKeyFile  = "ca-key.pem"
)

// OpenAuthority loads the authority in dir, or makes one at first start. The key
// is readable by its owner only.
//
// What is lost decides what becomes of broken files. Two empty ones held nothing:
// a new authority is made. The certificate can be made again from the key, and who
// trusts the old one trusts the new one, which has the same name and key. A lost
// key cannot be made again: that is an error, since clients trust its certificate.
// Notes tells what was made again.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	if err := atomicfile.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	a := &Authority{Dir: dir}
	if err := a.open(now); err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	return a, nil
}

func (a *Authority) open(now time.Time) error {
	certText, certErr := readPEMFile(filepath.Join(a.Dir, caCertFile))
	keyText, keyErr := readPEMFile(filepath.Join(a.Dir, caKeyFile))
	if err := errors.Join(certErr, keyErr); err != nil {
		return err
	}
	if len(certText) == 0 && len(keyText) == 0 {
		return a.begin(now, certText != nil || keyText != nil)
	}
	key, err := parseKey(keyText)
	if err != nil {
		return a.lostKey(err)
	}
	cert, err := parseCertificate(certText)
	if err != nil {
		return a.renewOwn(now, key, err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return a.lostKey(fmt.Errorf("it is not the key of %s", caCertFile))
	}
	a.cert, a.key, a.der = cert, key, cert.Raw
	return nil
}

// readPEMFile returns nil if there is no such file, and nothing, but not nil, if
// it is empty; a file of blanks or zeros is empty, as power cuts leave it.
func readPEMFile(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if len(bytes.Trim(b, "\x00 \t\r\n")) == 0 {
		b = []byte{}
	}
	return b, err
}

// begin makes the authority and its files.
func (a *Authority) begin(now time.Time, again bool) error {
	if err := a.create(now); err != nil {
		return err
	}
	if again {
		a.note("%s and %s in %s were empty: a new certificate authority was made; clients that trusted an earlier %s must trust the new one",
			caCertFile, caKeyFile, a.Dir, caCertFile)
	}
	return writePair(filepath.Join(a.Dir, caCertFile), filepath.Join(a.Dir, caKeyFile), a.der, a.key)
}

// renewOwn makes the certificate again from the key.
func (a *Authority) renewOwn(now time.Time, key *ecdsa.PrivateKey, why error) error {
	if err := a.certify(now, key); err != nil {
		return err
	}
	a.note("%s: %v: the certificate was made again from its key; who trusts the old one trusts this one",
		filepath.Join(a.Dir, caCertFile), why)
	return writeCertificate(filepath.Join(a.Dir, caCertFile), a.der)
}

// lostKey says how an authority whose key cannot be used is mended.
func (a *Authority) lostKey(why error) error {
	return fmt.Errorf("the key %s cannot be used: %w\nClients trust the authority by %s, and nobody can make its key again."+
		" Put %s back from a backup; or remove both files: the next start makes a new authority, which every client must trust anew",
		filepath.Join(a.Dir, caKeyFile), why, caCertFile, caKeyFile)
}

func parseKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	switch {
	case text == nil:
		return nil, errors.New("the file is missing")
	case len(text) == 0:
		return nil, errors.New("the file is empty")
	case block == nil:
		return nil, errors.New("the file holds no whole PEM block")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an ECDSA key")
	}
	return key, nil
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	switch {
	case text == nil:
		return nil, errors.New("the file was missing")
	case len(text) == 0:
		return nil, errors.New("the file was empty")
	case block == nil:
		return nil, errors.New("the file held no whole PEM block")
	}
	return x509.ParseCertificate(block.Bytes)
}
