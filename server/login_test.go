package server

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"

	"glassmail/config"
)

// dialFrom connects from one address of this machine.
func dialFrom(t *testing.T, from, to string) *textproto.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Skipf("no connection from %s, which belongs to this machine on Linux: %v", from, err)
	}
	text := textproto.NewConn(c)
	t.Cleanup(func() { text.Close() })
	if _, err := text.ReadLine(); err != nil { // the greeting
		t.Fatal(err)
	}
	return text
}

// smtpLogin is the code that a password gets over SMTP without TLS.
func smtpLogin(t *testing.T, from, to, user, password string) int {
	t.Helper()
	c := dialFrom(t, from, to)
	c.PrintfLine("EHLO crepes.fr")
	_, offers, err := c.ReadResponse(250)
	if err != nil || !strings.Contains(offers, "AUTH PLAIN") {
		t.Errorf("from %s to %s: %v %s", from, to, err, offers)
	}
	c.PrintfLine("AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)))
	code, _, _ := c.ReadResponse(0)
	return code
}

// imapLogin is the reply that a password gets over IMAP without TLS.
func imapLogin(t *testing.T, from, to, user, password string) string {
	t.Helper()
	c := dialFrom(t, from, to)
	c.PrintfLine("a LOGIN %s %s", user, password)
	line, err := c.ReadLine()
	if err != nil {
		t.Error(err)
	}
	return line
}

// A node as it is by default takes passwords without TLS from this machine, whichever of
// its loopback addresses the two ends have.
func TestPasswordsFromThisMachine(t *testing.T) {
	for _, to := range []string{"127.0.0.1", "127.0.0.2"} {
		n, _ := nodeWith(t, Options{}, func(c *config.Config) {
			c.Listen = config.Listen{Submission: []string{to + ":0"}, IMAP: []string{to + ":0"}}
		})
		for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
			if got := smtpLogin(t, from, n.Addrs("submission")[0], "bob", "secret-bob"); got != 235 {
				t.Errorf("SMTP from %s to %s: %d", from, to, got)
			}
			if got := imapLogin(t, from, n.Addrs("imap")[0], "bob", "secret-bob"); !strings.HasPrefix(got, "a OK") {
				t.Errorf("IMAP from %s to %s: %s", from, to, got)
			}
		}
	}
}

// Failed logins are counted together, whatever they came over, as often as the
// configuration says.
func TestFailedLoginsOfTheConfiguration(t *testing.T) {
	n, _ := nodeWith(t, Options{}, func(c *config.Config) {
		c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0"}, Submission: []string{"127.0.0.1:0"}, IMAP: []string{"127.0.0.1:0"}}
		c.Limits.FailedLogins = 3
	})
	pages := NewWebBackend(n)
	here := netip.MustParseAddr("127.0.0.1")
	for _, user := range []string{"bob", "nobody"} {
		if got := smtpLogin(t, here.String(), n.Addrs("submission")[0], user, "guess"); got != 535 {
			t.Errorf("%s, first: %d", user, got)
		}
		if got := imapLogin(t, here.String(), n.Addrs("imap")[0], user+"@hamburger.edu", "guess"); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED]") {
			t.Errorf("%s, second: %s", user, got)
		}
		if _, ok, err := pages.Login(t.Context(), here, strings.ToUpper(user), "guess"); ok || err != nil {
			t.Errorf("%s, third: %t %v", user, ok, err)
		}
		if got := smtpLogin(t, here.String(), n.Addrs("submission")[0], user, "secret-bob"); got != 454 {
			t.Errorf("%s, fourth: %d", user, got)
		}
		if got := imapLogin(t, here.String(), n.Addrs("imap")[0], user, "secret-bob"); !strings.HasPrefix(got, "a NO [UNAVAILABLE]") {
			t.Errorf("%s, fifth: %s", user, got)
		}
		if _, ok, err := pages.Login(t.Context(), here, user, "secret-bob"); ok || code(err) != 454 {
			t.Errorf("%s, sixth: %t %v", user, ok, err)
		}
	}
	if got := smtpLogin(t, "127.0.0.2", n.Addrs("submission")[0], "bob", "secret-bob"); got != 235 {
		t.Errorf("bob from another address: %d", got)
	}
}

// A neighbour's failures behind one address do not stop who has logged in from there
// before, at the pages as little as over SMTP; others they do.
func TestNeighboursFailures(t *testing.T) {
	n, _ := nodeWith(t, Options{Users: map[string]string{}}, func(c *config.Config) { c.Limits.FailedLogins = 1 })
	pages, office := NewWebBackend(n), netip.MustParseAddr("192.0.2.1")
	login := func(user, password string) string {
		_, ok, err := pages.Login(t.Context(), office, user, password)
		return fmt.Sprint(ok, code(err))
	}
	if got := login("bob", "secret-bob"); got != "true 250" {
		t.Fatal(got)
	}
	for i := range 5 {
		if got := login(fmt.Sprint("user", i), "guess"); got != "false 250" {
			t.Errorf("failure %d: %s", i, got)
		}
	}
	if got := login("carol", "guess"); got != "false 454" {
		t.Errorf("somebody else: %s", got)
	}
	if got := login("bob", "secret-bob"); got != "true 250" {
		t.Errorf("who was there before: %s", got)
	}
	if got := login("bob@hamburger.edu", "mistyped"); got != "false 250" {
		t.Errorf("his own first mistake: %s", got)
	}
	if got := login("bob", "secret-bob"); got != "false 454" {
		t.Errorf("after his own mistakes: %s", got)
	}
}
