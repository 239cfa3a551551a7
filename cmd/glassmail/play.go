package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/tools"
	"glassmail/dialog"
)

func playCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "play FILE HOST PORT",
		Short: "Play a C:/S: script against a server and compare the replies",
		Long: `Play a script of C: and S: lines against a server: what stands after C: is sent,
what stands after S: must come. FILE may be "lecture": the dialogue of the course is
built in. Names of a running lab are known.`,
		Example: `  glassmail play lecture mail.hamburger.edu 25
  glassmail play my.dialog 127.0.0.1 2526`,
		Args: cobra.ExactArgs(3),
	}
	cmd.RunE = func(c *cobra.Command, args []string) error {
		text := dialog.Lecture
		if args[0] != "lecture" {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			text = string(b)
		}
		script, err := dialog.Parse(args[0], text)
		if err != nil {
			return cli.Wrong("%w", err)
		}
		at := net.JoinHostPort(args[1], args[2])
		err = dialog.Play(c.Context(), script, func(ctx context.Context, _ string) (net.Conn, error) {
			return tools.OpenBook().Dial(ctx, at)
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), "Every reply was as the script expects.")
		return nil
	}
	return cmd
}
