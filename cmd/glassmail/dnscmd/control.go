package dnscmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"glassmail/atomicfile"
	"glassmail/cmd/glassmail/cli"
	"glassmail/lab"
	"glassmail/lab/book"
)

// errNoLab says how to get what most of the dns commands work on.
var errNoLab = errors.New("no lab runs on this machine: start one in another window with 'glassmail lab' (or 'glassmail dns serve --lab')")

// runningNames finds the names of the lab that started last.
func runningNames() (*lab.NamesClient, error) {
	dir, err := book.Dir()
	if err != nil {
		return nil, err
	}
	for _, b := range book.Running(dir) {
		if n, err := lab.DialNames(b.Control); err == nil {
			return n, nil
		}
	}
	return nil, errNoLab
}

// ControlFile is where this process lets commands in; "" if there is no place for
// it, which only they will miss.
func ControlFile() string {
	dir, err := book.Dir()
	if err != nil || atomicfile.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return book.ControlFile(dir, os.Getpid())
}

// withNames makes work, on the names of a running lab, what a command runs.
func withNames(work func(c *cobra.Command, n *lab.NamesClient, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		n, err := runningNames()
		if err != nil {
			return err
		}
		return work(c, n, args)
	}
}

// printAs writes v as JSON, or lets table write it.
func printAs(c *cobra.Command, asJSON bool, v any, table func(io.Writer)) error {
	w := c.OutOrStdout()
	if !asJSON {
		table(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON")
}

// onOff reads an argument that switches something.
func onOff(what, s string) (bool, error) {
	switch s {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, cli.Wrong("%s %s: it may be on or off", what, s)
}

// printChange shows what an edit made of a zone.
func printChange(w io.Writer, ch lab.ZoneChange) {
	if len(ch.Added)+len(ch.Removed) == 0 {
		fmt.Fprintf(w, "Nothing has changed in %s\n", ch.Zone)
	} else {
		fmt.Fprintf(w, "%s now has the serial number %d. What is different:\n", ch.Zone, ch.Serial)
	}
	for _, r := range ch.Removed {
		fmt.Fprintf(w, "- %s\n", r)
	}
	for _, r := range ch.Added {
		fmt.Fprintf(w, "+ %s\n", r)
	}
	for _, f := range ch.Findings {
		fmt.Fprintf(w, "look at this: %s\n", f)
	}
}
