package tool

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"glassmail/dns"
	"glassmail/dns/dissect"
)

// DigOptions is what dig is asked to do. ParseDigArgs fills it from a command
// line; the fields of the environment are the caller's.
type DigOptions struct {
	Name      string // in the form for the wire; "." if none was given
	Type      dns.Type
	Server    string // what stood after @: an address or a host name; "" is Environment.Servers
	Port      uint16 // 0 is the port of Environment.Servers, or 53
	NoRecurse bool
	TCP       bool
	Short     bool
	Trace     bool // walk from the root, print each step
	DNSSEC    bool
	CD        bool
	NoEDNS    bool
	JSON      bool
	Bytes     bool // explain each byte of the reply, and of the query
	Size      uint16
	Tries     int
	Timeout   time.Duration
}

// Environment is what the tools find around them.
type Environment struct {
	Servers []netip.AddrPort // asked when the user names none
	Roots   []dns.NameServer // root hints for +trace; without them the server is asked for the root
	// Lookup finds the address of a server that is named by name; nil uses Servers.
	Lookup func(name string) ([]netip.Addr, error)
	// Meaning tells what a byte field means in the reader's language; nil is English.
	Meaning func(dissect.Field) string
}

// ParseDigArgs reads the arguments of dig in their usual form:
//
//	[@SERVER] [-p PORT] [-t TYPE] [-x ADDRESS] [-q NAME] [-4] NAME [TYPE] [IN] [+OPTION…]
//
// The error says which word is wrong and what may stand there.
func ParseDigArgs(args []string) (DigOptions, error) {
	p := digParser{o: DigOptions{Type: 0, Tries: 3, Size: dns.DefaultUDP}}
	for i := 0; i < len(args); {
		n, err := p.word(args[i:])
		if err != nil {
			return DigOptions{}, fmt.Errorf("dig: %w", err)
		}
		i += n
	}
	if p.o.Name == "" {
		p.o.Name = "."
		if p.o.Type == 0 {
			p.o.Type = dns.TypeNS
		}
	}
	if p.o.Type == 0 {
		p.o.Type = dns.TypeA
	}
	if p.o.Type == dns.TypeANY && !p.transport { // as dig does: over UDP servers tell little (RFC 8482)
		p.o.TCP = true
	}
	return p.o, nil
}

type digParser struct {
	o         DigOptions
	transport bool // +tcp or +notcp was said
}

// word takes the first argument, and a second if that belongs to it.
func (p *digParser) word(args []string) (taken int, err error) {
	a := args[0]
	switch {
	case strings.HasPrefix(a, "@"):
		if p.o.Server = a[1:]; p.o.Server == "" {
			return 0, fmt.Errorf("no server after @: write @127.0.0.1 or @dns.nyu.edu")
		}
		return 1, nil
	case strings.HasPrefix(a, "+"):
		return 1, p.plus(a[1:])
	case strings.HasPrefix(a, "-") && len(a) > 1:
		return p.minus(args)
	case p.o.Name != "" && strings.EqualFold(a, "IN"):
		return 1, nil
	}
	if p.o.Type == 0 { // as in dig, a word that is a type is the type, before or after the name
		if t, err := dns.ParseType(a); err == nil {
			p.o.Type = t
			return 1, nil
		}
	}
	if p.o.Name != "" {
		return 0, fmt.Errorf("%q: there is a name already (%s), and this is no record type", a, p.o.Name)
	}
	p.o.Name, err = dns.Name(a)
	return 1, err
}

// minus takes a letter and its value, which may be joined: -p 53, -p53.
func (p *digParser) minus(args []string) (taken int, err error) {
	letter, value, taken := args[0][1:2], args[0][2:], 1
	if letter == "4" {
		return 1, nil
	}
	if !strings.Contains("pxtqc", letter) {
		return 0, fmt.Errorf("-%s is not known: there are -p PORT, -t TYPE, -q NAME, -x ADDRESS, -c CLASS, -4", letter)
	}
	if value == "" {
		if len(args) < 2 {
			return 0, fmt.Errorf("-%s needs a value", letter)
		}
		value, taken = args[1], 2
	}
	switch letter {
	case "p":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("-p %s: a port is a number from 1 to 65535", value)
		}
		p.o.Port = uint16(n)
	case "t":
		p.o.Type, err = dns.ParseType(value)
	case "q":
		p.o.Name, err = dns.Name(value)
	case "c":
		if !strings.EqualFold(value, "IN") {
			err = fmt.Errorf("-c %s: only IN can be asked for", value)
		}
	case "x":
		a, perr := netip.ParseAddr(value)
		if perr != nil {
			return 0, fmt.Errorf("-x %s: not an IP address", value)
		}
		p.o.Name = dns.ReverseName(a)
		if p.o.Type == 0 {
			p.o.Type = dns.TypePTR
		}
	}
	return taken, err
}

// plus takes an option; "no" in front switches it off.
func (p *digParser) plus(s string) error {
	word, value, hasValue := strings.Cut(strings.ToLower(s), "=")
	if hasValue {
		return p.plusValue(word, value)
	}
	on := true
	name := word
	if rest, ok := strings.CutPrefix(word, "no"); ok {
		name, on = rest, false
	}
	flags := map[string]func(bool){
		"rec":     func(b bool) { p.o.NoRecurse = !b },
		"recurse": func(b bool) { p.o.NoRecurse = !b },
		"tcp":     func(b bool) { p.o.TCP, p.transport = b, true },
		"vc":      func(b bool) { p.o.TCP, p.transport = b, true },
		"short":   func(b bool) { p.o.Short = b },
		"trace":   func(b bool) { p.o.Trace = b },
		"dnssec":  func(b bool) { p.o.DNSSEC = b },
		"do":      func(b bool) { p.o.DNSSEC = b },
		"cd":      func(b bool) { p.o.CD = b },
		"cdflag":  func(b bool) { p.o.CD = b },
		"edns":    func(b bool) { p.o.NoEDNS = !b },
		"json":    func(b bool) { p.o.JSON = b },
		"bytes":   func(b bool) { p.o.Bytes = b },
	}
	set := flags[name]
	if set == nil {
		return fmt.Errorf("+%s is not known: there are +short +trace +norec +dnssec +cd +tcp +noedns +json +bytes +bufsize=N +time=SECONDS +tries=N", s)
	}
	set(on)
	return nil
}

func (p *digParser) plusValue(word, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return fmt.Errorf("+%s=%s: want a number above 0", word, value)
	}
	switch word {
	case "bufsize":
		if n < dns.MinUDP || n > dns.MaxMessage {
			return fmt.Errorf("+bufsize=%d: want %d to %d bytes", n, dns.MinUDP, dns.MaxMessage)
		}
		p.o.Size = uint16(n)
	case "time", "timeout":
		p.o.Timeout = time.Duration(min(n, 60)) * time.Second
	case "tries":
		p.o.Tries = min(n, 10)
	case "retry":
		p.o.Tries = min(n, 9) + 1
	default:
		return fmt.Errorf("+%s= is not known: there are +bufsize=N +time=SECONDS +tries=N", word)
	}
	return nil
}
