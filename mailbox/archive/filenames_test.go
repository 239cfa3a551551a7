package archive

import (
	"glassmail/mailbox"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Each name has a path of its own, which stays below the top.
func TestFolderPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, err := mailbox.FolderName(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a. %/\\:]{1,8}`)).Draw(t, "name"))
		if err != nil {
			t.Skip()
		}
		p, m := folderPath(name), maildirPath(name)
		if got := pathFolder(p); got != name {
			t.Fatalf("%q: path %q is %q", name, p, got)
		}
		if got := maildirFolder(m); got != name {
			t.Fatalf("%q: Maildir %q is %q", name, m, got)
		}
		for l := range strings.SplitSeq(p, "/") {
			if l == "" || l == "." || l == ".." || strings.ContainsAny(l, `\:*?"<>|`) || !utf8.ValidString(l) {
				t.Fatalf("%q: path %q", name, p)
			}
		}
		if strings.Contains(m, "/") || m == ".." {
			t.Fatalf("%q: Maildir %q", name, m)
		}
	})
}
