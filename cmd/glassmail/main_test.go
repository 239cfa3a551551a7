package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The tests read English, whatever their user reads.
func TestMain(m *testing.M) {
	os.Setenv("GLASSMAIL_LANG", "en")
	os.Exit(m.Run())
}

// everyCommand calls see with each command that there is, but for the root.
func everyCommand(see func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				see(sub)
				walk(sub)
			}
		}
	}
	walk(newRoot())
}

// Every flag says what it wants: no value is called by the name of its type, but
// for numbers and times, which say their units.
func TestFlagsAreExplained(t *testing.T) {
	flags := 0
	everyCommand(func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			flags++
			name, text := pflag.UnquoteUsage(f)
			if len(text) < 10 {
				t.Errorf("%s --%s: %q", c.CommandPath(), f.Name, text)
			}
			if name == "string" || name == "stringArray" || name == "strings" {
				t.Errorf("%s --%s wants a %s", c.CommandPath(), f.Name, name)
			}
		})
	})
	if flags < 80 {
		t.Errorf("found %d flags only", flags)
	}
}

// What is wrong with a command line ends with 2 and says what would be right.
func TestWrongCommandLines(t *testing.T) {
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"labb", []string{"Did you mean this?\n\tlab\n"}},
		{"dns zoen", []string{`no command "zoen"; did you mean zone?`, "See 'glassmail dns --help'."}},
		{"dns zone", []string{"needs a command"}},
		{"sockets tcp-sever", []string{"did you mean tcp-server?"}},
		{"lab --port 5", []string{"unknown flag: --port; did you mean --port-base?"}},
		{"user remvoe", []string{"did you mean remove?"}},
		{"user add", []string{"no argument was given.\nIt should be: glassmail user add ADDRESS [flags]\nSee 'glassmail user add --help'."}},
		{"telnet h", []string{"1 argument was given.\nIt should be: glassmail telnet HOST PORT"}},
		{"top x y", []string{"2 arguments were given.\nIt should be: glassmail top [flags]"}},
		{"lab --port-base 99", []string{"1000 to 65000"}},
		{"lab --web x", []string{"127.0.0.1:8025"}},
		{"user add bob", []string{"bob@hamburger.edu"}},
		{"mailbox export a@b.c d --format zip", []string{"tar, mbox or maildir"}},
		{"mailbox import a@b.c d --format zip", []string{"tar, mbox, maildir or eml"}},
		{"mailbox rebuild --from x --fresh", []string{"leave one of them out"}},
		{"dig", []string{"dig NAME"}},
		{"nslookup", []string{"nslookup NAME"}},
		{"dig --lang", []string{"en or th"}},
		{"top --json --explain", []string{"leave out --json"}},
		{"top --url x", []string{"http://127.0.0.1:8025"}},
		{"user list --lang de", []string{"en or th"}},
	} {
		var out, errs strings.Builder
		if code := run(strings.Fields(tt.args), strings.NewReader(""), &out, &errs); code != 2 {
			t.Errorf("%s: exit code %d", tt.args, code)
		}
		for _, want := range tt.want {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%s: it lacks %q:\n%s", tt.args, want, errs.String())
			}
		}
		if out.Len() > 0 {
			t.Errorf("%s: errors go to stderr, this to stdout:\n%s", tt.args, out.String())
		}
	}
}
