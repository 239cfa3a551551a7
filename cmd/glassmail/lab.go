package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/dnscmd"
	"glassmail/lab"
	"glassmail/lab/book"
)

func labCommand() *cobra.Command {
	var o lab.Options
	var readyFile string
	var noOpen bool
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Start the lecture's internet: crepes.fr, hamburger.edu and the DNS",
		Long: `Start the lecture's internet in one process: the mail servers crepes.fr (alice) and
hamburger.edu (bob), root, top-level, authoritative and local name servers, and a
page that shows every line as it is said. Only this machine can reach it, and
nothing in it can reach the outside. Passwords equal user names. Ctrl-C stops.`,
		Example: `  glassmail lab
  glassmail lab --dir ~/lab --port-base 3500`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Dir, "dir", "", "keep mail and queue in this folder, `DIR` (default: a temporary one, removed at the end)")
	f.StringVar(&o.Wording, "wording", "lecture", "`WORDS` of the SMTP replies: lecture or plain")
	f.StringVar(&o.Web, "web", "127.0.0.1:8025", "`ADDRESS:PORT` of the page; \"\" switches it off")
	f.IntVar(&o.PortBase, "port-base", lab.DefaultPortBase, "first of the lab's ports, `N`: SMTP is +25, IMAP +43, DNS +53, submission +87")
	f.BoolVar(&noOpen, "no-open", false, "do not open the page in a browser")
	f.StringVar(&readyFile, "ready", "", "write addresses to this `FILE`, as JSON, once everything accepts connections")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if err := cli.OneOf("--wording", o.Wording, "lecture", "plain"); err != nil {
			return err
		}
		if o.PortBase != 0 && (o.PortBase < 1000 || o.PortBase > 65000) {
			return cli.Wrong("--port-base %d: it may be 1000 to 65000, or 0 for free ports", o.PortBase)
		}
		if _, _, err := net.SplitHostPort(o.Web); o.Web != "" && err != nil {
			return cli.Wrong("--web %s: write address:port, as in 127.0.0.1:8025", o.Web)
		}
		if o.Dir == "" {
			dir, err := os.MkdirTemp("", "glassmail-lab-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			o.Dir = dir
		}
		lang, err := cli.ChosenLanguage(c)
		if err != nil {
			return err
		}
		o.Language = lang
		return runLab(c, o, readyFile, noOpen)
	}
	return cmd
}

func runLab(c *cobra.Command, o lab.Options, readyFile string, noOpen bool) error {
	say, err := cli.Phrases(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	o.Control = dnscmd.ControlFile()
	o.Version = version()
	l, err := lab.New(ctx, o)
	if err != nil {
		return err
	}
	closeBook := func() {}
	err = l.Run(ctx, func() {
		debug.FreeOSMemory() // hashing the passwords took 19 MiB each
		closeBook = openBook(c, l, o.PortBase)
		if err := cli.WriteReady(readyFile, l.Ready); err != nil {
			cancel(err)
			return
		}
		fmt.Fprint(c.OutOrStdout(), welcome(say, l.Ready))
		if l.Ready.Web != "" && !noOpen {
			openBrowser(c.OutOrStdout(), l.Ready.Web)
		}
	})
	closeBook()
	if err == nil {
		fmt.Fprintln(c.OutOrStdout(), say("tool.lab.stopped"))
	}
	return err
}

// openBook lets the tools find the lab's names. Without it the lab works all the
// same, so that a failure is a remark only.
func openBook(c *cobra.Command, l *lab.Lab, base int) (closeBook func()) {
	dir, err := book.Dir()
	if err == nil {
		err = l.Book(os.Getpid()).Write(dir, base)
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "glassmail: the tools will not know the lab's names: %v\n", err)
		return func() {}
	}
	return func() { book.Remove(dir, base) }
}

// welcome tells where to look and what to type, in at most 20 lines. Its table is
// of names and addresses only.
func welcome(say cli.Phrase, r lab.Ready) string {
	a, b := r.Nodes["crepes.fr"], r.Nodes["hamburger.edu"]
	watch := say("tool.lab.nopage")
	if r.Web != "" {
		watch = say("tool.lab.watch", "url", r.Web)
	}
	row := func(cells ...any) string { return fmt.Sprintf("%-16s %-15s %-15s %-15s %s\n", cells...) }
	table := row("", "smtp", "submission", "imap", say("tool.lab.users")) +
		row("crepes.fr", a.SMTP, a.Submission, a.IMAP, "alice/alice") +
		row("hamburger.edu", b.SMTP, b.Submission, b.IMAP, "bob/bob") +
		fmt.Sprintf("%-16s %s\n", say("tool.lab.dns"), r.DNS)
	return watch + "\n\n" + table + "\n" + say("tool.lab.type", "telnet", spaced(b.SMTP)) + "\n"
}

// spaced is host:port as telnet wants it.
func spaced(addr string) string { return strings.Replace(addr, ":", " ", 1) }
