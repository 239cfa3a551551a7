package dnscmd

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/dns"
	"glassmail/lab"
	"glassmail/lab/lesson"
)

func dnsZone() *cobra.Command {
	cmd := &cobra.Command{
		Use: "zone", Short: "See, change and check zones",
		Example: "  glassmail dns zone list\n  glassmail dns zone show hamburger.edu",
	}
	cmd.AddCommand(zoneList(), zoneShow(), zoneEdit(), zoneCheck())
	return cmd
}

func zoneList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the zones of the lab and their servers", Args: cobra.NoArgs,
		Example: "  glassmail dns zone list --json",
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = withNames(func(c *cobra.Command, n *lab.NamesClient, _ []string) error {
		all, err := n.Zones(c.Context())
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, all, func(w io.Writer) {
			for _, z := range all {
				fmt.Fprintf(w, "%-30s serial %-11d %3d records  %s", z.Zone, z.Serial, z.Records, strings.Join(z.Servers, " "))
				if z.Fault != lesson.NoFault {
					fmt.Fprintf(w, "  (fault: %s)", z.Fault)
				}
				fmt.Fprintln(w)
			}
		})
	})
	return cmd
}

func zoneShow() *cobra.Command {
	var signatures bool
	cmd := &cobra.Command{
		Use: "show ZONE", Short: "Show a zone of the lab as master text", Args: cobra.ExactArgs(1),
		Example: "  glassmail dns zone show hamburger.edu\n  glassmail dns zone show hamburger.edu --signatures",
	}
	cmd.Flags().BoolVar(&signatures, "signatures", false, "with keys, denial records and signatures")
	cmd.RunE = withNames(func(c *cobra.Command, n *lab.NamesClient, args []string) error {
		text, err := n.Zone(c.Context(), args[0], signatures)
		fmt.Fprint(c.OutOrStdout(), text)
		return err
	})
	return cmd
}

func zoneEdit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit ZONE add|remove|set RECORD…  or  edit ZONE load FILE",
		Short: "Change a zone of the lab while it is served",
		Long: `Change a zone of the lab while it is served: as a whole or not at all, with a new
serial number and new signatures. Each RECORD is one argument in the words of a
zone file; a name without a final dot lies in the zone, @ is the zone itself, and
the TTL may be left out. "set" puts records in place of all others of their name
and type. "load" takes a whole zone from a file ("-" is standard input), with the
files that it includes from its folder.

With --zones it is not a zone of the lab that changes but a file of that folder, in
one step; 'glassmail dns serve --zones' sees it. The file is written anew: comments,
$INCLUDE lines and signatures of the old one are gone.`,
		Example: `  glassmail dns zone edit hamburger.edu add "shop A 203.0.113.90"
  glassmail dns zone edit hamburger.edu set "@ MX 10 mail" "www 60 A 203.0.113.81"
  glassmail dns zone edit hamburger.edu load hamburger.zone
  glassmail dns zone edit --zones /etc/zones foo.com add "www A 192.0.2.80"`,
		Args: cobra.MinimumNArgs(3),
	}
	asJSON := jsonFlag(cmd)
	folder := cmd.Flags().String("zones", "", "change a zone file of this folder, `DIR`, not the lab")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		e, err := parseEdit(args)
		if err != nil {
			return err
		}
		var ch lab.ZoneChange
		if *folder != "" {
			ch, err = editFolder(*folder, e)
		} else {
			ch, err = editLab(c, e)
		}
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, ch, func(w io.Writer) { printChange(w, ch) })
	}
	return cmd
}

// checkedZone is the outcome of a check.
type checkedZone struct {
	File     string        `json:"file"`
	Zone     string        `json:"zone,omitempty"`
	Serial   uint32        `json:"serial,omitempty"`
	Records  int           `json:"records,omitempty"`
	Findings []dns.Finding `json:"findings"` // the zone can be served all the same
	Error    string        `json:"error,omitempty"`
}

func zoneCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE|FOLDER|ZONE…",
		Short: "Look for mistakes in zone files, or in a zone of the lab",
		Long: `Look for mistakes in zone files. Faults for which a zone cannot be served are told
with file, line and column, and the exit code is 1. The usual slips are told too: a
final dot forgotten, an address where a name belongs, a mail host that is an alias,
a host without address, a delegation without glue. $INCLUDE reaches files of the same
folder and below. This works without a lab; in place of a file may stand a folder, of
which all files that end in .zone are read, or the name of a zone of a running lab.`,
		Example: "  glassmail dns zone check hamburger.zone\n  glassmail dns zone check /etc/zones\n  glassmail dns zone check hamburger.edu",
		Args:    cobra.MinimumNArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		all := []checkedZone{}
		var failed error
		for _, arg := range args {
			some, err := checkZones(c, arg)
			all = append(all, some...)
			failed = errors.Join(failed, err)
		}
		if err := printAs(c, *asJSON, all, func(w io.Writer) { printChecks(w, all) }); err != nil {
			return err
		}
		return failed
	}
	return cmd
}

func printChecks(w io.Writer, all []checkedZone) {
	for _, z := range all {
		if z.Error != "" {
			continue // told as the error of the command
		}
		for _, f := range z.Findings {
			fmt.Fprintf(w, "%s: %s\n", z.File, f)
		}
		fmt.Fprintf(w, "%s: the zone %s, serial number %d, %d records, can be served.\n", z.File, z.Zone, z.Serial, z.Records)
	}
}
