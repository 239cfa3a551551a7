package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"glassmail/server"
)

func mailboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "mailbox", Short: "See the mailboxes of an account",
		Example: "  glassmail mailbox list bob@hamburger.edu",
	}
	cmd.AddCommand(mailboxList())
	return cmd
}

func mailboxList() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "list ADDRESS", Short: "List the folders of an account", Args: cobra.ExactArgs(1),
		Example: "  glassmail mailbox list bob@hamburger.edu --json",
	}
	d.flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Folders(c.Context(), args[0])
			if err != nil {
				return err
			}
			return d.print(c.OutOrStdout(), all, func(w io.Writer) {
				for _, f := range all {
					fmt.Fprintf(w, "%-24s %6d messages %6d unseen %10s\n", f.Name, f.Messages, f.Unseen, formatSize(f.Size))
				}
			})
		})
	}
	return cmd
}
