package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a script of a page of the docs, or what the one before it prints.
type example struct{ kind, text string }

// examples are the blocks of a page that are marked to be run.
func examples(t *testing.T, page string) (out []example) {
	t.Helper()
	b, err := os.ReadFile("../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```(sh|serve|output)\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
		out = append(out, example{m[1], m[2]})
	}
	return out
}

// script makes one script of the examples of a kind: each prints a mark and then
// what it prints. The second result is what is to be printed.
func script(all []example, kind string) (sh, want string) {
	const mark = "== next ==\n"
	for i, e := range all {
		if e.kind != kind {
			continue
		}
		sh += "echo '== next =='\n" + e.text
		want += mark
		if i+1 < len(all) && all[i+1].kind == "output" {
			want += all[i+1].text
		}
	}
	return sh, want
}

// runExamples runs a page's examples of a kind against ports of a test's own.
func runExamples(t *testing.T, page, kind string, ports map[string]string, env ...string) {
	t.Helper()
	for _, name := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed: apt-get install %s", name, name)
		}
	}
	sh, want := script(examples(t, page), kind)
	if sh == "" {
		t.Fatalf("docs/%s has no examples of the kind %s", page, kind)
	}
	for documented, real := range ports {
		if !strings.Contains(sh, documented) {
			t.Errorf("the examples do not use %s", documented)
		}
		sh = strings.ReplaceAll(sh, documented, real)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-c", sh)
	cmd.Dir = t.TempDir()
	cmd.Env = append(environment(t), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil || string(got) != want {
		t.Errorf("%v %s\nprinted\n%s\nwant\n%s", err, stderr.String(), got, want)
	}
}

// What docs/api.md shows is what happens.
func TestAPIExamples(t *testing.T) {
	p := startLab(t)
	runExamples(t, "api.md", "sh", map[string]string{
		"http://127.0.0.1:8025": p.ready.Web, "127.0.0.1:2526": p.ready.Nodes["hamburger.edu"].SMTP,
	})
}

func TestAPIExamplesOfServe(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, "serve", "--domain", "hamburger.edu", "--data", data, "--smtp", "127.0.0.1:0", "--submission", "", "--submissions", "",
		"--imap", "", "--imaps", "", "--web", "127.0.0.1:0")
	runExamples(t, "api.md", "serve", map[string]string{"http://127.0.0.1:8025": p.ready.Web}, "DATA="+data)
}
