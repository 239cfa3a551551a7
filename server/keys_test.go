package server

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"glassmail/config"
	"glassmail/wire"
)

// keyed runs a node with bob that listens as the keys say.
func keyed(t *testing.T, set func(*config.Config)) *Node {
	t.Helper()
	n, _ := nodeWith(t, Options{}, func(c *config.Config) {
		c.Listen = config.Listen{}
		set(c)
	})
	return n
}

// talk connects to a listener and returns what it says first; dial is that of net or of
// tls.
func talk(t *testing.T, c net.Conn, err error) (*textproto.Conn, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute)) // a last resort
	text := textproto.NewConn(c)
	t.Cleanup(func() { text.Close() })
	line, err := text.ReadLine()
	if err != nil {
		t.Fatal(err)
	}
	return text, line
}

func plainly(t *testing.T, addr string) (*textproto.Conn, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	return talk(t, c, err)
}

// ehlo is what an SMTP service offers.
func ehlo(t *testing.T, c *textproto.Conn) string {
	t.Helper()
	c.PrintfLine("EHLO crepes.fr")
	_, offers, err := c.ReadResponse(250)
	if err != nil {
		t.Fatal(err)
	}
	return "\n" + offers + "\n"
}

// says sends a command and reports the code of its reply.
func says(t *testing.T, c *textproto.Conn, command string) int {
	t.Helper()
	c.PrintfLine("%s", command)
	code, _, err := c.ReadResponse(0)
	if code == 0 {
		t.Fatalf("%s: %v", command, err)
	}
	return code
}

func TestKeysNameAndWording(t *testing.T) {
	for _, c := range []struct{ name, wording, greeting, hello string }{
		{"", "plain", "220 hamburger.edu ESMTP ", "250 hamburger.edu "},
		{"mx.hamburger.edu", "plain", "220 mx.hamburger.edu ESMTP ", "250 mx.hamburger.edu "},
		{"", "lecture", "220 hamburger.edu", "250 Hello crepes.fr, pleased to meet you"},
	} {
		n := keyed(t, func(conf *config.Config) {
			conf.Name, conf.Wording, conf.Listen.SMTP = c.name, c.wording, []string{"127.0.0.1:0"}
		})
		conn, greeting := plainly(t, n.Addrs("smtp")[0])
		conn.PrintfLine("HELO crepes.fr")
		hello, err := conn.ReadLine()
		if err != nil || !strings.HasPrefix(greeting+" ", c.greeting) || !strings.HasPrefix(hello+" ", c.hello) {
			t.Errorf("%+v: %q, %q, %v", c, greeting, hello, err)
		}
	}
}

// Each listener is what its comment says: users send at submission over STARTTLS and at
// submissions over TLS from the start, read at imap and imaps likewise; others bring mail
// to smtp without logging in. An empty list switches one off, and there may be several.
func TestKeysListen(t *testing.T) {
	here := []string{"127.0.0.1:0"}
	n := keyed(t, func(c *config.Config) {
		c.Listen = config.Listen{SMTP: []string{"127.0.0.1:0", "127.0.0.1:0"}, Submission: here, Submissions: here, IMAP: here, IMAPS: here}
	})
	trust := &tls.Config{RootCAs: authority(t, n), ServerName: "mail.hamburger.edu"}
	implicit := func(key string) (*textproto.Conn, string) {
		c, err := tls.Dial("tcp", n.Addrs(key)[0], trust)
		return talk(t, c, err)
	}
	for _, addr := range n.Addrs("smtp") {
		smtp, _ := plainly(t, addr)
		if offers := ehlo(t, smtp); !strings.Contains(offers, "\nSTARTTLS\n") || says(t, smtp, "MAIL FROM:<alice@crepes.fr>") != 250 ||
			says(t, smtp, "RCPT TO:<bob@hamburger.edu>") != 250 {
			t.Errorf("smtp: %s", offers)
		}
	}
	submission, _ := plainly(t, n.Addrs("submission")[0])
	if offers := ehlo(t, submission); !strings.Contains(offers, "\nSTARTTLS\n") || says(t, submission, "MAIL FROM:<bob@hamburger.edu>") != 530 {
		t.Errorf("submission: %s", offers)
	}
	submissions, _ := implicit("submissions")
	if offers := ehlo(t, submissions); strings.Contains(offers, "STARTTLS") || says(t, submissions, "MAIL FROM:<bob@hamburger.edu>") != 530 {
		t.Errorf("submissions: %s", offers)
	}
	if _, greeting := plainly(t, n.Addrs("imap")[0]); !strings.Contains(greeting, " STARTTLS ") {
		t.Errorf("imap: %s", greeting)
	}
	if _, greeting := implicit("imaps"); strings.Contains(greeting, "STARTTLS") || !strings.Contains(greeting, "AUTH=PLAIN") {
		t.Errorf("imaps: %s", greeting)
	}
	n = keyed(t, func(c *config.Config) {})
	for _, s := range n.o.Config.Listen.All() {
		if addrs := n.Addrs(s.Key); len(addrs) > 0 {
			t.Errorf("%s listens at %v", s.Key, addrs)
		}
	}
}

