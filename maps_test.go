package glassmail_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goFile = regexp.MustCompile(`\b\w+\.go\b`)

// A package comment that maps the files of its package names all of them, and no other.
func TestMapsOfFiles(t *testing.T) {
	one, _ := filepath.Glob("*/doc.go")
	two, _ := filepath.Glob("*/*/doc.go")
	mapped := 0
	for _, doc := range append(one, two...) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, list, ok := strings.Cut(string(text), "// Files, in the order in which to read them:")
		if !ok {
			continue
		}
		mapped++
		named := map[string]bool{}
		for _, name := range goFile.FindAllString(list, -1) {
			named[name] = true
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(doc), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name := filepath.Base(f)
			if strings.HasSuffix(name, "_test.go") || name == "doc.go" {
				continue
			}
			if !named[name] {
				t.Errorf("%s does not name %s", doc, name)
			}
			delete(named, name)
		}
		for name := range named {
			t.Errorf("%s names %s, which is not there", doc, name)
		}
	}
	if mapped < 3 {
		t.Errorf("%d maps", mapped)
	}
}
