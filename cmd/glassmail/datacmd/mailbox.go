package datacmd

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/server"
)

func mailboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "mailbox", Short: "See, check, save, export and import mailboxes",
		Example: "  glassmail mailbox list bob@hamburger.edu\n  glassmail mailbox backup /backup/today",
	}
	cmd.AddCommand(mailboxList(), mailboxExport(), mailboxImport(), mailboxVerify(), mailboxRebuild(), mailboxBackup(), mailboxCompact(), mailboxStats())
	return cmd
}

func mailboxList() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "list ADDRESS", Short: "List the folders of an account", Args: cobra.ExactArgs(1),
		Example: "  glassmail mailbox list bob@hamburger.edu --json",
	}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Folders(c.Context(), args[0])
			if err != nil {
				return err
			}
			return d.Print(c.OutOrStdout(), all, func(w io.Writer) {
				for _, f := range all {
					fmt.Fprintf(w, "%-24s %6d messages %6d unseen %10s\n", f.Name, f.Messages, f.Unseen, cli.Size(f.Size))
				}
			})
		})
	}
	return cmd
}

// care runs a task and prints its outcome.
func (d *data) care(c *cobra.Command, t server.Task, table func(io.Writer, server.Outcome)) error {
	_, err := d.outcome(c, t, table)
	return err
}

// outcome is care for a caller who wants to know what came of it.
func (d *data) outcome(c *cobra.Command, t server.Task, table func(io.Writer, server.Outcome)) (out server.Outcome, err error) {
	if t.Path != "" {
		if t.Path, err = filepath.Abs(t.Path); err != nil { // the node may have another working folder
			return out, err
		}
	}
	bar := cli.NewProgress(c.ErrOrStderr())
	err = d.with(false, func(a server.Admin) (err error) {
		out, err = a.Care(c.Context(), t, bar.Show)
		bar.End()
		if err != nil {
			return err
		}
		return d.Print(c.OutOrStdout(), out, func(w io.Writer) { table(w, out) })
	})
	return out, err
}

func mailboxExport() *cobra.Command {
	var d data
	var format string
	cmd := &cobra.Command{
		Use: "export ADDRESS PATH", Short: "Write all mail of an account to files", Args: cobra.ExactArgs(2),
		Long: `Write all mail of an account to files: a folder of mbox files, a Maildir, or a tar
file of .eml files that keeps every byte, flag and date. An export to a Maildir that
was interrupted is finished by doing it again.`,
		Example: "  glassmail mailbox export bob@hamburger.edu bob.tar\n  glassmail mailbox export bob@hamburger.edu bob --format maildir",
	}
	d.Flags(cmd, true)
	cmd.Flags().StringVar(&format, "format", "tar", "`FORMAT` of the files: tar, mbox or maildir")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := cli.OneOf("--format", format, "tar", "mbox", "maildir"); err != nil {
			return err
		}
		return d.care(c, server.Task{Do: "export", User: args[0], Path: args[1], Format: format}, func(w io.Writer, _ server.Outcome) {
			fmt.Fprintf(w, "Exported %s to %s.\n", args[0], args[1])
		})
	}
	return cmd
}

func mailboxImport() *cobra.Command {
	var d data
	var format, into string
	cmd := &cobra.Command{
		Use: "import ADDRESS PATH", Short: "Add mail from files to an account", Args: cobra.ExactArgs(2),
		Long: `Add mail from files to an account: mbox files, a Maildir, a tar file that export
wrote, or .eml files. Flags and dates are kept. A message that is in its folder
already is not added again, so an import that was interrupted is finished by doing
it again. What cannot be read or kept is passed over, with a line that says so;
folders whose names cannot be kept get others.`,
		Example: "  glassmail mailbox import bob@hamburger.edu ~/Maildir --format maildir",
	}
	d.Flags(cmd, true)
	cmd.Flags().StringVar(&format, "format", "tar", "`FORMAT` of the files: tar, mbox, maildir or eml")
	cmd.Flags().StringVar(&into, "into", "", "one `FOLDER` for all messages (default: as the files say)")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := cli.OneOf("--format", format, "tar", "mbox", "maildir", "eml"); err != nil {
			return err
		}
		t := server.Task{Do: "import", User: args[0], Path: args[1], Format: format, Into: into}
		return d.care(c, t, func(w io.Writer, o server.Outcome) {
			fmt.Fprintf(w, "%d added, %d were there already, %d refused\n", o.Imported.Added, o.Imported.Known, o.Imported.Refused)
			some(w, o.Refused, o.Imported.Refused)
			if o.Imported.Changed > 0 {
				fmt.Fprintf(w, "%d were changed:\n", o.Imported.Changed)
				some(w, o.Changed, o.Imported.Changed)
			}
		})
	}
	return cmd
}

