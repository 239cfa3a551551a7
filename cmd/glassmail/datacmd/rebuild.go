package datacmd

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/server"
	"glassmail/store/bolt"
)

func mailboxRebuild() *cobra.Command {
	var d data
	var r bolt.RebuildOptions
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Mend data with which a node does not start", Args: cobra.NoArgs,
		Long: `Mend data with which a node does not start: make the index anew from the journal, and
keep all that can be read. The node must be stopped. Make a copy of the folder first.

It starts from the index that is there; with --from from that of a backup; with
--fresh from none. The former index stays beside the new one under another name.

Afterwards clients fetch all folders anew (every UIDVALIDITY is new). What came after
the index that it started from has the flags of its delivery and is where it was delivered
to, and expunged messages of that time may be back. What waited for other servers is
held: see 'glassmail queue list'. Accounts that the index does not know are made
again without a password: see 'glassmail user passwd'.`,
		Example: "  glassmail mailbox rebuild\n  glassmail mailbox rebuild --from /backup/2026-03-14",
	}
	d.Flags(cmd, true)
	cmd.Flags().StringVar(&r.From, "from", "", "folder of a backup, `DIR`, whose index to start from")
	cmd.Flags().BoolVar(&r.Fresh, "fresh", false, "start from no index, if the one that is there is of no use")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if r.Fresh && r.From != "" {
			return cli.Wrong("--from starts from an index, --fresh from none: leave one of them out")
		}
		conf, err := d.Config()
		if err != nil {
			return err
		}
		journal, _ := filepath.Glob(filepath.Join(conf.Data, "journal", "*.seg"))
		index, _ := filepath.Glob(filepath.Join(conf.Data, "index.db*"))
		if len(journal)+len(index) == 0 {
			return fmt.Errorf("there is neither a journal nor an index in %s; name the node's folder with --data", conf.Data)
		}
		bar := cli.NewProgress(c.ErrOrStderr())
		r.Progress = bar.Show
		done, err := server.RebuildStore(&conf, r)
		bar.End()
		if err != nil {
			return err
		}
		return d.Print(c.OutOrStdout(), done, func(w io.Writer) { printRebuilt(w, done, conf.Data) })
	}
	return cmd
}

func printRebuilt(w io.Writer, r bolt.Rebuilt, dir string) {
	fmt.Fprintf(w, "%d messages were brought in from the journal.\n", r.Messages)
	for _, list := range []struct {
		title string
		lines []string
	}{
		{"made again, locked until 'glassmail user passwd' gives them a password:", r.Accounts},
		{"could not be read:", r.Lost},
		{"mended in the index:", r.Mended},
	} {
		if len(list.lines) > 0 {
			fmt.Fprintf(w, "%d %s\n", len(list.lines), list.title)
		}
		for _, l := range list.lines {
			fmt.Fprintf(w, "  %s\n", l)
		}
	}
	if r.Aside != "" {
		fmt.Fprintf(w, "The former index is %s.\n", r.Aside)
	}
	fmt.Fprintf(w, "Check it: glassmail mailbox verify --data %s\n", dir)
}
