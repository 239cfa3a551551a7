package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

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
	f.StringVar(&o.Dir, "dir", "", "keep mail and queue in this folder (default: a temporary one, removed at the end)")
	f.StringVar(&o.Wording, "wording", "lecture", "texts of the SMTP replies: lecture or plain")
	f.StringVar(&o.Web, "web", "127.0.0.1:8025", `address of the page; "" switches it off`)
	f.IntVar(&o.PortBase, "port-base", lab.DefaultPortBase, "first of the lab's ports: SMTP is +25, IMAP +43, DNS +53, submission +87")
	f.BoolVar(&noOpen, "no-open", false, "do not open the page in a browser")
	f.StringVar(&readyFile, "ready", "", "write addresses to this file, as JSON, once everything accepts connections")
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		if o.Wording != "lecture" && o.Wording != "plain" {
			return usage("--wording %s: it may be lecture or plain", o.Wording)
		}
		if o.Dir == "" {
			dir, err := os.MkdirTemp("", "glassmail-lab-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			o.Dir = dir
		}
		return runLab(c, o, readyFile, noOpen)
	}
	return cmd
}

func runLab(c *cobra.Command, o lab.Options, readyFile string, noOpen bool) error {
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	o.Control = controlFile()
	o.Version = version()
	l, err := lab.New(ctx, o)
	if err != nil {
		return err
	}
	closeBook := func() {}
	err = l.Run(ctx, func() {
		debug.FreeOSMemory() // hashing the passwords took 19 MiB each
		closeBook = openBook(c, l, o.PortBase)
		if err := writeReady(readyFile, l.Ready); err != nil {
			cancel(err)
			return
		}
		fmt.Fprint(c.OutOrStdout(), welcome(l.Ready))
		if l.Ready.Web != "" && !noOpen {
			openBrowser(c.OutOrStdout(), l.Ready.Web)
		}
	})
	closeBook()
	if err == nil {
		fmt.Fprintln(c.OutOrStdout(), "The lab has stopped.")
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

// welcome tells where to look and what to type, in at most 20 lines.
func welcome(r lab.Ready) string {
	a, b := r.Nodes["crepes.fr"], r.Nodes["hamburger.edu"]
	watch := "The page is off."
	if r.Web != "" {
		watch = "Watch it:        " + r.Web
	}
	return fmt.Sprintf(`The lecture's internet is up.
%s

                 smtp            submission      imap            user/password
crepes.fr        %-15s %-15s %-15s alice/alice
hamburger.edu    %-15s %-15s %-15s bob/bob
name server      %s

In another window, type the lecture's dialogue (or telnet %s):
  glassmail telnet mail.hamburger.edu 25
Send from Alice to Bob; crepes.fr looks up the MX and relays:
  glassmail send --server crepes.fr:587 --auth alice:alice --from alice@crepes.fr --to bob@hamburger.edu --subject Lunch --body "Hungry?"
Read Bob's mail: any IMAP program at the address above, or
  glassmail telnet mail.hamburger.edu 143
Ask the name servers:
  glassmail dig hamburger.edu MX
Ctrl-C stops the lab.
`, watch, a.SMTP, a.Submission, a.IMAP, b.SMTP, b.Submission, b.IMAP, r.DNS, spaced(b.SMTP))
}
