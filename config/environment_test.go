package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"glassmail/config"
)

// Every key can be set by the environment, over the file.
func TestEnvironment(t *testing.T) {
	c := config.Default()
	c.Domains = []string{"file.example"}
	err := config.Environment(&c, []string{
		"GLASSMAIL_DOMAINS=a.example, b.example", "GLASSMAIL_LISTEN_SMTP=:25", "GLASSMAIL_LISTEN_IMAP=", "GLASSMAIL_RELAY_FIRST_RETRY=5m",
		"GLASSMAIL_LIMITS_RECIPIENTS=500", "GLASSMAIL_WEB_TLS=true", "GLASSMAIL_TLS_PLAIN_LOGIN=192.0.2.0/24,2001:db8::1",
		"GLASSMAIL_PASSWORD=secret", "GLASSMAIL_NO_SUCH_KEY=x", "PATH=/bin", "odd",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Domains, want.Listen.SMTP, want.Listen.IMAP = []string{"a.example", "b.example"}, []string{":25"}, []string{}
	want.Relay.FirstRetry, want.Limits.Recipients, want.Web.TLS = config.Duration(5*time.Minute), 500, true
	want.TLS.PlainLogin = make([]config.Network, 2)
	want.TLS.PlainLogin[0].UnmarshalText([]byte("192.0.2.0/24"))
	want.TLS.PlainLogin[1].UnmarshalText([]byte("2001:db8::1"))
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
	seen := map[string]bool{"GLASSMAIL_PASSWORD": true, "GLASSMAIL_LANG": true} // these mean something else
	for _, key := range config.Keys() {
		if name := config.Variable(key); seen[name] {
			t.Errorf("%s stands for two things", name)
		} else {
			seen[name] = true
		}
		c := config.Default()
		err := config.Environment(&c, []string{config.Variable(key) + "=\x00"})
		if err == nil && reflect.DeepEqual(c, config.Default()) {
			t.Errorf("%s does nothing", config.Variable(key))
		}
	}
}

func TestEnvironmentNamesMistakes(t *testing.T) {
	for variable, want := range map[string]string{
		"GLASSMAIL_LIMITS_RECIPIENTS=many":     "whole number",
		"GLASSMAIL_WEB_TLS=perhaps":            "true or false",
		"GLASSMAIL_RELAY_EXPIRE=soon":          "no time span",
		"GLASSMAIL_WEB_TRUSTED_PROXIES=office": "no network",
	} {
		c := config.Default()
		name, _, _ := strings.Cut(variable, "=")
		if err := config.Environment(&c, []string{variable}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
