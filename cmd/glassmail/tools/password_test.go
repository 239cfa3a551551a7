package tools

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A password comes from a file, else from the environment; where nobody can be asked
// the error says how to give it, and an empty one is none.
func TestPassword(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct{ file, variable, want, err string }{
		"file":           {write("one", "from the file\r\nmore\n"), "from the environment", "from the file", ""},
		"no line end":    {write("two", "short"), "", "short", ""},
		"environment":    {"", "from the environment", "from the environment", ""},
		"nowhere":        {"", "", "", "--password-file"},
		"no such file":   {filepath.Join(dir, "none"), "x", "", "--password-file"},
		"an endless one": {"/dev/zero", "", strings.Repeat("\x00", maxPasswordLine), ""},
		"an empty file":  {write("empty", ""), "x", "", "empty"},
		"an empty first": {write("blank", "\nsecret\n"), "x", "", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(c.file, "/dev/") && runtime.GOOS != "linux" {
				t.Skip("Linux has " + c.file)
			}
			t.Setenv(passwordVariable, c.variable)
			cmd := &cobra.Command{}
			cmd.SetIn(strings.NewReader("not a terminal\n"))
			got, err := Password(cmd, "bob", c.file)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
