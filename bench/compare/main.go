// Command compare measures glassmail beside Postfix on one machine, in one run,
// and beside a server with the same SMTP front that keeps nothing:
//
//	go run ./bench/compare
//	go run ./bench/compare --quick
//	go run ./bench/compare --subjects glassmail --in-process --cpuprofile cpu.out --connections 100
//
// All get the same messages over the loopback interface, in turn, A B A B, and
// write to the same file system. docs/performance.md says what is measured and
// how. Postfix needs Linux, the Debian package postfix, and root; looking at
// flushes needs strace.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	err := command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, new(usageError)):
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "compare: %v\n", err)
		os.Exit(1)
	}
}

// usageError is a wrong command line.
type usageError struct{ error }

func command(args []string, in io.Reader, out, progress io.Writer) error {
	if len(args) == 1 && args[0] == nullCommand {
		return serveNull(in, out)
	}
	o, err := parseFlags(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("the %v of --limit are over", o.limit))
	defer cancel()
	rep, err := compare(ctx, o, progress)
	if err != nil {
		return err
	}
	return rep.write(o, out)
}

// compare does all the measuring in a folder of its own, which it removes.
func compare(ctx context.Context, o options, progress io.Writer) (rep *report, err error) {
	dir, err := os.MkdirTemp(o.dir, "glassmail-compare-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // Postfix works in it as several users
		return nil, err
	}
	c := &comparison{o: o, dir: dir, program: o.program, progress: progress}
	if c.program == "" {
		c.program = filepath.Join(dir, "glassmail-program")
		fmt.Fprintln(progress, "building glassmail")
		if err := build(ctx, c.program); err != nil {
			return nil, err
		}
	}
	rep = newReport(o, dir)
	if rep.Flushes, err = c.flushes(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	stop, err := profile(o.cpuProfile, o.memProfile)
	if err != nil {
		return nil, err
	}
	rep.Runs, err = c.runs(ctx)
	if ctx.Err() != nil {
		rep.Stopped = context.Cause(ctx).Error()
	}
	return rep, errors.Join(err, stop())
}
