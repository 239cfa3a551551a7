// Package config is what can be said about a node: one struct, its defaults, and
// checks that name what is wrong, where, and how to mend it.
//
// The file is TOML. Flags of the command line override it. Users, aliases, zones
// and mail are not configuration: they are data, changed by commands while the
// node runs.
package config

import (
	"fmt"
	"time"
)

// Config is everything a node can be told. Sizes are in bytes.
type Config struct {
	Domains []string `toml:"domains"` // mail for these is delivered here
	Name    string   `toml:"name"`    // what the node calls itself; the first domain if empty
	Data    string   `toml:"data"`    // folder of everything durable
	Wording string   `toml:"wording"` // "plain" or "lecture"
	Log     string   `toml:"log"`     // mail log on stderr: "text", "json" or "off"

	Listen     Listen     `toml:"listen"`
	TLS        TLS        `toml:"tls"`
	Submission Submission `toml:"submission"`
	Relay      Relay      `toml:"relay"`
	Limits     Limits     `toml:"limits"`
	Store      Store      `toml:"store"`
	Web        Web        `toml:"web"`
}

// Listen has the addresses of the listeners, host:port each; an empty list
// switches a listener off.
type Listen struct {
	SMTP        []string `toml:"smtp"`
	Submission  []string `toml:"submission"`
	Submissions []string `toml:"submissions"`
	IMAP        []string `toml:"imap"`
	IMAPS       []string `toml:"imaps"`
	Web         []string `toml:"web"`
}

// TLS names the certificate. Without one the node makes an authority and a
// certificate of its own in the data folder.
type TLS struct {
	Certificate string `toml:"certificate"` // PEM file, with the chain
	Key         string `toml:"key"`         // PEM file
	// PlainLogin lists networks from which SMTP and IMAP take passwords without TLS;
	// anybody on the way can read those. From this machine they always do: there is no
	// way. See wire.PlainLogin.
	PlainLogin []Network `toml:"plain_login"`
}

// Submission is about mail of users who have logged in, over SMTP or at the pages.
type Submission struct {
	// From says what users may write into From and Sender: "own", addresses at which
	// they get mail, or "any".
	From string `toml:"from"`
}

// Relay is about mail that goes to other servers.
type Relay struct {
	Resolver   string   `toml:"resolver"`    // name server, host:port; empty asks the system
	Port       int      `toml:"port"`        // where other servers take mail
	TLS        string   `toml:"tls"`         // "opportunistic", "require" or "none"
	FirstRetry Duration `toml:"first_retry"` // pause after the first failed attempt; it doubles
	MaxRetry   Duration `toml:"max_retry"`   // longest pause
	Expire     Duration `toml:"expire"`      // after that long the sender gets the message back
	Workers    int      `toml:"workers"`     // connections at one time
	PerDomain  int      `toml:"per_domain"`  // of these, to one domain
	// Private lets mail go to servers in private networks, whoever names them: a
	// stranger's MX record, too.
	Private bool `toml:"private"`
	// Allow lists networks to which mail goes whatever they are: of this machine
	// (127.0.0.0/8), or some of the private ones.
	Allow []Network `toml:"allow"`
}

// Limits bound what clients can do.
type Limits struct {
	MessageSize           int64 `toml:"message_size"`
	Recipients            int   `toml:"recipients"`              // of one message
	Connections           int   `toml:"connections"`             // at one time, each listener
	ConnectionsPerAddress int   `toml:"connections_per_address"` // of these, from one IP address
	// FailedLogins of one address at one account in 15 minutes; five times as many of
	// one address, ten times as many at one account. Who has logged in from an address
	// before is stopped by the first only.
	FailedLogins int `toml:"failed_logins"`
}

// Store is about the files.
type Store struct {
	Ack string `toml:"ack"` // "journal": 250 after one flush; "index": after the index has it too
}

// Web is about the pages and the API; their addresses are in Listen.
type Web struct {
	TokenFile string `toml:"token_file"` // holds the operator's token; web-token in the data folder if empty
	TLS       bool   `toml:"tls"`        // serve HTTPS with the node's certificate
	// TrustedProxies are believed when they say by X-Forwarded-For and
	// X-Forwarded-Proto for whom they hand a request on.
	TrustedProxies []Network `toml:"trusted_proxies"`
}

// Duration is a time span written as "90s", "4h" or "5d".
type Duration time.Duration

// UnmarshalText reads a span.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	var days int
	if n, err := fmt.Sscanf(s, "%dd", &days); n == 1 && err == nil && s == fmt.Sprintf("%dd", days) {
		*d = Duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no time span; write it as 90s, 4h or 5d", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it so that UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) {
	v := time.Duration(d)
	if day := 24 * time.Hour; v >= day && v%day == 0 {
		return fmt.Appendf(nil, "%dd", v/day), nil
	}
	return []byte(v.String()), nil
}

// Default is a node on loopback that works as it is, but for its domains.
func Default() Config {
	return Config{
		Data:    "./glassmail-data",
		Wording: "plain",
		Log:     "text",
		Listen: Listen{
			SMTP:        []string{"127.0.0.1:25"},
			Submission:  []string{"127.0.0.1:587"},
			Submissions: []string{"127.0.0.1:465"},
			IMAP:        []string{"127.0.0.1:143"},
			IMAPS:       []string{"127.0.0.1:993"},
			Web:         []string{"127.0.0.1:8025"},
		},
		Submission: Submission{From: "own"},
		Relay: Relay{
			Port: 25, TLS: "opportunistic",
			FirstRetry: Duration(time.Minute), MaxRetry: Duration(4 * time.Hour), Expire: Duration(5 * 24 * time.Hour),
			Workers: 32, PerDomain: 4, Allow: []Network{},
		},
		Limits: Limits{MessageSize: 50 << 20, Recipients: 100, Connections: 1000, ConnectionsPerAddress: 100, FailedLogins: 10},
		Store:  Store{Ack: "journal"},
		TLS:    TLS{PlainLogin: []Network{}},
		Web:    Web{TrustedProxies: []Network{}},
	}
}

// HostName is what the node calls itself: Name, else the first domain.
func (c *Config) HostName() string {
	if c.Name != "" || len(c.Domains) == 0 {
		return c.Name
	}
	return c.Domains[0]
}
