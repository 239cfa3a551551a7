package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/tools"
	"glassmail/config"
	"glassmail/dns"
	"glassmail/lab"
	"glassmail/trace"
	"glassmail/wire"
)

func dnsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dns", Short: "Name servers alone",
		Example: "  glassmail dns serve --lab",
	}
	cmd.AddCommand(dnsServe())
	return cmd
}

func dnsServe() *cobra.Command {
	var inLab bool
	var listen, addresses []string
	var readyFile string
	cmd := &cobra.Command{
		Use:   "serve --lab",
		Short: "Serve the lecture's hierarchy through its local name server",
		Long: `Serve the lecture's name hierarchy for mail servers that run as processes of their
own. Root, top-level and authoritative servers live on a network inside this
process; the local name server, which asks them, answers on --listen. The mail
hosts have the addresses mail.crepes.fr = 127.0.0.2 and mail.hamburger.edu =
127.0.0.3, unless --address says otherwise.`,
		Example: `  glassmail dns serve --lab --listen 127.0.0.1:2553
  glassmail dns serve --lab --listen :2553 --address mail.crepes.fr=192.168.1.10`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.BoolVar(&inLab, "lab", false, "the lecture's hierarchy")
	f.StringArrayVar(&listen, "listen", []string{"127.0.0.1:2553"}, "address:port of the local name server, UDP and TCP; may be repeated")
	f.StringArrayVar(&addresses, "address", nil, "NAME=IP: give a host of the lecture another address; may be repeated")
	f.StringVar(&readyFile, "ready", "", "write addresses to this file, as JSON, once the server answers")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if !inLab {
			return usage("say --lab for the lecture's hierarchy")
		}
		replaced, err := parseAddresses(addresses)
		if err != nil {
			return err
		}
		return serveNames(c, listen, replaced, readyFile)
	}
	return cmd
}

// parseAddresses reads NAME=IP over the addresses for processes on one machine.
func parseAddresses(given []string) (map[string]netip.Addr, error) {
	out := map[string]netip.Addr{
		"mail.crepes.fr":     netip.AddrFrom4([4]byte{127, 0, 0, 2}),
		"mail.hamburger.edu": netip.AddrFrom4([4]byte{127, 0, 0, 3}),
	}
	for _, g := range given {
		name, ip, ok := strings.Cut(g, "=")
		addr, err := netip.ParseAddr(ip)
		if !ok || name == "" || err != nil {
			return nil, usage("--address %s: write NAME=IP, as in mail.crepes.fr=127.0.0.2", g)
		}
		out[strings.ToLower(strings.TrimSuffix(name, "."))] = addr
	}
	return out, nil
}

// namesReady is what --ready writes.
type namesReady struct {
	DNS string `json:"dns"`
}

func serveNames(c *cobra.Command, listen []string, addresses map[string]netip.Addr, readyFile string) error {
	clock := wire.System{}
	internet, err := lab.NewInternet(clock)
	if err != nil {
		return err
	}
	defer internet.Close()
	names, err := lab.NewNames(lab.NamesOptions{
		Internet: internet, Trace: trace.NewLog(serveTrace, clock.Now), Doors: listen, Addresses: addresses,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	out := c.OutOrStdout()
	err = names.Run(ctx, func() {
		if err := writeReady(readyFile, namesReady{DNS: names.Doors()[0].String()}); err != nil {
			cancel(err)
			return
		}
		for _, d := range names.Doors() {
			fmt.Fprintf(out, "The local name server answers on %s (UDP and TCP).\n", d)
			if !config.IsLoopback(d.String()) {
				fmt.Fprintln(out, "Other machines can ask it.")
			}
		}
		for _, host := range []string{"mail.crepes.fr", "mail.hamburger.edu"} {
			fmt.Fprintf(out, "  %-20s %v\n", host, addresses[host])
		}
	})
	return errors.Join(tools.Listening("the local name server", err), stopped(ctx))
}

// stopped is the cause of a stop that nobody asked for.
func stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// network is what dig and nslookup reach: the name servers of a running lab
// where its address book says, and everything else on the system's network.
type network struct {
	wire.OS
	book tools.Book
}

// Dial connects to the lab's name server of that address, or to the real one.
func (n network) Dial(ctx context.Context, protocol, addr string) (net.Conn, error) {
	if at, ok := n.book.Find(addr); ok {
		addr = at
	}
	return n.OS.Dial(ctx, protocol, addr)
}

// surroundings are the network of dig and nslookup and the servers they ask:
// the local name server of a running lab, else the system's.
func surroundings(ctx context.Context) (wire.Host, dns.Environment) {
	host := network{book: tools.OpenBook()}
	lookup := func(name string) ([]netip.Addr, error) { return net.DefaultResolver.LookupNetIP(ctx, "ip", name) }
	servers := systemServers()
	if at, ok := host.book.Find("dns:53"); ok {
		if ap, err := netip.ParseAddrPort(at); err == nil {
			servers = []netip.AddrPort{ap}
			if stub, err := dns.NewStub(dns.StubOptions{Host: host, Servers: servers}); err == nil {
				lookup = func(name string) ([]netip.Addr, error) { return stub.LookupNetIP(ctx, "ip4", name) }
			}
		}
	}
	return host, dns.Environment{Servers: servers, Lookup: lookup}
}

func digCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "dig [@SERVER] [-p PORT] NAME [TYPE] [+OPTION…]",
		Short: "Ask a name server, and see the whole reply",
		Long: `Ask a name server, and see the whole reply. The arguments are those of the program
that everybody knows. Without @SERVER the local name server of a running lab is
asked, else the system's. Options: +trace +short +norec +dnssec +tcp +bytes +json
+noedns +cd +time=S +tries=N; -x ADDRESS for names of addresses.`,
		Example: `  glassmail dig hamburger.edu MX
  glassmail dig +trace gaia.cs.umass.edu
  glassmail dig @127.0.0.1 -p 2553 www.amazon.com +bytes`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if wantsHelp(args) {
				return c.Help()
			}
			o, err := dns.ParseDigArgs(args)
			if err != nil {
				return usage("%w", err)
			}
			host, env := surroundings(c.Context())
			return dns.Dig(c.Context(), host, c.OutOrStdout(), env, o)
		},
	}
}

func nslookupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "nslookup [-type=TYPE] NAME [SERVER]",
		Short: "Ask a name server, as the lecture does",
		Long: `Ask a name server, in the three forms of the lecture. Without SERVER the local name
server of a running lab is asked, else the system's. -port=N asks another port.`,
		Example: `  glassmail nslookup www.nyu.edu
  glassmail nslookup -type=NS umass.edu
  glassmail nslookup www.amazon.com dns1.amazon.com`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if wantsHelp(args) {
				return c.Help()
			}
			o, err := dns.ParseNSLookupArgs(args)
			if err != nil {
				return usage("%w", err)
			}
			host, env := surroundings(c.Context())
			return dns.NSLookup(c.Context(), host, c.OutOrStdout(), env, o)
		},
	}
}

func wantsHelp(args []string) bool {
	return len(args) == 0 || len(args) == 1 && (args[0] == "-h" || args[0] == "--help" || args[0] == "help")
}
