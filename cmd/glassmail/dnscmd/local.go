package dnscmd

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/spf13/cobra"

	"glassmail/lab/lesson"
)

// localNames is the answer to the lecture's first exercise.
type localNames struct {
	Source    string        `json:"source"` // where the system names its name servers
	Resolvers []localServer `json:"resolvers"`
	Addresses []string      `json:"addresses"` // of this machine, with the length of their networks
}

// localServer is a name server that this machine asks.
type localServer struct {
	Addr        string   `json:"addr"`
	ThisMachine bool     `json:"thisMachine"`       // a forwarder that runs here
	Asks        []string `json:"asks,omitempty"`    // servers that the forwarder asks, if it says so
	Network     string   `json:"network,omitempty"` // address/length of this machine with which it was compared
	SameNetwork bool     `json:"sameNetwork"`       //
	Working     string   `json:"working,omitempty"` // in binary
}

func dnsLocal() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "local",
		Short: "This machine's name server, address and netmask, and whether they are in one network",
		Long: `Tell which name servers this machine asks, which addresses and netmasks it has, and
whether each name server is in the same network as the machine. The last is worked
out in binary: address AND netmask for both, compared.`,
		Example: "  glassmail dns local",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		found, err := findLocal()
		if err != nil {
			return err
		}
		return printAs(c, asJSON, found, func(w io.Writer) { printLocal(w, found) })
	}
	return cmd
}

func findLocal() (localNames, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return localNames{}, fmt.Errorf("addresses of this machine: %w", err)
	}
	var networks []netip.Prefix
	for _, i := range interfaces {
		p, err := netip.ParsePrefix(i.String())
		if err == nil && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			networks = append(networks, p)
		}
	}
	servers, source := systemServers()
	if len(servers) == 0 {
		return localNames{}, fmt.Errorf("%s names no name server: this machine finds no names, unless another program does it for it", source)
	}
	return describeLocal(servers, source, networks), nil
}

// describeLocal compares each server with the network of this machine that it
// lies in, or else with the first of its kind.
func describeLocal(servers []netip.AddrPort, source string, networks []netip.Prefix) localNames {
	out := localNames{Source: source, Addresses: []string{}}
	for _, n := range networks {
		out.Addresses = append(out.Addresses, n.String())
	}
	for _, s := range servers {
		one := localServer{Addr: s.Addr().String(), ThisMachine: s.Addr().IsLoopback()}
		if one.ThisMachine {
			behind, _ := serversBehind()
			for _, b := range behind {
				one.Asks = append(one.Asks, b.Addr().String())
			}
		}
		if n, ok := nearest(networks, s.Addr()); ok && !one.ThisMachine {
			one.Network = n.String()
			one.SameNetwork, one.Working = lesson.SameNetwork(n, s.Addr())
		}
		out.Resolvers = append(out.Resolvers, one)
	}
	return out
}

func nearest(networks []netip.Prefix, server netip.Addr) (found netip.Prefix, ok bool) {
	for _, n := range networks {
		if n.Contains(server) {
			return n, true
		}
		if !ok && n.Addr().Is4() == server.Is4() {
			found, ok = n, true
		}
	}
	return found, ok
}

func printLocal(w io.Writer, l localNames) {
	fmt.Fprintf(w, "This machine asks, by %s:\n", l.Source)
	for _, r := range l.Resolvers {
		fmt.Fprintf(w, "  %s\n", r.Addr)
	}
	fmt.Fprintln(w, "It has the addresses:")
	for _, a := range l.Addresses {
		fmt.Fprintf(w, "  %s\n", a)
	}
	for _, r := range l.Resolvers {
		switch {
		case r.ThisMachine:
			fmt.Fprintf(w, "\n%s is a name server on this machine itself.\n", r.Addr)
			for _, a := range r.Asks {
				fmt.Fprintf(w, "It asks %s.\n", a)
			}
		case r.Working == "":
			fmt.Fprintf(w, "\nThis machine has no address of the kind of %s.\n", r.Addr)
		default:
			fmt.Fprintf(w, "\n%s", r.Working)
		}
	}
}
