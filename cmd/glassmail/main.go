// Glassmail is the mail server that you can see through: an SMTP, IMAP and DNS
// server, the lecture's internet in one process, and the tools to talk to them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/datacmd"
	"glassmail/cmd/glassmail/dnscmd"
	"glassmail/cmd/glassmail/tools"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code, 0 for success, 1 when what was
// asked for failed, 2 for a wrong command line.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "glassmail: %v\n", err)
	var exit *cli.Exit
	if errors.As(err, &exit) {
		return exit.Code
	}
	// What is left of cobra's own errors is about the command line.
	fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
	return cli.Usage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "glassmail",
		Short: "The mail server that you can see through",
		Long: `The mail server that you can see through: SMTP, IMAP and DNS for a lecture, for
tests, and for real. Start the lecture's internet and type its dialogue:

  glassmail lab
  glassmail telnet mail.hamburger.edu 25`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			_, err := cli.ChosenLanguage(c) // a wrong one is an error of every command
			return err
		},
	}
	cli.LanguageFlag(root)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Servers:"},
		&cobra.Group{ID: "data", Title: "Data of a node:"},
		&cobra.Group{ID: "tools", Title: "Tools:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", labCommand(), serveCommand(), dnscmd.Command())
	add("data", append(datacmd.Commands(), loginCommand())...)
	add("tools", topCommand(), explainCommand(), tools.Telnet(), tools.Send(), dnscmd.Dig(), dnscmd.Nslookup(), dnscmd.Trace(), tools.Sockets(), pcapCommand(), playCommand(), healthCommand())
	return cli.Prepare(root)
}

// version is that of the module, as the build recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && (v == "" || v == "(devel)") {
			v = s.Value[:12]
		}
	}
	return v + " " + info.GoVersion
}
