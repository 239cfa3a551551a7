package tools

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// authenticate proves who the sender is, with PLAIN (RFC 4616) or LOGIN, which
// the server must have offered. secure tells that TLS protects the connection:
// without it a password leaves this machine only if nobody is on the way.
func (p *peer) authenticate(user, password string, secure bool) error {
	if !secure && !loopback(p.conn.RemoteAddr()) {
		return errors.New("the password would be readable on the way: use --tls require or implicit")
	}
	offered, ok := p.can["AUTH"]
	if !ok {
		return fmt.Errorf("AUTH, perhaps before TLS or on this port: %w", errMissing)
	}
	var a answer
	var err error
	switch mechanisms := strings.Fields(strings.ToUpper(offered)); {
	case slices.Contains(mechanisms, "PLAIN"):
		a, err = p.secret("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)), "AUTH PLAIN "+masked)
	case slices.Contains(mechanisms, "LOGIN"):
		a, err = p.login(user, password)
	default:
		return fmt.Errorf("AUTH with PLAIN or LOGIN (there is %s): %w", printable(offered), errMissing)
	}
	if err == nil && a.code != 235 {
		err = fmt.Errorf("the server refused the name or the password: %w", a.refusal())
	}
	return err
}

func (p *peer) login(user, password string) (answer, error) {
	a, err := p.command("AUTH LOGIN")
	for _, secret := range []string{user, password} {
		if err != nil || a.code != 334 {
			return a, err
		}
		a, err = p.secret(base64.StdEncoding.EncodeToString([]byte(secret)), masked)
	}
	return a, err
}

// loopback reports whether addr belongs to this machine.
func loopback(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}
