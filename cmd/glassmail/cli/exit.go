// Package cli is what the commands of glassmail have in common: how they end, what
// they say of a wrong command line, their language, and how they show long work.
package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"glassmail/wire"
)

// Exit codes of every command.
const (
	Failed = 1 // what was asked for did not succeed
	Usage  = 2 // the command line makes no sense
)

// Exit is an error with the code with which the program is to end.
type Exit struct {
	Code int   // Failed or Usage
	Err  error // what to print
}

// Error is the message of Err.
func (e *Exit) Error() string { return e.Err.Error() }

// Unwrap is Err.
func (e *Exit) Unwrap() error { return e.Err }

// Wrong is an Exit of code Usage: an error about the command line.
func Wrong(format string, args ...any) error {
	return &Exit{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// OneOf checks the value of a flag that has few.
func OneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return Wrong("%s %s: it may be %s or %s", flag, value, strings.Join(allowed[:len(allowed)-1], ", "), allowed[len(allowed)-1])
}

// Prepare makes wrong flags and arguments of a command, and of those below it, an Exit
// of code Usage, and everything else that goes wrong one of code Failed.
func Prepare(cmd *cobra.Command) *cobra.Command {
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	Strict(cmd)
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error { return failed(run(c, args)) }
	} else if cmd.HasSubCommands() && cmd.HasParent() {
		Group(cmd)
	}
	for _, sub := range cmd.Commands() {
		Prepare(sub)
	}
	return cmd
}

// failed wraps err, unless nil, in an Exit of code Failed; an Exit stays as it is.
func failed(err error) error {
	var e *Exit
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Exit{Code: Failed, Err: err}
}

// Listening explains why a server with the flag --listen could not listen; other
// errors stay as they are.
func Listening(what string, err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" || op.Addr == nil {
		return err
	}
	return wire.ListenError(what, op.Addr.String(), "--listen", err)
}

// OnTerminal tells whether somebody sees out.
func OnTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Size is a number of bytes in words.
func Size(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}
