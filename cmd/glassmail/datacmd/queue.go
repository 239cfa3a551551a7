package datacmd

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/queue"
	"glassmail/server"
)

func queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "queue",
		Short:   "See and change what waits for other servers",
		Example: "  glassmail queue list\n  glassmail queue retry --all",
	}
	cmd.AddCommand(queueList(), queueShow(),
		queueAmend("retry", "Try entries again now", "will be tried now", queue.RetryNow),
		queueAmend("hold", "Keep entries from being tried", "held", queue.Hold),
		queueAmend("release", "Let held entries be tried again", "released", queue.Release),
		queueAmend("remove", "Forget entries, without a report to their senders", "removed", queue.Remove),
	)
	return cmd
}

func queueList() *cobra.Command {
	var d data
	var dest string
	cmd := &cobra.Command{
		Use: "list", Short: "List waiting recipients", Args: cobra.NoArgs,
		Example: "  glassmail queue list --domain hamburger.edu",
	}
	d.Flags(cmd, true)
	cmd.Flags().StringVar(&dest, "domain", "", "only what waits for this `DOMAIN`")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Queue(c.Context(), dest)
			if err != nil {
				return err
			}
			if all == nil {
				all = []queue.Entry{}
			}
			return d.Print(c.OutOrStdout(), all, func(w io.Writer) {
				for _, e := range all {
					printEntry(w, e)
				}
				fmt.Fprintf(w, "%d waiting\n", len(all))
			})
		})
	}
	return cmd
}

func printEntry(w io.Writer, e queue.Entry) {
	next := "next attempt " + e.Due.Local().Format("2006-01-02 15:04:05")
	switch {
	case e.Held:
		next = "held"
	case !e.Due.After(time.Now()):
		next = "due now"
	}
	fmt.Fprintf(w, "%s  %s → %s  %s  %d attempts, %s\n", e.ID, e.From.Path(), e.To.Path(), cli.Size(e.Size), e.Attempts, next)
	if e.LastReply != "" {
		fmt.Fprintf(w, "    %s: %s\n", orUs(e.LastHost), e.LastReply)
	}
}

func orUs(host string) string {
	if host == "" {
		return "this node"
	}
	return host
}

func queueShow() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show an entry and the beginning of its message", Args: cobra.ExactArgs(1),
		Example: "  glassmail queue show 1f-1",
	}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Queue(c.Context(), "")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(e queue.Entry) bool { return e.ID == args[0] })
			if i < 0 {
				return fmt.Errorf("there is no entry %s; see 'glassmail queue list'", args[0])
			}
			text, err := a.QueueText(c.Context(), args[0])
			if err != nil {
				return err
			}
			shown := struct {
				queue.Entry
				Text string `json:"text"`
			}{all[i], text}
			return d.Print(c.OutOrStdout(), shown, func(w io.Writer) {
				printEntry(w, all[i])
				fmt.Fprintf(w, "    accepted %s\n\n%s", all[i].Accepted.Local().Format("2006-01-02 15:04:05"), text)
			})
		})
	}
	return cmd
}

func queueAmend(verb, short, done string, am queue.Amendment) *cobra.Command {
	var d data
	var all bool
	cmd := &cobra.Command{
		Use: verb + " [ID…]", Short: short,
		Example: "  glassmail queue " + verb + " --all",
	}
	d.Flags(cmd, false)
	cmd.Flags().BoolVar(&all, "all", false, "all entries")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if all == (len(args) > 0) {
			return cli.Wrong("name the entries, or say --all; 'glassmail queue list' shows them")
		}
		var ids []string
		if !all {
			ids = args
		}
		return d.with(false, func(a server.Admin) error {
			n, err := a.AmendQueue(c.Context(), ids, am)
			if err != nil {
				return err
			}
			if n < len(args) {
				return fmt.Errorf("%d of %d entries were there and %s", n, len(args), done)
			}
			fmt.Fprintf(c.OutOrStdout(), "%d %s\n", n, done)
			return nil
		})
	}
	return cmd
}
