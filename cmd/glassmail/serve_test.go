package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"glassmail/config"
	"glassmail/wire"
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

// The token's file is made where the configuration says, for its owner only, and the
// token in it is the operator's; by default it is in the data folder.
func TestKeyTokenFile(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "operator")} {
		data := filepath.Join(t.TempDir(), "data")
		t.Setenv("GLASSMAIL_WEB_TOKEN_FILE", file)
		n, err := startNode(t, data)
		if err != nil {
			t.Fatal(err)
		}
		usual := filepath.Join(data, "web-token")
		if file == "" {
			file = usual
		} else if _, err := os.Stat(usual); err == nil {
			t.Error("a token in the data folder, too")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%v %v", info.Mode(), err)
		}
		if status, _ := get(t, n.ready.Web+"/metrics", strings.TrimSpace(string(text))); status != 200 {
			t.Errorf("its token: %d", status)
		}
		n.end(t)
	}
}

// web.tls serves the pages by HTTPS with the node's certificate.
func TestKeyWebTLS(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	t.Setenv("GLASSMAIL_WEB_TLS", "true")
	n, err := startNode(t, data)
	if err != nil {
		t.Fatal(err)
	}
	defer n.end(t)
	ca, err := os.ReadFile(filepath.Join(data, "tls", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	resp, err := client.Get(n.ready.Web + "/healthz")
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(n.ready.Web, "https://") {
		t.Fatalf("%s: %v", n.ready.Web, err)
	}
	resp.Body.Close()
}

// The clients of a proxy that web.trusted_proxies names are counted each for itself, and
// those of another as one.
func TestKeyTrustedProxies(t *testing.T) {
	for networks, other := range map[string]int{"127.0.0.0/8,2001:db8::/32": 401, "192.0.2.0/24": 429} {
		t.Setenv("GLASSMAIL_WEB_TRUSTED_PROXIES", networks)
		t.Setenv("GLASSMAIL_LIMITS_FAILED_LOGINS", "3")
		n, err := startNode(t, filepath.Join(t.TempDir(), "data"))
		if err != nil {
			t.Fatal(err)
		}
		guess := func(client string) int {
			req, err := http.NewRequestWithContext(t.Context(), "GET", n.ready.Web+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer guess")
			req.Header.Set("X-Forwarded-For", client)
			req.Host = "localhost"
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp.StatusCode
		}
		for i, want := range []int{401, 401, 401, 429} {
			if got := guess("203.0.113.9"); got != want {
				t.Errorf("%s: guess %d: %d", networks, i+1, got)
			}
		}
		if got := guess("203.0.113.10"); got != other {
			t.Errorf("%s: another client: %d, want %d", networks, got, other)
		}
		n.end(t)
	}
}

// Without relay.resolver the system is asked.
func TestKeyResolver(t *testing.T) {
	conf := config.Default()
	if r, err := newResolver(wire.OS{}, conf, nil); err != nil || r != net.DefaultResolver {
		t.Errorf("%v %v", r, err)
	}
	conf.Relay.Resolver = "127.0.0.1:53"
	if r, err := newResolver(wire.OS{}, conf, nil); err != nil || r == net.DefaultResolver {
		t.Errorf("%v %v", r, err)
	}
}