// authority is the node's own, which it keeps in the folder tls of its data.
func authority(t *testing.T, n *Node) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.o.Config.Data, "tls", "ca.pem"))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%v %s", err, text)
	}
	return pool
}

// An operator's certificate is the one that clients see; one that cannot be read is
// named with its key.
func TestKeysCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, err := wire.OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Certificate(time.Now(), "operators.example"); err != nil {
		t.Fatal(err)
	}
	certificate, key := leaf(t, dir)
	n := keyed(t, func(c *config.Config) {
		c.TLS.Certificate, c.TLS.Key, c.Listen.IMAPS = certificate, key, []string{"127.0.0.1:0"}
	})
	c, err := tls.Dial("tcp", n.Addrs("imaps")[0], &tls.Config{RootCAs: ca.Pool(), ServerName: "operators.example"})
	talk(t, c, err)
	if _, err := os.Stat(filepath.Join(n.o.Config.Data, "tls")); err == nil {
		t.Error("beside the operator's certificate it has made one of its own")
	}
	conf := n.o.Config
	conf.Data, conf.TLS.Key = t.TempDir(), filepath.Join(dir, "none.pem")
	if n, err := New(t.Context(), Options{Config: conf, Host: wire.OS{}, Resolver: net.DefaultResolver}); err == nil || !strings.Contains(err.Error(), "tls.key") {
		t.Errorf("a key that is not there: %v", err)
		n.Close()
	}
}

// leaf finds the certificate that an authority has made in its folder, with its key.
func leaf(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range files {
		for _, k := range files {
			pair, err := tls.LoadX509KeyPair(c, k)
			if err == nil && pair.Leaf != nil && !pair.Leaf.IsCA {
				return c, k
			}
		}
	}
	t.Fatalf("none in %v", files)
	return "", ""
}

func TestKeysLimits(t *testing.T) {
	n := keyed(t, func(c *config.Config) {
		c.Listen.SMTP, c.Limits.MessageSize, c.Limits.Recipients = []string{"127.0.0.1:0"}, 64<<10, 100
	})
	c, _ := plainly(t, n.Addrs("smtp")[0])
	if offers := ehlo(t, c); !strings.Contains(offers, "\nSIZE 65536\n") {
		t.Errorf("%s", offers)
	}
	if code := says(t, c, "MAIL FROM:<alice@crepes.fr> SIZE=65537"); code != 552 {
		t.Errorf("a larger message: %d", code)
	}
	if code := says(t, c, "MAIL FROM:<alice@crepes.fr>"); code != 250 {
		t.Errorf("%d", code)
	}
	for i := range 101 {
		want := 250
		if i == 100 {
			want = 452
		}
		if code := says(t, c, "RCPT TO:<bob@hamburger.edu>"); code != want {
			t.Errorf("recipient %d: %d", i+1, code)
		}
	}
}

// Of one address, and in all; who is full may let a quiet one give way, which none here
// is (see wire).
func TestKeysConnections(t *testing.T) {
	for name, c := range map[string]struct {
		most, each int
		from       string // last parts of the addresses, in turn; the last is one too many
	}{
		"of one address": {10, 2, "111"},
		"in all":         {3, 2, "1234"},
	} {
		n := keyed(t, func(conf *config.Config) {
			conf.Listen.SMTP, conf.Listen.IMAP = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
			conf.Limits.Connections, conf.Limits.ConnectionsPerAddress = c.most, c.each
		})
		for key, words := range map[string][2]string{"smtp": {"220 ", "421 "}, "imap": {"* OK ", "* BYE "}} {
			for i, last := range c.from {
				want := words[0]
				if i == len(c.from)-1 {
					want = words[1]
				}
				if got := greeted(t, "127.0.0."+string(last), n.Addrs(key)[0]); !strings.HasPrefix(got, want) {
					t.Errorf("%s, %s, connection %d: %q", name, key, i+1, got)
				}
			}
		}
	}
}

// greeted connects from an address and returns the first line.
func greeted(t *testing.T, from, to string) string {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Skipf("no connection from %s, which belongs to this machine on Linux: %v", from, err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute)) // a last resort
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return fmt.Sprint(err)
	}
	return line
}

// With store.ack = "index" a message is in the index when it is acknowledged; with
// "journal" it may follow.
func TestKeysAck(t *testing.T) {
	n := keyed(t, func(c *config.Config) { c.Store.Ack = "index" })
	for i := range 50 {
		env := envelope(t, "alice@crepes.fr", "bob@hamburger.edu")
		if _, err := n.backend.Accept(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
		if u, err := n.store.Usage(t.Context(), "bob@hamburger.edu"); err != nil || u.Messages != int64(i+1) {
			t.Fatalf("after message %d: %+v %v", i+1, u, err)
		}
	}
}
