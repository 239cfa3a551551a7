package glassmail_test

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"
)

// Every test that docs/security.md names exists, and each of its rows names one.
func TestSecurityTestsExist(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	named := regexp.MustCompile("`([a-z0-9/]+) ((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllSubmatch(text, -1)
	for _, m := range named {
		dir, name := string(m[1]), string(m[2])
		if known[dir] == nil {
			known[dir] = testsIn(t, dir)
		}
		if name != "TestName" && !slices.Contains(known[dir], name) {
			t.Errorf("docs/security.md: there is no test %s in %s", name, dir)
		}
	}
	if len(named) < 100 {
		t.Errorf("only %d tests are named", len(named))
	}
	_, defended, _ := bytes.Cut(text, []byte("## What is defended"))
	for _, row := range regexp.MustCompile(`(?m)^\|.*\|.*\|(.*)\|$`).FindAllSubmatch(defended, -1) {
		if last := string(row[1]); last != " tests " && last != "---" && !regexp.MustCompile("`[a-z0-9/]+ (Test|Fuzz)").MatchString(last) {
			t.Errorf("docs/security.md: a row without a test: %s", row[0])
		}
	}
}
