package dnscmd

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"glassmail/dns"
	"glassmail/lab"
)

func dnsCache() *cobra.Command {
	var flush bool
	cmd := &cobra.Command{
		Use:   "cache [NAME]",
		Short: "Show or empty the cache of the lab's local name server",
		Long: `Show what the lab's local name server knows: each name and type, how long it will be
kept, its value, which server said so, and whether signatures were checked. NAME
limits the list to that name and the names below it. --flush forgets what would be
listed.`,
		Example: `  glassmail dns cache
  glassmail dns cache hamburger.edu
  glassmail dns cache gaia.cs.umass.edu --flush`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().BoolVar(&flush, "flush", false, "forget instead of showing")
	asJSON := jsonFlag(cmd)
	cmd.RunE = withNames(func(c *cobra.Command, n *lab.NamesClient, args []string) error {
		name := strings.Join(args, "")
		if flush {
			gone, err := n.Flush(c.Context(), name)
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "Forgot %s.\n", entries(gone))
			}
			return err
		}
		all, err := n.Cache(c.Context(), name)
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, all, func(w io.Writer) { printCache(w, all) })
	})
	return cmd
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

func printCache(w io.Writer, all []dns.Entry) {
	for _, e := range all {
		value := strings.Join(e.Data, ", ")
		if value == "" {
			value = "(there is none)"
		}
		fmt.Fprintf(w, "%-28s %-9s %8s left  %s\n", e.Name, e.Type, e.Left.Truncate(time.Second), value)
		fmt.Fprintf(w, "    said by %s for %s%s\n", strings.TrimSuffix(e.From, ":53"), e.Zone, verdict(e))
	}
	fmt.Fprintf(w, "%s.\n", entries(len(all)))
}

func verdict(e dns.Entry) string {
	if e.Verdict == "" {
		return ""
	}
	return "; signatures: " + e.Verdict
}
