package dnscmd

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/dns"
	"glassmail/lab"
)

func dnsMode() *cobra.Command {
	var to []string
	var minimise, ids, port string
	cmd := &cobra.Command{
		Use:   "mode [iterative|recursive|forward]",
		Short: "See or change how the lab's local name server searches",
		Long: `See or change how the lab's local name server searches:

  iterative  it asks from the root down itself (the lecture's first picture)
  recursive  it asks a root server, which asks the next, and so on (the second)
  forward    it lets another local name server of the lab search

What its cache holds stays; empty it with 'glassmail dns cache --flush' to see a
difference. The flags change other ways. Short ids and a fixed port make forged
replies easy: they are for 'glassmail dns attack'.`,
		Example: `  glassmail dns mode
  glassmail dns mode recursive
  glassmail dns mode --qname-min on`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringArrayVar(&to, "to", nil, "forward: `IP[:PORT]` in the lab of the server that searches; may be repeated")
	f.StringVar(&minimise, "qname-min", "", "`on|off`: tell each server no more of the name than it needs (RFC 9156)")
	f.StringVar(&ids, "id-bits", "", "width of query ids in `BITS`, 1 to 16")
	f.StringVar(&port, "port", "", "local `PORT` of all queries, or random")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		s, err := parseSwitching(strings.Join(args, ""), to, minimise, ids, port)
		if err != nil {
			return err
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		now, err := n.Switch(c.Context(), s)
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, now, func(w io.Writer) { printSwitches(w, now) })
	}
	return cmd
}

func parseSwitching(mode string, to []string, minimise, ids, port string) (s lab.Switching, err error) {
	if mode != "" {
		if mode == "chain" { // its name before
			mode = string(dns.Recurse)
		}
		if err := cli.OneOf("mode", mode, string(dns.Iterate), string(dns.Recurse), string(dns.Forward)); err != nil {
			return s, err
		}
		m := dns.Mode(mode)
		s.Mode = &m
	}
	for _, t := range to {
		ap, err := netip.ParseAddrPort(t)
		if err != nil {
			a, err := netip.ParseAddr(t)
			if err != nil {
				return s, cli.Wrong("--to %s: write an address, as in 198.18.4.54", t)
			}
			ap = netip.AddrPortFrom(a, 53)
		}
		s.ForwardTo = append(s.ForwardTo, ap)
	}
	if minimise != "" {
		on, err := onOff("--qname-min", minimise)
		if err != nil {
			return s, err
		}
		s.Minimise = &on
	}
	return s, parseWeaknesses(&s, ids, port)
}

// parseWeaknesses reads what makes forged replies easier.
func parseWeaknesses(s *lab.Switching, ids, port string) error {
	if ids != "" {
		n, err := strconv.Atoi(ids)
		if err != nil || n < 1 || n > 16 {
			return cli.Wrong("--id-bits %s: it may be 1 to 16", ids)
		}
		s.IDBits = &n
	}
	if port == "random" {
		port = "0"
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return cli.Wrong("--port %s: it may be 1 to 65535, or random", port)
		}
		p := uint16(n)
		s.FixedPort = &p
	}
	return nil
}

func printSwitches(w io.Writer, s dns.Switches) {
	fmt.Fprintf(w, "mode        %s", s.Mode)
	if s.Mode == dns.Forward {
		for _, a := range s.ForwardTo {
			fmt.Fprintf(w, " to %s", a)
		}
	}
	port := "random"
	if s.FixedPort != 0 {
		port = strconv.Itoa(int(s.FixedPort))
	}
	fmt.Fprintf(w, "\nvalidate    %s\nqname-min   %s\nquery ids   %d bits\nquery port  %s\n", inWords(s.Validate), inWords(s.Minimise), s.IDBits, port)
}

func inWords(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func dnsValidate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [on|off]",
		Short: "See or change whether the lab's local name server checks signatures",
		Example: `  glassmail dns validate
  glassmail dns validate off`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.RunE = func(c *cobra.Command, args []string) error {
		var s lab.Switching
		if len(args) == 1 {
			on, err := onOff("validate", args[0])
			if err != nil {
				return err
			}
			s.Validate = &on
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		now, err := n.Switch(c.Context(), s)
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "The local name server checks signatures: %s\n", inWords(now.Validate))
		}
		return err
	}
	return cmd
}

func dnsAnchors() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "anchors",
		Short: "Print the keys of the lab's root, as delv, named and unbound read them",
		Long: `Print the keys of the lab's root, the anchors from which signatures are checked: as a
"trust-anchors" clause for delv -a and named, or as records for unbound's
trust-anchor-file.`,
		Example: `  glassmail dns anchors > anchors.conf
  delv -a anchors.conf +root=. @127.0.0.1 -p 2553 hamburger.edu MX
  glassmail dns anchors --format unbound`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&format, "format", "delv", "`PROGRAM` that will read it: delv (named reads the same) or unbound")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if format != "delv" && format != "unbound" {
			return cli.Wrong("--format %s: it may be delv or unbound", format)
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		lines, err := n.Anchors(c.Context())
		if err != nil {
			return err
		}
		anchors, err := parseRecords(lines)
		if err != nil {
			return err
		}
		text := dns.AnchorRecords(anchors)
		if format == "delv" {
			text = dns.AnchorFile(anchors)
		}
		fmt.Fprint(c.OutOrStdout(), text)
		return nil
	}
	return cmd
}

func parseRecords(lines []string) ([]dns.Record, error) {
	var out []dns.Record
	for _, l := range lines {
		r, err := dns.ParseRecord(l)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
