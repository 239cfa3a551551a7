package dnscmd

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/lab"
)

// you is who registers domains unless --owner names somebody.
const you = "you"

func dnsRegister() *cobra.Command {
	r := lab.Registration{}
	var servers []string
	cmd := &cobra.Command{
		Use:   "register DOMAIN --ns NAME=IP…",
		Short: "Register a domain in the lab: its name servers enter the zone above",
		Long: `Register a domain with the lab's registrar: the zone above gets an NS record for each
name server and, where the server's name lies in the domain itself, its address
(glue). The records that come and go are shown. A domain that you own already gets
the servers given now; --ds adds the digest of the domain's key, by which its
signatures can be checked; --release gives the domain back.`,
		Example: `  glassmail dns register networkutopia.com --ns dns1.networkutopia.com=212.212.212.1
  glassmail dns register networkutopia.com --ds
  glassmail dns register networkutopia.com --release`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringArrayVar(&servers, "ns", nil, "`NAME=IP` of a name server, or NAME alone if it lies in another domain; may be repeated")
	f.StringVar(&r.Owner, "owner", you, "`NAME` of who registers")
	f.BoolVar(&r.DS, "ds", false, "publish the digest of the domain's key")
	f.BoolVar(&r.Release, "release", false, "give the domain back")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		var err error
		r.Domain = args[0]
		if r.Servers, err = parseServers(servers); err != nil {
			return err
		}
		if len(r.Servers) == 0 && !r.DS && !r.Release {
			return cli.Wrong("name the domain's servers: --ns dns1.%s=212.212.212.1", args[0])
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		done, err := n.Register(c.Context(), r)
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, done, func(w io.Writer) {
			if done.Owner == "" {
				fmt.Fprintf(w, "%s is free again.\n", r.Domain)
			} else {
				fmt.Fprintf(w, "%s belongs to %s.\n", r.Domain, done.Owner)
			}
			printChange(w, done.ZoneChange)
		})
	}
	return cmd
}

// parseServers reads NAME=IP, one argument or several for each name.
func parseServers(given []string) ([]dns.NameServer, error) {
	var out []dns.NameServer
	index := map[string]int{}
	for _, g := range given {
		name, ip, hasIP := strings.Cut(g, "=")
		if _, err := dns.Name(name); err != nil || name == "" {
			return nil, cli.Wrong("--ns %s: write NAME=IP, as in dns1.networkutopia.com=212.212.212.1", g)
		}
		i, known := index[strings.ToLower(name)]
		if !known {
			i = len(out)
			index[strings.ToLower(name)] = i
			out = append(out, dns.NameServer{Name: name})
		}
		if hasIP {
			addr, err := netip.ParseAddr(ip)
			if err != nil {
				return nil, cli.Wrong("--ns %s: %q is no address", g, ip)
			}
			out[i].Addrs = append(out[i].Addrs, addr)
		}
	}
	return out, nil
}

func dnsTransfer() *cobra.Command {
	r := lab.Registration{}
	cmd := &cobra.Command{
		Use: "transfer DOMAIN OWNER", Short: "Give a registered domain to another owner",
		Example: "  glassmail dns transfer networkutopia.com bob",
		Args:    cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&r.Owner, "owner", you, "`NAME` of who has the domain now")
	cmd.RunE = withNames(func(c *cobra.Command, n *lab.NamesClient, args []string) error {
		r.Domain, r.To = args[0], args[1]
		if err := n.Transfer(c.Context(), r); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s belongs to %s.\n", r.Domain, r.To)
		return nil
	})
	return cmd
}
