package dnscmd

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"glassmail/lab"
	"glassmail/lab/lesson"
)

func dnsFault() *cobra.Command {
	cmd := &cobra.Command{
		Use: "fault", Short: "Break the chain of trust of a zone of the lab, and mend it",
		Example: "  glassmail dns fault set amazon.com wrong-ds\n  glassmail dns fault clear amazon.com",
	}
	cmd.AddCommand(faultList(), faultSet(), faultClear())
	return cmd
}

// faultsNow is what "fault list" prints.
type faultsNow struct {
	Known []lesson.ZoneFaultInfo `json:"known"`
	Zones []zoneFault            `json:"zones"`
}

type zoneFault struct {
	Zone  string           `json:"zone"`
	Fault lesson.ZoneFault `json:"fault"`
}

func faultList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the faults there are, and the zones that have one", Args: cobra.NoArgs,
		Example: "  glassmail dns fault list",
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = withNames(func(c *cobra.Command, n *lab.NamesClient, _ []string) error {
		zones, err := n.Zones(c.Context())
		if err != nil {
			return err
		}
		now := faultsNow{Known: slices.DeleteFunc(lesson.Faults(), func(f lesson.ZoneFaultInfo) bool { return f.Fault == lesson.NoFault }), Zones: []zoneFault{}}
		for _, z := range zones {
			if z.Fault != lesson.NoFault {
				now.Zones = append(now.Zones, zoneFault{z.Zone, z.Fault})
			}
		}
		return printAs(c, *asJSON, now, func(w io.Writer) {
			for _, f := range now.Known {
				fmt.Fprintf(w, "%-18s %s\n", f.Fault, f.Text)
			}
			for _, z := range now.Zones {
				fmt.Fprintf(w, "%s has the fault %s.\n", z.Zone, z.Fault)
			}
			if len(now.Zones) == 0 {
				fmt.Fprintln(w, "No zone has one.")
			}
		})
	})
	return cmd
}

func faultSet() *cobra.Command {
	return &cobra.Command{
		Use: "set ZONE FAULT", Short: "Make a fault in a zone", Args: cobra.ExactArgs(2),
		Example: "  glassmail dns fault set amazon.com expired-signature",
		RunE: withNames(func(c *cobra.Command, n *lab.NamesClient, args []string) error {
			if err := n.Break(c.Context(), args[0], lesson.ZoneFault(args[1])); err != nil {
				return err
			}
			gone, err := n.Flush(c.Context(), "")
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%s has the fault %s. The local name server forgot %s, so that it sees it.\n", args[0], args[1], entries(gone))
			}
			return err
		}),
	}
}

func faultClear() *cobra.Command {
	return &cobra.Command{
		Use: "clear ZONE", Short: "Mend a zone", Args: cobra.ExactArgs(1),
		Example: "  glassmail dns fault clear amazon.com",
		RunE: withNames(func(c *cobra.Command, n *lab.NamesClient, args []string) error {
			if err := n.Break(c.Context(), args[0], lesson.NoFault); err != nil {
				return err
			}
			gone, err := n.Flush(c.Context(), "")
			if err == nil {
				fmt.Fprintf(c.OutOrStdout(), "%s is right again. The local name server forgot %s.\n", args[0], entries(gone))
			}
			return err
		}),
	}
}
