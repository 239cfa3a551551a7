package tools

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"glassmail/cmd/glassmail/cli"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// passwordVariable is the environment variable that may hold a password: other users of
// a machine see the words of a command line, but not its environment.
const passwordVariable = "GLASSMAIL_PASSWORD"

// PasswordFlag adds --password-file to a command.
func PasswordFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "password-file", "", "`FILE` whose first line is the password; without it "+passwordVariable+" is looked at, then you are asked")
}

// Password is that of a user: the first line of file if one is named, else
// GLASSMAIL_PASSWORD, else what is typed at the terminal.
func Password(c *cobra.Command, user, file string) (string, error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("--password-file: %w", err)
		}
		defer f.Close()
		return firstLine(f, file)
	}
	if p := os.Getenv(passwordVariable); p != "" {
		return p, nil
	}
	in, isFile := c.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		ways := "--password-file"
		if c.Flags().Lookup("password-stdin") != nil {
			ways += ", --password-stdin"
		}
		return "", cli.Wrong("the password of %s is not known, and there is no terminal to ask: give it with %s or in %s", user, ways, passwordVariable)
	}
	fmt.Fprintf(c.ErrOrStderr(), "Password of %s: ", user)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.ErrOrStderr())
	if err == nil && len(b) == 0 {
		err = errors.New("the password is empty")
	}
	return string(b), err
}

// PasswordFromStdin is the first line of standard input.
func PasswordFromStdin(c *cobra.Command) (string, error) {
	return firstLine(c.InOrStdin(), "standard input")
}

// maxPasswordLine is how much is read of what should be a line with a password, in
// bytes: more than a password may have.
const maxPasswordLine = 64 << 10

func firstLine(r io.Reader, name string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", cli.Wrong("the password is empty: write it as the first line of %s", name)
	}
	return line, nil
}
