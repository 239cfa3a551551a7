package dnscmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/config"
	"glassmail/lab"
	"glassmail/lab/book"
	"glassmail/trace"
	"glassmail/wire"
)

// eventsKept is how many events a name server remembers.
const eventsKept = 5000

func dnsServe() *cobra.Command {
	var inLab bool
	var zones, readyFile string
	var listen, addresses []string
	cmd := &cobra.Command{
		Use:   "serve --lab | --zones DIR",
		Short: "Serve the lecture's hierarchy, or the zone files of a folder",
		Long: `With --lab: serve the lecture's name hierarchy for mail servers that run as processes
of their own. Root, top-level and authoritative servers live on a network inside
this process; the local name server, which asks them, answers on --listen. The mail
hosts have the addresses mail.crepes.fr = 127.0.0.2 and mail.hamburger.edu =
127.0.0.3, unless --address says otherwise.

With --zones: answer with authority for the zones in the files DIR/*.zone. When a
file changes, or at the signal SIGHUP, the folder is read again, while queries are
answered; a file with a fault leaves its zone as it was, and the fault is told.`,
		Example: `  glassmail dns serve --lab --listen 127.0.0.1:2553
  glassmail dns serve --lab --listen :2553 --address mail.crepes.fr=192.168.1.10
  glassmail dns serve --zones /etc/zones --listen 127.0.0.1:5300`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.BoolVar(&inLab, "lab", false, "the lecture's hierarchy")
	f.StringVar(&zones, "zones", "", "folder of zone files, `DIR`")
	f.StringArrayVar(&listen, "listen", []string{"127.0.0.1:2553"}, "`ADDRESS:PORT` of the name server, UDP and TCP; may be repeated")
	f.StringArrayVar(&addresses, "address", nil, "with --lab, `NAME=IP`: give a host of the lecture another address; may be repeated")
	f.StringVar(&readyFile, "ready", "", "write addresses to this `FILE`, as JSON, once the server answers")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if inLab == (zones != "") {
			return cli.Wrong("say --lab for the lecture's hierarchy, or --zones DIR for the zone files of a folder")
		}
		replaced, err := parseAddresses(addresses)
		if err != nil {
			return err
		}
		if !inLab {
			if len(addresses) > 0 {
				return cli.Wrong("--address goes with --lab; change the zone files instead")
			}
			return serveZones(c, zones, listen, readyFile)
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
			return nil, cli.Wrong("--address %s: write NAME=IP, as in mail.crepes.fr=127.0.0.2", g)
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
		Internet: internet, Trace: trace.NewLog(eventsKept, clock.Now), Doors: listen, AllDoors: true, Addresses: addresses,
		Control: ControlFile(),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	closeBook := func() {}
	err = names.Run(ctx, func() {
		if err := cli.WriteReady(readyFile, namesReady{DNS: names.Doors()[0].String()}); err != nil {
			cancel(err)
			return
		}
		closeBook = openNamesBook(c, names)
		tellDoors(c, "The local name server", names.Doors())
		for _, host := range []string{"mail.crepes.fr", "mail.hamburger.edu"} {
			fmt.Fprintf(c.OutOrStdout(), "  %-20s %v\n", host, addresses[host])
		}
	})
	closeBook()
	return errors.Join(cli.Listening("the local name server", err), stopped(ctx))
}

// openNamesBook lets dig and the dns commands find these names, under the port of
// the local name server.
func openNamesBook(c *cobra.Command, names *lab.Names) (closeBook func()) {
	door := names.Doors()[0]
	b := book.Book{PID: os.Getpid(), Hosts: names.Book(), Control: ControlFile()}
	b.Hosts["dns:53"] = door.String()
	dir, err := book.Dir()
	if err == nil {
		err = b.Write(dir, int(door.Port()))
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "glassmail: the tools will not know these names: %v\n", err)
		return func() {}
	}
	return func() { book.Remove(dir, int(door.Port())) }
}

// tellDoors says where a name server answers and who can ask it.
func tellDoors(c *cobra.Command, who string, doors []netip.AddrPort) {
	for _, d := range doors {
		fmt.Fprintf(c.OutOrStdout(), "%s answers on %s (UDP and TCP).\n", who, d)
		if !config.IsLoopback(d.String()) {
			fmt.Fprintln(c.OutOrStdout(), "Other machines can ask it.")
		}
	}
}

// stopped is the cause of a stop that nobody asked for.
func stopped(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
