package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Validate checks every key and returns all that is wrong, a line each: the key,
// its value, and what may stand there.
func (c *Config) Validate() error {
	var v complaints
	v.need(len(c.Domains) > 0, "domains", c.Domains, `name at least one domain, as in domains = ["hamburger.edu"] or --domain hamburger.edu`)
	for _, d := range c.Domains {
		v.need(isDomain(d), "domains", d, "it is no domain name such as hamburger.edu")
	}
	v.need(c.Name == "" || isDomain(c.Name), "name", c.Name, "it is no host name such as mail.hamburger.edu")
	v.need(c.Data != "", "data", c.Data, "name a folder")
	v.oneOf("wording", c.Wording, "plain", "lecture")
	v.oneOf("log", c.Log, "text", "json", "off")
	c.Listen.validate(&v)
	v.need((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls.key", c.TLS.Key, "certificate and key belong together: give both or neither")
	v.oneOf("submission.from", c.Submission.From, "own", "any")
	c.Relay.validate(&v)
	c.Limits.validate(&v)
	v.oneOf("store.ack", c.Store.Ack, "journal", "index")
	return errors.Join(v...)
}

func (l *Listen) validate(v *complaints) {
	for _, one := range l.All() {
		for _, a := range one.Addrs {
			v.need(isListenAddr(a), "listen."+one.Key, a, "write address:port, as in 127.0.0.1:2525, or :25 for every address of this machine")
		}
	}
}

func (r *Relay) validate(v *complaints) {
	v.need(r.Resolver == "" || isAddrPort(r.Resolver), "relay.resolver", r.Resolver, "write the name server's IP address and port, as in 127.0.0.1:53")
	v.between("relay.port", int64(r.Port), 1, 65535)
	v.oneOf("relay.tls", r.TLS, "opportunistic", "require", "none")
	v.need(r.FirstRetry >= Duration(time.Second), "relay.first_retry", time.Duration(r.FirstRetry), "at least 1s")
	v.need(r.MaxRetry >= r.FirstRetry, "relay.max_retry", time.Duration(r.MaxRetry), "at least relay.first_retry")
	v.need(r.Expire >= r.FirstRetry, "relay.expire", time.Duration(r.Expire), "at least relay.first_retry; RFC 5321 asks for 4 to 5 days")
	v.between("relay.workers", int64(r.Workers), 1, 10000)
	v.between("relay.per_domain", int64(r.PerDomain), 1, int64(max(r.Workers, 1)))
}

func (l *Limits) validate(v *complaints) {
	v.between("limits.message_size", l.MessageSize, 64<<10, 2<<30) // RFC 5321 §4.5.3.1.7: at least 64K
	v.between("limits.recipients", int64(l.Recipients), 100, 100_000)
	v.between("limits.connections", int64(l.Connections), 1, 1_000_000)
	v.between("limits.connections_per_address", int64(l.ConnectionsPerAddress), 1, 1_000_000)
	v.between("limits.failed_logins", int64(l.FailedLogins), 1, 1000)
}

// Service is one kind of listener: its key in the configuration, which is also
// its flag, and its addresses.
type Service struct {
	Key   string
	Addrs []string
}

// All lists the services in the order in which they are started.
func (l *Listen) All() []Service {
	return []Service{
		{"smtp", l.SMTP}, {"submission", l.Submission}, {"submissions", l.Submissions},
		{"imap", l.IMAP}, {"imaps", l.IMAPS}, {"web", l.Web},
	}
}

// Reachable lists addresses that others than this machine can connect to.
func (l *Listen) Reachable() []Service {
	var out []Service
	for _, s := range l.All() {
		var open []string
		for _, a := range s.Addrs {
			if !IsLoopback(a) {
				open = append(open, a)
			}
		}
		if open != nil {
			out = append(out, Service{s.Key, open})
		}
	}
	return out
}

// IsLoopback reports whether only this machine can connect to a listen address.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// complaints gathers what is wrong.
type complaints []error

func (v *complaints) need(ok bool, key string, value any, hint string) {
	if !ok {
		*v = append(*v, fmt.Errorf("%s = %q: %s", key, fmt.Sprint(value), hint))
	}
}

func (v *complaints) oneOf(key, value string, choices ...string) {
	for _, c := range choices {
		if c == value {
			return
		}
	}
	v.need(false, key, value, "it may be "+strings.Join(choices, ", "))
}

func (v *complaints) between(key string, value, low, high int64) {
	v.need(value >= low && value <= high, key, value, fmt.Sprintf("it may be %d to %d", low, high))
}

func isDomain(d string) bool {
	if d == "" || len(d) > 253 || strings.ContainsAny(d, " \t@/\\:<>\"[]") {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

func isListenAddr(a string) bool {
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		return false
	}
	p, err := strconv.Atoi(port)
	if err != nil || p < 0 || p > 65535 {
		return false
	}
	if host == "" || host == "localhost" {
		return true
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

func isAddrPort(a string) bool {
	ap, err := netip.ParseAddrPort(a)
	return err == nil && ap.Port() != 0
}
