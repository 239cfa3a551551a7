package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"glassmail/catalogue"
	"glassmail/cmd/glassmail/tools"
	"glassmail/top"
)

// topFlags are the flags of the command top.
type topFlags struct {
	url, token           string
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
queue; and who is connected. The keys are explained by ? there, and in docs/top.md.
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
	cmd.Flags().StringVar(&f.url, "url", "", "web address of the lab or node, `URL` (default: the lab that runs here, else http://127.0.0.1:8025)")
	cmd.Flags().StringVar(&f.token, "token-file", "", "`FILE` with the operator's token, for a node that wants one (web-token in its data folder)")
	cmd.Flags().BoolVar(&f.plain, "plain", false, "print each event as a line, as into a pipe")
	cmd.Flags().BoolVar(&f.explain, "explain", false, "with lines: add what each one means, in the language of --lang")
	cmd.Flags().BoolVar(&f.json, "json", false, "print each event as a line of JSON")
	cmd.Flags().BoolVar(&f.ascii, "ascii", false, "draw with ASCII characters only")
	cmd.RunE = func(c *cobra.Command, _ []string) error { return f.run(c) }
	return cmd
}

func (f *topFlags) run(c *cobra.Command) error {
	lang, err := tools.Language(c)
	if err != nil {
		return err
	}
	if f.explain && f.json {
		return usage("--explain is for lines of text; leave out --json")
	}
	texts, err := catalogue.New()
	if err != nil {
		return err
	}
	client, err := f.client()
	if err != nil {
		return err
	}
	if f.plain || f.json || f.explain || !onTerminal(c.OutOrStdout()) || os.Getenv("TERM") == "dumb" {
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
func (f *topFlags) client() (*top.Client, error) {
	if _, err := pageAddress(f.url); err != nil {
		return nil, err
	}
	client := &top.Client{Find: func() (string, error) { return pageAddress(f.url) }}
	if f.token == "" {
		return client, nil
	}
	b, err := os.ReadFile(f.token)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	client.Token = strings.TrimSpace(string(b))
	return client, nil
}

func onTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// pageAddress is that of the pages of the server to follow, without a final slash:
// what --url says, or the lab that started last.
func pageAddress(flag string) (string, error) {
	at, _ := tools.OpenBook().Find("web:80")
	addr := cmp.Or(flag, "http://"+cmp.Or(at, "127.0.0.1:8025"))
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usage("--url %s: it should look like http://127.0.0.1:8025", addr)
	}
	return strings.TrimSuffix(addr, "/"), nil
}
