package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"glassmail/dns"
	"glassmail/wire"
)

// NSLookupOptions is what nslookup is asked to do.
type NSLookupOptions struct {
	Name      string     // in the form for the wire
	Types     []dns.Type // A and AAAA if none was given, PTR for an address
	Server    string     // "" is the environment's
	Port      uint16
	NoRecurse bool
	TCP       bool
}

// ParseNSLookupArgs reads the arguments of nslookup:
//
//	nslookup [-type=TYPE] [-port=PORT] [-norecurse] [-vc] NAME [SERVER]
func ParseNSLookupArgs(args []string) (NSLookupOptions, error) {
	var o NSLookupOptions
	var words []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-") || a == "-" {
			words = append(words, a)
			continue
		}
		if err := o.option(strings.ToLower(strings.TrimLeft(a, "-"))); err != nil {
			return NSLookupOptions{}, fmt.Errorf("nslookup: %w", err)
		}
	}
	switch {
	case len(words) == 0:
		return NSLookupOptions{}, errors.New("nslookup: no name: write nslookup NAME, nslookup -type=NS NAME, or nslookup NAME SERVER")
	case len(words) > 2:
		return NSLookupOptions{}, fmt.Errorf("nslookup: %q is one word too many: write nslookup NAME SERVER", words[2])
	case len(words) == 2:
		o.Server = words[1]
	}
	if a, err := netip.ParseAddr(words[0]); err == nil {
		o.Name, o.Types = dns.ReverseName(a), []dns.Type{dns.TypePTR}
		return o, nil
	}
	n, err := dns.Name(words[0])
	if err != nil {
		return NSLookupOptions{}, fmt.Errorf("nslookup: %w", err)
	}
	if o.Name = n; len(o.Types) == 0 {
		o.Types = []dns.Type{dns.TypeA, dns.TypeAAAA}
	}
	return o, nil
}

func (o *NSLookupOptions) option(a string) error {
	word, value, _ := strings.Cut(a, "=")
	switch word {
	case "type", "query", "querytype", "q", "ty":
		t, err := dns.ParseType(value)
		if err != nil {
			return err
		}
		o.Types = []dns.Type{t}
	case "port":
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("-port=%s: a port is a number from 1 to 65535", value)
		}
		o.Port = uint16(n)
	case "norecurse", "norec":
		o.NoRecurse = true
	case "recurse":
	case "vc":
		o.TCP = true
	default:
		return fmt.Errorf("-%s is not known: there are -type=TYPE -port=PORT -norecurse -vc", a)
	}
	return nil
}

const nslookupTries = 2 // rounds over the servers

// NSLookup asks and prints in the form of the program nslookup. It returns an
// error when the name or the record was not found, or no server replied.
func NSLookup(ctx context.Context, host wire.Host, w io.Writer, env Environment, o NSLookupOptions) error {
	servers, err := env.servers(o.Server, o.Port)
	if err != nil {
		return fmt.Errorf("nslookup: %w", err)
	}
	var s netip.AddrPort
	var replies []*dns.Reply
	for _, t := range o.Types {
		var r *dns.Reply
		if s, r, err = o.ask(ctx, host, servers, t); err != nil {
			return fmt.Errorf("nslookup: no servers could be reached: %w", err)
		}
		replies = append(replies, r)
	}
	name := s.Addr().String()
	if o.Server != "" {
		name = o.Server
	}
	fmt.Fprintf(w, "Server:\t\t%s\nAddress:\t%s\n\n", name, hash(s))
	if code := replies[0].Header().Code; code != dns.NoError {
		fmt.Fprintf(w, "** server can't find %s: %s\n\n", strings.TrimSuffix(o.Name, "."), code)
		return fmt.Errorf("nslookup: %s: %s", o.Name, code)
	}
	return o.print(w, replies)
}

func (o NSLookupOptions) ask(ctx context.Context, host wire.Host, servers []netip.AddrPort, t dns.Type) (netip.AddrPort, *dns.Reply, error) {
	var last error
	for range nslookupTries {
		for _, s := range servers {
			c := dns.Client{Host: host, TCP: o.TCP}
			m := dns.NewMessage(dns.Query{Name: o.Name, Type: t, RecursionDesired: !o.NoRecurse, ID: dns.RandomID()})
			r, err := c.Ask(ctx, s, m)
			if err == nil {
				return s, r, nil
			}
			last = err
		}
	}
	return netip.AddrPort{}, nil, last
}

func (o NSLookupOptions) print(w io.Writer, replies []*dns.Reply) error {
	var b strings.Builder
	var lines []string // an alias in the way of two types is printed once
	for _, r := range replies {
		for _, x := range r.Answer() {
			if l := nslookupLine(x); !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
	}
	if len(lines) > 0 && !replies[0].Header().Authoritative {
		b.WriteString("Non-authoritative answer:\n")
	}
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if len(lines) == 0 {
		fmt.Fprintf(&b, "*** Can't find %s: No answer\n", strings.TrimSuffix(o.Name, "."))
	}
	b.WriteString(furtherHelp(replies[0], len(lines) == 0, o.Types))
	b.WriteByte('\n')
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if len(lines) == 0 {
		return fmt.Errorf("nslookup: %s has no %s record", o.Name, o.Types[0])
	}
	return nil
}

// furtherHelp prints the authority and additional sections for the questions
// where the program does: all but those for addresses.
func furtherHelp(r *dns.Reply, empty bool, types []dns.Type) string {
	if types[0] == dns.TypeA {
		return ""
	}
	var b strings.Builder
	if len(r.Authority()) > 0 || !empty && len(r.Additional()) > 0 {
		b.WriteString("\nAuthoritative answers can be found from:\n")
	}
	for _, x := range r.Authority() {
		b.WriteString(nslookupLine(x) + "\n")
	}
	for _, x := range r.Additional() {
		if a, ok := x.Addr(); ok {
			fmt.Fprintf(&b, "%s\tinternet address = %s\n", strings.TrimSuffix(x.Name(), "."), a)
		}
	}
	return b.String()
}

// nslookupLine is a record in the words of nslookup.
func nslookupLine(r dns.Record) string {
	name := strings.TrimSuffix(r.Name(), ".")
	target, _ := r.Target()
	switch r.Type() {
	case dns.TypeA, dns.TypeAAAA:
		a, _ := r.Addr()
		return fmt.Sprintf("Name:\t%s\nAddress: %s", name, a)
	case dns.TypeNS:
		return fmt.Sprintf("%s\tnameserver = %s", name, target)
	case dns.TypeCNAME:
		return fmt.Sprintf("%s\tcanonical name = %s", name, target)
	case dns.TypePTR:
		return fmt.Sprintf("%s\tname = %s", name, target)
	case dns.TypeMX:
		return fmt.Sprintf("%s\tmail exchanger = %s", name, r.Data())
	case dns.TypeTXT:
		return fmt.Sprintf("%s\ttext = %s", name, r.Data())
	case dns.TypeSOA:
		if soa := strings.Fields(r.Data()); len(soa) == 7 {
			return fmt.Sprintf("%s\n\torigin = %s\n\tmail addr = %s\n\tserial = %s\n\trefresh = %s\n\tretry = %s\n\texpire = %s\n\tminimum = %s",
				name, soa[0], soa[1], soa[2], soa[3], soa[4], soa[5], soa[6])
		}
	}
	return fmt.Sprintf("%s\trdata_%d = %s", name, r.Type(), r.Data())
}
