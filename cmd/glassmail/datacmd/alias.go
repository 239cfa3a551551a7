package datacmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/server"
)

func aliasCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "alias",
		Short:   "Let mail for an address go to others",
		Example: "  glassmail alias set info@hamburger.edu bob@hamburger.edu carol@hamburger.edu",
	}
	cmd.AddCommand(aliasSet(), aliasRemove(), aliasList())
	return cmd
}

func aliasSet() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "set ADDRESS TARGET…", Short: "Create or replace an alias",
		Example: "  glassmail alias set postmaster@hamburger.edu bob@hamburger.edu",
		Args:    cobra.MinimumNArgs(2),
	}
	d.Flags(cmd, false)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.with(false, func(a server.Admin) error {
			if err := a.SetAlias(c.Context(), args[0], args[1:]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Mail for %s goes to %s.\n", args[0], strings.Join(args[1:], ", "))
			return nil
		})
	}
	return cmd
}

func aliasRemove() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove an alias",
		Example: "  glassmail alias remove info@hamburger.edu",
		Args:    cobra.ExactArgs(1),
	}
	d.Flags(cmd, false)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.with(false, func(a server.Admin) error {
			if err := a.SetAlias(c.Context(), args[0], nil); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Removed the alias %s.\n", args[0])
			return nil
		})
	}
	return cmd
}

func aliasList() *cobra.Command {
	var d data
	cmd := &cobra.Command{Use: "list", Short: "List aliases", Example: "  glassmail alias list --json", Args: cobra.NoArgs}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Aliases(c.Context())
			if err != nil {
				return err
			}
			return d.Print(c.OutOrStdout(), all, func(w io.Writer) {
				for _, one := range all {
					fmt.Fprintf(w, "%s → %s\n", one.Address, strings.Join(one.Targets, ", "))
				}
			})
		})
	}
	return cmd
}
