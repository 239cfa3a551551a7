package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/dns"
	"glassmail/lab"
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
				if z.Fault != dns.NoFault {
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
and type. "load" takes a whole zone from a file ("-" is standard input).`,
		Example: `  glassmail dns zone edit hamburger.edu add "shop A 203.0.113.90"
  glassmail dns zone edit hamburger.edu set "@ MX 10 mail" "www 60 A 203.0.113.81"
  glassmail dns zone edit hamburger.edu load hamburger.zone`,
		Args: cobra.MinimumNArgs(3),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		e, err := parseEdit(c.InOrStdin(), args)
		if err != nil {
			return err
		}
		n, err := runningNames()
		if err != nil {
			return err
		}
		ch, err := n.Edit(c.Context(), e)
		if err != nil {
			return err
		}
		return printAs(c, *asJSON, ch, func(w io.Writer) { printChange(w, ch) })
	}
	return cmd
}

// parseEdit reads the arguments of an edit, and the file of a load.
func parseEdit(stdin io.Reader, args []string) (lab.ZoneEdit, error) {
	e := lab.ZoneEdit{Zone: args[0], Way: lab.EditWay(args[1]), Records: args[2:]}
	switch e.Way {
	case lab.AddRecords, lab.RemoveRecords, lab.SetRecords:
		return e, nil
	case lab.LoadZone:
		if len(args) != 3 {
			return e, usage("load takes one file")
		}
	default:
		return e, usage("%s: it may be add, remove, set or load", args[1])
	}
	text, err := readZoneText(stdin, args[2])
	e.File, e.Records = args[2], []string{text}
	return e, err
}

// maxZoneText bounds a zone file that is sent to the lab, in bytes.
const maxZoneText = 3 << 20

func readZoneText(stdin io.Reader, file string) (string, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxZoneText+1))
	if err == nil && len(b) > maxZoneText {
		err = fmt.Errorf("%s is larger than %d bytes", file, maxZoneText)
	}
	return string(b), err
}

// checked is the outcome of a check.
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
		Use:   "check FILE…",
		Short: "Look for mistakes in zone files, or in a zone of the lab",
		Long: `Look for mistakes in zone files. Faults for which a zone cannot be served are told
with file, line and column, and the exit code is 1. The usual slips are told too: a
final dot forgotten, an address where a name belongs, a mail host that is an alias,
a host without address, a delegation without glue. This works without a lab; the
name of a zone of a running lab may stand in place of a file.`,
		Example: "  glassmail dns zone check hamburger.zone\n  glassmail dns zone check hamburger.edu",
		Args:    cobra.MinimumNArgs(1),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		all := []checkedZone{}
		var failed error
		for _, arg := range args {
			one, err := checkZone(c, arg)
			all = append(all, one)
			failed = errors.Join(failed, err)
		}
		if err := printAs(c, *asJSON, all, func(w io.Writer) { printChecks(w, all) }); err != nil {
			return err
		}
		return failed
	}
	return cmd
}

func checkZone(c *cobra.Command, arg string) (checkedZone, error) {
	out := checkedZone{File: arg, Findings: []dns.Finding{}}
	z, err := openZone(c, arg)
	if err != nil {
		out.Error = err.Error()
		return out, err
	}
	out.Zone, out.Serial, out.Records = z.Origin(), z.Serial(), len(z.Unsigned())
	out.Findings = append(out.Findings, dns.Lint(z)...)
	return out, nil
}

// openZone reads a file, or else a zone of a running lab.
func openZone(c *cobra.Command, arg string) (*dns.Zone, error) {
	f, missing := os.Open(arg)
	if missing == nil {
		defer f.Close()
		return dns.ReadZone(f, "", arg)
	}
	n, err := runningNames()
	if err != nil {
		return nil, missing
	}
	text, err := n.Zone(c.Context(), arg, false)
	if err != nil {
		return nil, fmt.Errorf("%w; and in the lab: %w", missing, err)
	}
	return dns.ReadZone(strings.NewReader(text), "", arg)
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
