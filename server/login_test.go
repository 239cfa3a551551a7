package server

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"

	"glassmail/auth"
	"glassmail/config"
	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/wire"
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

func TestLogin(t *testing.T) {
	p := office(t)
	for _, c := range []struct {
		user, password string
		want           int
	}{
		{"bob", "secret", 250}, {"bob@hamburger.edu", "secret", 250}, {"Bob@Hamburger.EDU", "secret", 250},
		{"bob", "wrong", 535}, {"nobody", "secret", 535}, {"bob@crepes.fr", "secret", 535}, {"", "", 535},
	} {
		got, err := p.Login(t.Context(), mail.Peer{}, c.user, c.password)
		if code(err) != c.want || err == nil && got.String() != "bob@hamburger.edu" {
			t.Errorf("login %s/%s: %v, %v; want %d", c.user, c.password, got, err, c.want)
		}
	}
}

// Who guesses is refused for a while, with the right password too; others are not,
// and a user's name in all its forms is one account.
func TestGuessing(t *testing.T) {
	p := office(t)
	clock := p.clock.(*wire.Manual)
	p.guesses = auth.NewAttempts(clock.Now, 0)
	login := func(from, user, password string) int {
		peer := mail.Peer{Addr: netip.MustParseAddrPort(from + ":4711")}
		_, err := p.Login(t.Context(), peer, user, password)
		return code(err)
	}
	for range auth.FailuresOfPair - 1 {
		if got := login("192.0.2.1", "bob", "guess"); got != 535 {
			t.Fatalf("a guess: %d", got)
		}
	}
	if got := login("192.0.2.1", "BOB@hamburger.edu", "guess"); got != 535 {
		t.Fatalf("the last guess: %d", got)
	}
	for _, c := range []struct {
		from, user string
		want       int
	}{
		{"192.0.2.1", "bob", 454}, {"192.0.2.1", "bob@hamburger.edu", 454}, {"192.0.2.1", "carol", 250}, {"192.0.2.2", "bob", 250},
	} {
		if got := login(c.from, c.user, "secret"); got != c.want {
			t.Errorf("login as %s from %s: %d, want %d", c.user, c.from, got, c.want)
		}
	}
	clock.Advance(auth.FailureWindow)
	if got := login("192.0.2.1", "bob", "secret"); got != 250 {
		t.Errorf("after the time is over: %d", got)
	}
}

// A name with an account and one without are counted and answered alike, however they
// are spelt, and over SMTP, IMAP and the pages together.
func TestAccountsCannotBeTold(t *testing.T) {
	p := office(t)
	p.dir.domains = append(p.dir.domains, "crepes.fr")
	p.guesses = auth.NewAttempts(p.clock.Now, 0)
	peer := netip.MustParseAddrPort("192.0.2.1:4711")
	pages := &WebBackend{nodes: []*webNode{{backend: p}}}
	for _, user := range []string{"bob", "nobody"} {
		spellings := []string{user, user + "@hamburger.edu", strings.ToUpper(user) + "@HAMBURGER.EDU", " " + user + "@hamburger.edu"}
		for i := range auth.FailuresOfPair + 1 {
			spelling := spellings[i%len(spellings)]
			want := 535
			if i == auth.FailuresOfPair {
				want = 454
			}
			var got int
			switch i % 3 {
			case 0:
				_, err := p.Login(t.Context(), mail.Peer{Addr: peer}, spelling, "guess")
				got = code(err)
			case 1:
				_, err := imapBackend{backend: p}.Login(t.Context(), spelling, "guess", mail.Peer{Addr: peer})
				got = code(err)
			case 2:
				_, ok, err := pages.Login(t.Context(), peer.Addr(), spelling, "guess")
				if got = code(err); err == nil && !ok {
					got = 535
				}
			}
			if got != want {
				t.Errorf("try %d as %q: %d, want %d", i+1, spelling, got, want)
			}
		}
	}
}

// Two people of two domains have the same name: who knows the password of one comes no
// nearer to that of the other, and the failures at one do not stop the other.
func TestSameNameInTwoDomains(t *testing.T) {
	p := office(t)
	p.dir.domains = append(p.dir.domains, "crepes.fr")
	if err := NewAdmin(p.store, p.clock.Now).AddAccount(t.Context(), "bob@crepes.fr", "pickles", 0); err != nil {
		t.Fatal(err)
	}
	p.guesses = auth.NewAttempts(p.clock.Now, 0)
	login := func(user, password string) int {
		_, err := p.login(t.Context(), mail.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:4711")}, user, password)
		return code(err)
	}
	told := map[int]int{}
	for range 2 * auth.FailuresOfPair {
		if got := login("bob@crepes.fr", "pickles"); got != 250 {
			t.Errorf("the right password of one: %d", got)
		}
		told[login("bob@hamburger.edu", "guess")]++
	}
	if told[535] != auth.FailuresOfPair {
		t.Errorf("guesses at the other: %v", told)
	}
	if got := login("bob", "pickles"); got != 454 { // it is nobody's name, and is counted with the first domain
		t.Errorf("a name that is not one's own: %d", got)
	}
}

// However an account is spelt to log in, it is counted as what its address is, and a name
// without an account alike.
func TestOneSpellingIsCounted(t *testing.T) {
	d := &directory{domains: []string{"hamburger.edu", "xn--bcher-kva.example"}}
	for want, spellings := range map[string][]string{
		"bob@hamburger.edu":         {"bob", "BOB", " bob@hamburger.edu\t", "Bob@Hamburger.EDU", `"bob"@hamburger.edu`, `"bob"`},
		"bob@xn--bcher-kva.example": {"bob@bücher.example", "BOB@BÜCHER.example", "bob@XN--BCHER-KVA.example"},
		"björn@hamburger.edu":       {"björn", "bjo\u0308rn", "bjo\u0308rn@hamburger.edu"},
	} {
		for _, s := range spellings {
			if got := d.counted(s); got != want {
				t.Errorf("%q is counted as %q, want %q", s, got, want)
			}
			if key, ok := mailbox.CanonicalString(s); ok && key != want {
				t.Errorf("%q is looked for as %q", s, key)
			}
		}
	}
	for _, s := range []string{"", "@", "bob@", "@hamburger.edu", "bob bob", "\x00", strings.Repeat("x", 1<<16)} {
		first := d.counted(s) // any name does, the same one each time
		if again := d.counted(s); again != first {
			t.Errorf("%.20q", s)
		}
	}
}

// 90 passwords at one time at one account: ten are looked at.
func TestGuessesAtOneTime(t *testing.T) {
	p := office(t)
	p.guesses = auth.NewAttempts(p.clock.Now, 0)
	codes := make(chan int, 90)
	for range 90 {
		go func() {
			_, err := p.Login(t.Context(), mail.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:4711")}, "bob", "guess")
			codes <- code(err)
		}()
	}
	told := map[int]int{}
	for range 90 {
		told[<-codes]++
	}
	if told[535] != auth.FailuresOfPair || told[454] != 90-auth.FailuresOfPair {
		t.Errorf("replies %v", told)
	}
}
