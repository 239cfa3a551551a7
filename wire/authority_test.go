package wire_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"glassmail/wire"
)

func authority(t *testing.T) *wire.Authority {
	t.Helper()
	a, err := wire.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAuthorityIsKept(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	a, err := wire.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Certificate(now, "hamburger.edu", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what  string
		now   time.Time
		names []string
		same  bool
	}{
		{"a day later", now.Add(24 * time.Hour), []string{"hamburger.edu", "127.0.0.1"}, true},
		{"with another name", now, []string{"hamburger.edu", "localhost"}, false},
		{"near its end", now.Add(380 * 24 * time.Hour), []string{"hamburger.edu", "localhost"}, false},
	} {
		got, err := b.Certificate(c.now, c.names...)
		if err != nil {
			t.Fatal(err)
		}
		if same := string(got.Certificate[0]) == string(first.Certificate[0]); same != c.same {
			t.Errorf("%s the certificate is the same: %v, want %v", c.what, same, c.same)
		}
	}
	for _, f := range []string{"ca-key.pem", "hamburger.edu-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, mode %v", f, err, info.Mode())
		}
	}
}

// What is lost of an authority decides what becomes of it.
func TestAuthorityIsDamaged(t *testing.T) {
	now := time.Now()
	blank := []byte{0, 0, 0}
	for _, c := range []struct {
		name      string
		cert, key []byte // nil: as it was; gone: removed
		want      string // "same", "new", or a part of the error
	}{
		{"whole", nil, nil, "same"},
		{"both empty", []byte{}, blank, "new"},
		{"no key, empty certificate", blank, []byte("gone"), "new"},
		{"certificate is gone", []byte("gone"), nil, "certified again"},
		{"certificate is empty", []byte{}, nil, "certified again"},
		{"certificate is junk", []byte("junk"), nil, "certified again"},
		{"certificate is half", []byte("half"), nil, "certified again"},
		{"key is gone", nil, []byte("gone"), "is missing"},
		{"key is empty", nil, blank, "is empty"},
		{"key is junk", nil, []byte("junk"), "no whole PEM block"},
		{"key is half", nil, []byte("half"), "no whole PEM block"},
		{"key of another", nil, otherKey(t), "it is not the key of ca.pem"},
		{"both junk", []byte("junk"), []byte("junk"), "remove both files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			a, err := wire.OpenAuthority(dir, now)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, "ca.pem"), c.cert)
			damage(t, filepath.Join(dir, "ca-key.pem"), c.key)
			b, err := wire.OpenAuthority(dir, now)
			if c.want == "same" || c.want == "new" || c.want == "certified again" {
				if err != nil {
					t.Fatal(err)
				}
				trusted := trusts(t, a, b, now)
				if trusted == (c.want == "new") || (len(b.Notes()) == 0) != (c.want == "same") {
					t.Errorf("who trusts the old authority trusts the new one: %v", trusted)
				}
				if again, err := wire.OpenAuthority(dir, now); err != nil || !trusts(t, b, again, now) || len(again.Notes()) > 0 {
					t.Errorf("the next start: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "remove both files") {
				t.Fatalf("error %v, want %q and the way to mend it", err, c.want)
			}
			for _, f := range []string{"ca.pem", "ca-key.pem"} { // as the error says
				os.Remove(filepath.Join(dir, f))
			}
			if _, err := wire.OpenAuthority(dir, now); err != nil {
				t.Errorf("with both files removed: %v", err)
			}
		})
	}
}

// damage does to a file what a case of the table says.
func damage(t *testing.T, file string, with []byte) {
	t.Helper()
	old, err := os.ReadFile(file)
	switch {
	case with == nil || err != nil:
	case string(with) == "gone":
		err = os.Remove(file)
	case string(with) == "half":
		err = os.WriteFile(file, old[:len(old)/2], 0o600)
	default:
		err = os.WriteFile(file, with, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func otherKey(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	if _, err := wire.OpenAuthority(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// trusts reports whether who trusts a takes a certificate that b made.
func trusts(t *testing.T, a, b *wire.Authority, now time.Time) bool {
	t.Helper()
	c, err := b.Certificate(now, "mail.hamburger.edu")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: "mail.hamburger.edu", CurrentTime: now})
	return err == nil
}
