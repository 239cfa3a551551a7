package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"glassmail/catalogue"
	"glassmail/cmd/glassmail/cli"
	"glassmail/top"
)

// topFlags are the flags of the command top.
type topFlags struct {
	reader
	plain, explain, json bool
	ascii                bool
}

func topCommand() *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch a running lab or node in the terminal",
		Long: `Watch a running lab or node in the terminal: the journeys of its messages, each with
its ladder, line by line as it happens; the cache of the local name server; the
queue; and who is connected. A node on this machine is found by its data folder, and
so is the operator's token that it wants. The keys are explained by ? there, and in docs/top.md.
When the server stops, top says so and waits until it is back.

Into a pipe or a file, or with --plain, each event is one line instead: time, node,
protocol and connection, and what was said. NO_COLOR is obeyed; nothing is told by
colour alone.`,
		Example: `  glassmail top
  glassmail top --lang th
  glassmail top --plain | grep 'C: RCPT'
  glassmail top --url http://127.0.0.1:8025 --json > events.jsonl`,
		Args: cobra.NoArgs,
	}
	f.reader.flags(cmd)
	cmd.Flags().BoolVar(&f.plain, "plain", false, "print each event as a line, as into a pipe")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "with lines: add what each one means, in the language of --lang")
	cmd.Flags().BoolVar(&f.json, "json", false, "print each event as a line of JSON")
	cmd.Flags().BoolVar(&f.ascii, "ascii", false, "draw with ASCII characters only")
	cmd.RunE = func(c *cobra.Command, _ []string) error { return f.run(c) }
	return cmd
}

func (f *topFlags) run(c *cobra.Command) error {
	lang, err := cli.Language(c)
	if err != nil {
		return err
	}
	if f.explain && f.json {
		return cli.Wrong("--explain is for lines of text; leave out --json")
	}
	texts, err := catalogue.New()
	if err != nil {
		return err
	}
	client, err := f.client(c.Context())
	if err != nil {
		return err
	}
	if f.plain || f.json || f.explain || !cli.OnTerminal(c.OutOrStdout()) || os.Getenv("TERM") == "dumb" {
		lines := top.Lines{
			Client: client, Out: c.OutOrStdout(), Notices: c.ErrOrStderr(), Texts: texts, Lang: lang,
			Explain: f.explain, JSON: f.json, Zone: time.Local,
		}
		err := lines.Run(c.Context())
		if errors.Is(err, syscall.EPIPE) { // the reader has seen enough
			return nil
		}
		return err
	}
	return top.Run(c.Context(), top.Options{
		Client: client, Texts: texts, Lang: lang, Colour: os.Getenv("NO_COLOR") == "", ASCII: f.ascii, Now: time.Now,
	}, c.InOrStdin(), c.OutOrStdout())
}

// client finds the server anew for each call, for a lab that stopped may start
// again elsewhere.
func (f *topFlags) client(ctx context.Context) (*top.Client, error) {
	find := func() (string, string, error) {
		a, err := f.find(ctx)
		return a.URL, a.Token, err
	}
	_, _, err := find()
	return &top.Client{Find: find}, err
}
