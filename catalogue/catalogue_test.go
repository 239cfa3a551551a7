package catalogue_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"glassmail/catalogue"
)

func newCatalogue(t *testing.T) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every text is there in every language and takes the same arguments.
func TestLanguagesAgree(t *testing.T) {
	c := newCatalogue(t)
	if got := c.Languages(); !slices.Equal(got, []string{"en", "th"}) {
		t.Fatalf("languages %v", got)
	}
	all := c.Keys(catalogue.English)
	if len(all) < 100 {
		t.Fatalf("found %d texts only", len(all))
	}
	for _, lang := range c.Languages() {
		own := c.Keys(lang)
		for _, key := range all {
			if !slices.Contains(own, key) {
				t.Errorf("%s lacks %s", lang, key)
				continue
			}
			en, other := c.Text(catalogue.English, key), c.Text(lang, key)
			if strings.TrimSpace(other) == "" {
				t.Errorf("%s: %s is empty", lang, key)
			}
			if want, got := catalogue.Arguments(en), catalogue.Arguments(other); !slices.Equal(want, got) {
				t.Errorf("%s: %s takes %v, in English %v", lang, key, got, want)
			}
		}
		for _, key := range own {
			if !slices.Contains(all, key) {
				t.Errorf("%s has %s, which English lacks", lang, key)
			}
		}
	}
}

// mention is a key, or the beginning of keys, as a page names it.
type mention struct {
	file, key string
	bare      bool // t(key) without arguments
}

// mentions finds the keys in modules, templates and the commands: whatever is written in quotes
// and begins with the name of an area. Names of settings look the same.
func mentions(t *testing.T, areas []string) []mention {
	t.Helper()
	quoted := regexp.MustCompile("(setting\\(|\\bt\\(|\\bt )?[\"'`]((?:" + strings.Join(areas, "|") + `)\.[A-Za-z0-9_.-]*)(\$\{)?` + "[\"'`]?([)}]?)")
	var out []mention
	house := os.DirFS("..")
	for _, root := range []string{"web/static", "web/templates", "top", "cmd/glassmail"} {
		err := fs.WalkDir(house, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".js", ".html", ".go"}, path.Ext(name)) || strings.HasSuffix(name, "_test.go") {
				return err
			}
			b, err := fs.ReadFile(house, name)
			for line := range strings.Lines(string(b)) {
				if strings.HasPrefix(strings.TrimSpace(line), "//") {
					continue
				}
				for _, m := range quoted.FindAllStringSubmatch(line, -1) {
					ours := path.Ext(name) != ".go" || !strings.HasPrefix(m[2], "dns.") || strings.HasPrefix(m[2], "dns.means.") // else it is of package explain
					if m[1] != "setting(" && ours {
						out = append(out, mention{name, m[2], strings.HasPrefix(m[1], "t") && m[4] != ""})
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// areas are the pages, the shell around them, and the commands.
func areas(t *testing.T) []string {
	t.Helper()
	dirs, err := os.ReadDir("../web/static")
	if err != nil {
		t.Fatal(err)
	}
	out := []string{"top", "tool"}
	for _, d := range dirs {
		if d.IsDir() {
			out = append(out, regexp.QuoteMeta(d.Name()))
		}
	}
	return out
}

// No page names a text that is not there or leaves its arguments out, and no text
// is there for nothing.
func TestPagesAndTextsAgree(t *testing.T) {
	c := newCatalogue(t)
	all := c.Keys(catalogue.English)
	used := map[string]bool{}
	found := mentions(t, areas(t))
	if len(found) < 100 {
		t.Fatalf("found %d mentions only", len(found))
	}
	for _, m := range found {
		if strings.HasSuffix(m.key, ".") { // the rest of the key is not known before it runs
			any := false
			for _, key := range all {
				if strings.HasPrefix(key, m.key) {
					used[key], any = true, true
				}
			}
			if !any {
				t.Errorf("%s: no text begins with %s", m.file, m.key)
			}
			continue
		}
		if slices.Contains([]string{".js", ".css", ".fr", ".edu"}, path.Ext(m.key)) { // files, and hosts of the lecture
			continue
		}
		if !slices.Contains(all, m.key) {
			t.Errorf("%s: there is no text %s", m.file, m.key)
			continue
		}
		used[m.key] = true
		if args := catalogue.Arguments(c.Text(catalogue.English, m.key)); m.bare && len(args) > 0 {
			t.Errorf("%s: %s is shown without its arguments %v", m.file, m.key, args)
		}
	}
	for _, key := range all {
		if !used[key] {
			t.Errorf("nothing shows %s", key)
		}
	}
}

func TestText(t *testing.T) {
	c := newCatalogue(t)
	for _, tt := range []struct{ got, want string }{
		{c.Text("en", "mail.count", "n", 1), "1 message"},
		{c.Text("en", "mail.count", "n", 2), "2 messages"},
		{c.Text("en", "mail.count"), "{n} {n|message|messages}"},
		{c.Text("en", "shell.account", "account", "{n}"), "Logged in as {n}"},
		{c.Text("xx", "shell.nav.mail"), "Mail"},
		{c.Text("th", "no.such.key"), "no.such.key"},
		{c.Match("th-TH,th;q=0.9,en;q=0.8"), "th"},
		{c.Match("de, TH"), "th"},
		{c.Match("de"), "en"},
		{c.Match(strings.Repeat("x,", 10_000) + "th"), "en"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if c.JSON("de") != nil || c.Has("de") || !c.Has("th") {
		t.Error("German is known")
	}
}
