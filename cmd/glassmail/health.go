package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"glassmail/cmd/glassmail/cli"

	"github.com/spf13/cobra"
)

// maxHealth bounds an answer, in bytes.
const maxHealth = 64 << 10

func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask a node whether it is ready; for containers",
		Long: `Ask a node whether it is ready: it prints how each part of the node is, and ends
with 1 if the node takes no mail at this time. With the address of /healthz the question
is whether the process is of use: if not, start it again.`,
		Example: `  glassmail health
  glassmail health http://127.0.0.1:8025/healthz`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			url := "http://127.0.0.1:8025/readyz"
			if len(args) == 1 {
				url = args[0]
			}
			ctx, cancel := context.WithTimeout(c.Context(), 3*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return cli.Wrong("%w", err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return fmt.Errorf("no node answers; start one, or name the URL of its page: %w", err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(io.LimitReader(resp.Body, maxHealth))
			if err != nil {
				return fmt.Errorf("%s: %w", url, err)
			}
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s: %s\n%s", url, resp.Status, bytes.TrimSpace(text))
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
}
