package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Strict makes wrong flags and arguments of a command an Exit of code Usage that
// says what would be right.
func Strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Wrong("%w%s\nIt should be: %s\nSee '%s --help'.", err, similarFlags(c, err), c.UseLine(), c.CommandPath())
	})
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(c *cobra.Command, given []string) error {
		err := check(c, given)
		var exit *Exit
		if err == nil || errors.As(err, &exit) {
			return err
		}
		return Wrong("%s.\nIt should be: %s\nSee '%s --help'.", counted(len(given)), c.UseLine(), c.CommandPath())
	}
}

// counted says how many arguments there were.
func counted(n int) string {
	switch n {
	case 0:
		return "no argument was given"
	case 1:
		return "1 argument was given"
	}
	return fmt.Sprintf("%d arguments were given", n)
}

// similarFlags names the flags that may have been meant.
func similarFlags(c *cobra.Command, err error) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return ""
	}
	names := &cobra.Command{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	var near []string
	for _, name := range similar(names, unknown.GetSpecifiedName()) {
		near = append(near, "--"+name)
	}
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// Group makes a command that only holds others say which there are.
func Group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return Wrong("%s needs a command\nSee '%s --help'.", c.CommandPath(), c.CommandPath())
		}
		near := ""
		if all := similar(c, args[0]); len(all) > 0 {
			near = "; did you mean " + strings.Join(all, " or ") + "?"
		}
		return Wrong("%s has no command %q%s\nSee '%s --help'.", c.CommandPath(), args[0], near, c.CommandPath())
	}
}

// similar lists the commands below cmd that may have been meant by a name.
func similar(cmd *cobra.Command, name string) []string {
	const typos = 2 // letters
	cmd.SuggestionsMinimumDistance = typos
	return cmd.SuggestionsFor(name)
}
