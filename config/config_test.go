package config_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"glassmail/config"
)

// The example must say what the code does.
func TestExampleIsTheDefault(t *testing.T) {
	got, err := config.Parse("example.toml", []byte(config.Example))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Domains = []string{"hamburger.edu"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("example.toml differs from Default():\n got %+v\nwant %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("the example is not valid: %v", err)
	}
	for _, key := range config.Keys() {
		name := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(config.Example, "\n"+name+" = ") {
			t.Errorf("example.toml does not show %s", key)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"domain = ['a.fr']", `f.toml:1:1: there is no key "domain"; did you mean "domains"?`},
		{"[listen]\nsmpt = ['127.0.0.1:25']", `f.toml:2:1: there is no key "listen.smpt"; did you mean "listen.smtp"?`},
		{"[listen]\nresolver = 'x'", `did you mean "relay.resolver"?`},
		{"domains = 'a.fr'", "f.toml:1:"},
		{"[tls]\nplain_login = true", `leave the key out`},
		{"[tls]\nplain_login = ['192.0.2.0']\n", ""},
		{"[tls]\nplain_login = ['office']\n", `write it as 192.0.2.0/24`},
		{"[relay]\nfirst_retry = 'soon'", "soon"},
		{"[relay\n", "f.toml:1:"},
		{"[web]\ntrusted_proxies = ['proxy.example']", `f.toml:2:20: "proxy.example" is no network; write it as 192.0.2.0/24`},
	} {
		_, err := config.Parse("f.toml", []byte(c.text))
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q): %v\nwant it to say %q", c.text, err, c.want)
		}
	}
}

func TestValidateNamesEveryKey(t *testing.T) {
	c := config.Default()
	c.Wording, c.Relay.Port, c.Relay.Resolver = "poetry", 0, "ns.example"
	c.Listen.SMTP = []string{"25"}
	c.TLS.Key = "k.pem"
	c.Limits.MessageSize = 10
	err := c.Validate()
	if err == nil {
		t.Fatal("all of it passed")
	}
	for _, key := range []string{"domains", "wording", "relay.port", "relay.resolver", "listen.smtp", "tls.key", "limits.message_size"} {
		if !strings.Contains(err.Error(), key+" = ") {
			t.Errorf("%s is not named in:\n%v", key, err)
		}
	}
}

func TestReachable(t *testing.T) {
	l := config.Listen{SMTP: []string{"127.0.0.1:25", ":25"}, IMAP: []string{"[::1]:143"}, Web: []string{"0.0.0.0:8025"}}
	got := l.Reachable()
	want := []config.Service{{Key: "smtp", Addrs: []string{":25"}}, {Key: "web", Addrs: []string{"0.0.0.0:8025"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Reachable() = %v, want %v", got, want)
	}
}

// A network is written with its length, or as one address.
func TestNetworks(t *testing.T) {
	c, err := config.Parse("f.toml", []byte("[web]\ntrusted_proxies = ['10.1.2.3/8', '::1', '::ffff:192.0.2.1', '::ffff:198.51.100.7/120', '2001:db8::/32']"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(config.Prefixes(c.Web.TrustedProxies)), "[10.0.0.0/8 ::1/128 192.0.2.1/32 198.51.100.0/24 2001:db8::/32]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, bad := range []string{"", "10.0.0.0/33", "10.0.0.1:80", "fe80::1%eth0", "*"} {
		var n config.Network
		if err := n.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, n)
		}
	}
}
