package datacmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"glassmail/cmd/glassmail/cli"
	"glassmail/cmd/glassmail/tools"
	"glassmail/server"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "user",
		Short:   "Add, change, list and remove accounts",
		Example: "  glassmail user add bob@hamburger.edu\n  echo secret | glassmail user passwd bob@hamburger.edu --password-stdin",
	}
	cmd.AddCommand(userAdd(), userPasswd(), userList(), userRemove())
	return cmd
}

func userAdd() *cobra.Command {
	var d data
	var fromStdin bool
	var file string
	var quota string
	cmd := &cobra.Command{
		Use: "add ADDRESS", Short: "Create an account with its standard folders",
		Example: "  echo secret | glassmail user add bob@hamburger.edu --password-stdin --quota 1GB",
		Args:    cobra.ExactArgs(1),
	}
	d.Flags(cmd, false)
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, first line")
	tools.PasswordFlag(cmd, &file)
	cmd.Flags().StringVar(&quota, "quota", "", "how much mail it may keep, `SIZE` as in 500MB or 1GB (default: no limit)")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		most, err := parseSize(quota)
		if err != nil {
			return cli.Wrong("--quota %w", err)
		}
		if !strings.Contains(args[0], "@") {
			return cli.Wrong("%s: an account is an address with its domain, as in %[1]s@hamburger.edu", args[0])
		}
		password, err := readPassword(c, args[0], file, fromStdin)
		if err != nil {
			return err
		}
		return d.with(true, func(a server.Admin) error {
			if err := a.AddAccount(c.Context(), args[0], password, most); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Added %s.\n", args[0])
			return nil
		})
	}
	return cmd
}

func userPasswd() *cobra.Command {
	var d data
	var fromStdin bool
	var file string
	cmd := &cobra.Command{
		Use: "passwd ADDRESS", Short: "Change a password",
		Example: "  glassmail user passwd bob@hamburger.edu",
		Args:    cobra.ExactArgs(1),
	}
	d.Flags(cmd, false)
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, first line")
	tools.PasswordFlag(cmd, &file)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		password, err := readPassword(c, args[0], file, fromStdin)
		if err != nil {
			return err
		}
		return d.with(false, func(a server.Admin) error {
			if err := a.SetPassword(c.Context(), args[0], password); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Changed the password of %s.\n", args[0])
			return nil
		})
	}
	return cmd
}

func userList() *cobra.Command {
	var d data
	cmd := &cobra.Command{Use: "list", Short: "List accounts", Example: "  glassmail user list --json", Args: cobra.NoArgs}
	d.Flags(cmd, true)
	cmd.RunE = func(c *cobra.Command, _ []string) error {
		return d.with(false, func(a server.Admin) error {
			all, err := a.Accounts(c.Context())
			if err != nil {
				return err
			}
			return d.Print(c.OutOrStdout(), all, func(w io.Writer) {
				for _, u := range all {
					fmt.Fprintf(w, "%-32s %7d messages %10s of %s\n", u.Address, u.Messages, cli.Size(u.Bytes), limitSize(u.MaxBytes))
				}
			})
		})
	}
	return cmd
}

func userRemove() *cobra.Command {
	var d data
	var yes bool
	cmd := &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove an account and all its mail",
		Example: "  glassmail user remove bob@hamburger.edu --yes",
		Args:    cobra.ExactArgs(1),
	}
	d.Flags(cmd, false)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it: the mail cannot be brought back")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if !yes {
			return cli.Wrong("this removes %s and all its mail for ever; say --yes", args[0])
		}
		return d.with(false, func(a server.Admin) error {
			if err := a.RemoveAccount(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Removed %s.\n", args[0])
			return nil
		})
	}
	return cmd
}

// readPassword takes the password of a user from where the flags say.
func readPassword(c *cobra.Command, user, file string, fromStdin bool) (string, error) {
	if fromStdin {
		return tools.PasswordFromStdin(c)
	}
	return tools.Password(c, user, file)
}

// parseSize reads 500MB or 1GB (powers of 1000) or GiB and the like (of 1024) or
// bytes; "" is 0.
func parseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits := strings.TrimRight(s, "KMGTiBkmgtb")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	factor, ok := map[string]int64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(s[len(digits):])]
	if err != nil || !ok || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is no size; write it as 500MB or 1GB", s)
	}
	return n * factor, nil
}

func limitSize(n int64) string {
	if n == 0 {
		return "unlimited"
	}
	return cli.Size(n)
}
