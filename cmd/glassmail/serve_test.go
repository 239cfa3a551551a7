package main

import (
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/config"
)

// logsIn reports what IMAP without TLS says to a password.
func (n *aNode) logsIn(t *testing.T, name, user, password string) string {
	t.Helper()
	c, err := textproto.Dial("tcp", n.ready.Nodes[name].IMAP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.ReadLine()
	c.PrintfLine("a LOGIN %s %q", user, password)
	line, err := c.ReadLine()
	if err != nil {
		t.Error(err)
	}
	return line
}

// serve creates accounts with passwords that stand on no command line, asks for none of
// an account that is there, and writes none into the ready file; keys of the
// configuration come from the environment, under the flags.
func TestServeTakesPasswords(t *testing.T) {
	data, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GLASSMAIL_NAME", "mail.hamburger.edu")
	t.Setenv("GLASSMAIL_DOMAINS", "crepes.fr")
	const name = "mail.hamburger.edu"
	known := map[string]string{}
	for _, start := range []struct {
		user, password string
		args           []string
		variable       string
	}{
		{"bob", "from the file", []string{"--password-file", file}, "not this"},
		{"carol", "from the environment", nil, "from the environment"},
		{"bob", "from the file", nil, ""}, // it is there
	} {
		t.Setenv("GLASSMAIL_PASSWORD", start.variable)
		n, err := startNode(t, data, append(start.args, "--user", start.user)...)
		if err != nil {
			t.Fatalf("%s: %v", start.user, err)
		}
		known[start.user] = start.password
		for user, password := range known {
			if got := n.logsIn(t, name, user+"@hamburger.edu", password); !strings.HasPrefix(got, "a OK") {
				t.Errorf("%s: %s", user, got)
			}
		}
		if users := n.ready.Nodes[name].Users; len(users) != 1 || users[start.user] != "" {
			t.Errorf("the ready file has the users %v", users)
		}
		n.end(t)
	}
	if _, err := startNode(t, data, "--user", "dave"); err == nil || !strings.Contains(err.Error(), "--password-file") {
		t.Errorf("without a password and a terminal: %v", err)
	}
}

// Whoever lets other machines reach the pages without TLS is told what that means.
func TestPagesInClear(t *testing.T) {
	for _, c := range []struct {
		service string
		tls     bool
		warned  bool
	}{{"web", false, true}, {"web", true, false}, {"imap", false, false}, {"smtp", false, false}} {
		conf := config.Default()
		conf.Web.TLS = c.tls
		if got := inClear(conf, c.service); strings.Contains(got, "web.tls") != c.warned {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
