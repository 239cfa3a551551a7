package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// serveArgs are those of a node with bob, on free ports.
func serveArgs(t *testing.T, more ...string) []string {
	t.Helper()
	args := []string{"serve", "--domain", "hamburger.edu", "--data", filepath.Join(t.TempDir(), "data"), "--user", "bob:bob"}
	for _, service := range []string{"smtp", "imap", "web"} {
		args = append(args, "--"+service, "127.0.0.1:0")
	}
	return append(args, append([]string{"--submission", "", "--submissions", "", "--imaps", ""}, more...)...)
}

const oneMessage = "S: 220 hamburger.edu ESMTP glassmail\nC: HELO crepes.fr\nS: 250 hamburger.edu\nC: MAIL FROM:<alice@crepes.fr>\nS: 250 Ok\n" +
	"C: RCPT TO:<nobody@hamburger.edu>\nS: 550 nobody@hamburger.edu: there is no such user here\nC: RCPT TO:<bob@hamburger.edu>\nS: 250 Ok\nC: QUIT\nS: 221 hamburger.edu Bye\n* END"

// Each line on stderr is an object of JSON, or key=value, or there is none; stdout is
// for people in each case.
func TestServeLog(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("this system has no sh to redirect with")
	}
	for _, format := range []string{"json", "text", "off"} {
		t.Run(format, func(t *testing.T) {
			errs := filepath.Join(t.TempDir(), "stderr")
			p := startBy(t, []string{"sh", "-c", `exec "$@" 2>"$0"`, errs}, serveArgs(t, "--log", format)...)
			n := p.ready.Nodes["hamburger.edu"]
			play(t, n.SMTP, oneMessage)
			login(t, n.IMAP, "bob", "bob")
			p.stop()
			contains(t, p.out.String(), "hamburger.edu is up", "has stopped.")
			b, err := os.ReadFile(errs)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(string(b)) {
				var out struct{ Level, Msg string }
				switch format {
				case "json":
					if err := json.Unmarshal([]byte(line), &out); err != nil {
						t.Errorf("%q: %v", line, err)
					}
				default:
					_, rest, _ := strings.Cut(line, " level=")
					out.Level, rest, _ = strings.Cut(rest, " msg=")
					out.Msg, _, _ = strings.Cut(rest, " ")
				}
				if out.Level == "INFO" {
					got = append(got, out.Msg)
				}
			}
			want := []string{"refused", "login"}
			if format == "off" {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q of\n%s", got, b)
			}
		})
	}
}

// A reader of the log that goes away ends nothing.
func TestLogWithoutReader(t *testing.T) {
	if _, err := exec.LookPath("mkfifo"); err != nil {
		t.Skip("this system has no pipes with names")
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	p := startBy(t, []string{"sh", "-c", `mkfifo "$0"; true <"$0" & exec "$@" 2>"$0"`, pipe}, serveArgs(t)...)
	n := p.ready.Nodes["hamburger.edu"]
	for range 5 {
		play(t, n.SMTP, oneMessage)
	}
	login(t, n.IMAP, "bob", "bob")
}
