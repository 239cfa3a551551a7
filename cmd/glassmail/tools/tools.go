// Package tools holds the commands of glassmail that talk to servers from the
// outside: telnet, send and the lecture's socket programs.
//
// Each constructor returns a cobra command that prints results on its standard
// output and diagnostics nowhere: an error comes back as *Exit, and the program
// prints it and ends with its code. What is printed of a conversation is in the
// notation of package dialog, so it can be saved and played again.
package tools

import (
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

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

// failed wraps err, unless nil, in an Exit of code Failed; an Exit stays as it is.
func failed(err error) error {
	var e *Exit
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Exit{Code: Failed, Err: err}
}

// usage is an Exit of code Usage.
func usage(format string, args ...any) error {
	return &Exit{Code: Usage, Err: fmt.Errorf(format, args...)}
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

// prepare makes wrong flags and arguments of cmd an Exit of code Usage, and
// everything else that goes wrong one of code Failed.
func prepare(cmd *cobra.Command) *cobra.Command {
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	Strict(cmd)
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(c *cobra.Command, given []string) error { return failed(run(c, given)) }
	}
	return cmd
}
