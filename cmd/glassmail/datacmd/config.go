package datacmd

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, show and explain the configuration",
		Example: "  glassmail config example > glassmail.toml\n  glassmail config check glassmail.toml",
	}
	cmd.AddCommand(configCheck(), configShow(), configExample())
	return cmd
}

func fileArg(args []string) string {
	if len(args) == 0 {
		return cli.DefaultConfigFile
	}
	return args[0]
}

func configCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: "Check a configuration file and say what it would do",
		Example: "  glassmail config check /etc/glassmail.toml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			conf, err := cli.LoadConfig(fileArg(args))
			if err == nil {
				err = conf.Validate()
			}
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "%s is good.\n", fileArg(args))
			fmt.Fprintf(out, "The node calls itself %s and takes mail for %s.\n", conf.HostName(), strings.Join(conf.Domains, ", "))
			for _, s := range conf.Listen.All() {
				for _, a := range s.Addrs {
					who := "this machine only"
					if !config.IsLoopback(a) {
						who = "everybody who can reach this machine"
					}
					fmt.Fprintf(out, "  %-12s %-22s for %s\n", s.Key, a, who)
				}
			}
			return nil
		},
	}
}

func configShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [FILE]", Short: "Print the whole configuration, defaults included",
		Example: "  glassmail config show",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			conf, err := cli.LoadConfig(strings.Join(args, ""))
			if err != nil {
				return err
			}
			return toml.NewEncoder(c.OutOrStdout()).Encode(conf)
		},
	}
}

func configExample() *cobra.Command {
	return &cobra.Command{
		Use: "example", Short: "Print a commented file with every key",
		Example: "  glassmail config example > glassmail.toml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Example)
			return err
		},
	}
}