// some prints lines, and how many there are of them that are not told.
func some(w io.Writer, lines []string, all int) {
	for _, l := range lines {
		fmt.Fprintf(w, "  %s\n", l)
	}
	if more := all - len(lines); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

func mailboxVerify() *cobra.Command {
	var d data
	var repair, quick bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Recount everything and check every text", Args: cobra.NoArgs,
		Long: `Recount every counter and reference, and read every message text against its
checksum. It works while the node runs. --repair sets counters right and removes
what points to nothing. Without it the exit code is 1 if there are problems.`,
		Example: "  glassmail mailbox verify\n  glassmail mailbox verify --repair",
	}
	d.Flags(cmd, true)
	cmd.Flags().BoolVar(&repair, "repair", false, "mend what can be mended")
	cmd.Flags().BoolVar(&quick, "quick", false, "do not read the texts")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		t := server.Task{Do: "verify", Texts: !quick}
		if repair {
			t = server.Task{Do: "repair"}
		}
		out, err := d.outcome(c, t, func(w io.Writer, o server.Outcome) {
			f := o.Findings
			for _, p := range f.Problems {
				fmt.Fprintln(w, p)
			}
			fmt.Fprintf(w, "%d accounts, %d folders, %d messages, %d texts, %d waiting: %d problems\n",
				f.Accounts, f.Folders, f.Messages, f.Texts, f.Waiting, len(f.Problems)+f.More)
		})
		if err != nil || repair {
			return err
		}
		if n := len(out.Findings.Problems) + out.Findings.More; n > 0 {
			return fmt.Errorf("%d problems; 'glassmail mailbox verify --repair' mends what can be mended", n)
		}
		return nil
	}
	return cmd
}

func mailboxBackup() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "backup DIR", Short: "Make a copy of all data while the node runs", Args: cobra.ExactArgs(1),
		Long: `Make a copy of mail, queue and accounts in a folder that is empty or not there,
while the node runs. Files that never change again are hard-linked if DIR is on the
same disk. To restore, start a node on it: glassmail serve --data DIR.`,
		Example: "  glassmail mailbox backup /backup/$(date +%F)",
	}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return d.care(c, server.Task{Do: "backup", Path: args[0]}, func(w io.Writer, _ server.Outcome) {
			fmt.Fprintf(w, "The copy is in %s.\n", args[0])
		})
	}
	return cmd
}

func mailboxCompact() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "compact", Short: "Give back the room of expunged messages", Args: cobra.NoArgs,
		Long: `Give back the room of expunged messages while the node runs. The node does it by
itself when half of a file is of no use any more.`,
		Example: "  glassmail mailbox compact",
	}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return d.care(c, server.Task{Do: "compact"}, func(w io.Writer, o server.Outcome) {
			fmt.Fprintf(w, "%s freed, %s moved\n", cli.Size(o.Moved.Freed), cli.Size(o.Moved.Moved))
		})
	}
	return cmd
}

func mailboxStats() *cobra.Command {
	var d data
	cmd := &cobra.Command{
		Use: "stats", Short: "Tell what the files hold", Args: cobra.NoArgs,
		Example: "  glassmail mailbox stats --json",
	}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return d.care(c, server.Task{Do: "stats"}, func(w io.Writer, o server.Outcome) {
			s := o.Stats
			fmt.Fprintf(w, "journal   %d segments, %s, of which %s in use\n", s.Segments, cli.Size(s.Journal), cli.Size(s.Live))
			fmt.Fprintf(w, "texts     %d, of which %d in files of their own\n", s.Texts, s.Blobs)
			fmt.Fprintf(w, "index     %s\n", cli.Size(s.Index))
			fmt.Fprintf(w, "flushes   %d of the journal, %d commits of the index since the start\n", s.Flushes, s.Commits)
		})
	}
	return cmd
}
