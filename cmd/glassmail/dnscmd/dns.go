// Package dnscmd holds the commands about names: dig, nslookup, and glassmail dns.
package dnscmd

import (
	"context"
	"net"
	"net/netip"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/tools"
	"glassmail/dns"
	"glassmail/dns/tool"
	"glassmail/wire"
)

// Command is all about names, in groups of its own.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dns", Short: "The names of the lab, and name servers alone",
		Example: "  glassmail dns walk gaia.cs.umass.edu\n  glassmail dns cache\n  glassmail dns zone list\n  glassmail dns serve --lab",
	}
	cmd.AddCommand(dnsServe(), dnsCache(), dnsZone(), dnsRegister(), dnsTransfer(), dnsFault(), dnsMode(), dnsValidate(),
		dnsAnchors(), dnsAttack(), dnsLocal(), dnsWalk())
	return cmd
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
func surroundings(ctx context.Context) (wire.Host, tool.Environment) {
	host := network{book: tools.OpenBook()}
	lookup := func(name string) ([]netip.Addr, error) { return net.DefaultResolver.LookupNetIP(ctx, "ip", name) }
	servers, _ := systemServers()
	if at, ok := host.book.Find("dns:53"); ok {
		if ap, err := netip.ParseAddrPort(at); err == nil {
			servers = []netip.AddrPort{ap}
			if stub, err := dns.NewStub(dns.StubOptions{Host: host, Servers: servers}); err == nil {
				lookup = func(name string) ([]netip.Addr, error) { return stub.LookupNetIP(ctx, "ip4", name) }
			}
		}
	}
	return host, tool.Environment{Servers: servers, Lookup: lookup}
}

// Dig asks a name server, with the options and the output of BIND's.
func Dig() *cobra.Command {
	return &cobra.Command{
		Use:   "dig [@SERVER] [-p PORT] NAME [TYPE] [+OPTION…]",
		Short: "Ask a name server, and see the whole reply",
		Long: `Ask a name server, and see the whole reply. The arguments are those of the program
that everybody knows. Without @SERVER the local name server of a running lab is
asked, else the system's. Options: +trace +short +norec +dnssec +tcp +bytes +json
+noedns +cd +time=S +tries=N; -x ADDRESS for names of addresses. +bytes says what
each byte means, in the language of --lang.`,
		Example: `  glassmail dig hamburger.edu MX
  glassmail dig +trace gaia.cs.umass.edu
  glassmail dig @127.0.0.1 -p 2553 www.amazon.com +bytes`,
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if wantsHelp(args) {
				return c.Help()
			}
			args, err := takeLanguage(c, args)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return cli.Wrong("dig: no name: write dig NAME, dig NAME TYPE, or dig @SERVER NAME")
			}
			o, err := tool.ParseDigArgs(args)
			if err != nil {
				return cli.Wrong("%w", err)
			}
			host, env := surroundings(c.Context())
			if env.Meaning, err = meanings(c); err != nil {
				return err
			}
			return tool.Dig(c.Context(), host, c.OutOrStdout(), env, o)
		},
	}
}

// Nslookup asks a name server, as the lecture does.
func Nslookup() *cobra.Command {
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
			args, err := takeLanguage(c, args)
			if err != nil {
				return err
			}
			o, err := tool.ParseNSLookupArgs(args)
			if err != nil {
				return cli.Wrong("%w", err)
			}
			host, env := surroundings(c.Context())
			return tool.NSLookup(c.Context(), host, c.OutOrStdout(), env, o)
		},
	}
}

func wantsHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "-h" || args[0] == "--help" || args[0] == "help")
}
