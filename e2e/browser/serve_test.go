package browser_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/lab"
)

// served is a node that runs as a program of its own.
type served struct {
	lab.Ready
	program, data string
	token         string // the operator's
}

// serve runs `glassmail serve` for hamburger.edu with the user bob until the test
// ends.
func serve(t *testing.T, more ...string) served {
	t.Helper()
	needBrowser(t)
	dir := t.TempDir()
	program, data, ready := filepath.Join(dir, "glassmail"), filepath.Join(dir, "data"), filepath.Join(dir, "ready.json")
	if out, err := exec.Command("go", "build", "-o", program, "glassmail/cmd/glassmail").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	any := "127.0.0.1:0"
	cmd := exec.Command(program, append([]string{"serve", "--domain", "hamburger.edu", "--user", "bob:secret", "--data", data,
		"--smtp", any, "--submission", any, "--submissions", "", "--imap", any, "--imaps", "", "--web", any, "--ready", ready}, more...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_CACHE_HOME="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("glassmail serve: %v\n%s", err, out.String())
		}
	})
	s := served{program: program, data: data}
	eventually(t, "glassmail serve is ready", func() bool {
		b, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(b, &s.Ready) == nil
	})
	b, err := os.ReadFile(filepath.Join(data, "web-token"))
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(b))
	return s
}

// At a real server who comes without the token is led to the login, and nothing is
// shown before.
func TestServeWithoutToken(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/", "/dns", "/mail", "/server"} {
		p := openAt(t, s.Web, path, desktop())
		p.see("h2", p.texts.of("shell.login.title"))
		p.until("it is the login page", `location.pathname === "/login" && !document.body.innerText.includes("bob")`)
	}
}

// A link that the node prints lets one browser in, by its button; then nothing of a
// lab is there. The link is good once, and the operator can log out.
func TestServeLoginLink(t *testing.T) {
	s := serve(t)
	out, err := exec.Command(s.program, "login", "--data", s.data).Output()
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(strings.TrimSpace(string(out)), s.Web)
	p := openAt(t, s.Web, path, desktop())
	p.click("button", p.texts.of("shell.login.once"))
	p.until("the operator is known", `document.documentElement.dataset.operator === "yes"`)
	p.see(".masthead", p.texts.of("shell.operator"))
	p.see("#state", p.texts.of("shell.live"))
	if n := p.count("#hold:not([hidden]), #clock:not([hidden])"); n != 0 {
		t.Error("a server that runs for real offers to hold lines or to move the clock")
	}
	p.excuse("401") // of what is asked for while the session ends
	p.click("button", p.texts.of("shell.logout"))
	p.see("h2", p.texts.of("shell.login.title"))
	p.visit(path)
	p.click("button", p.texts.of("shell.login.once"))
	p.see(".error", "this link was used")
}

// The login works where a browser does not say what it asks for: over HTTP, under the
// name of another machine.
func TestServeLoginElsewhere(t *testing.T) {
	s := serve(t, "--web", "0.0.0.0:0")
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Web, "http://"), "]:")
	if port == "" {
		_, port, _ = strings.Cut(strings.TrimPrefix(s.Web, "http://"), ":")
	}
	p := openAt(t, "http://"+elsewhere+":"+port, "/server", desktop())
	p.excuse("Cross-Origin-Opener-Policy") // which Chromium ignores over HTTP, and says so
	p.fill("textbox", p.texts.of("shell.login.token"), s.token)
	p.press("Enter")
	p.until("the operator is known", `document.documentElement.dataset.operator === "yes" && location.pathname === "/server"`)
}

// The operator logs in with the token and manages accounts; a reader logs in with a
// password and reads mail, and sees nothing else.
func TestServeRoles(t *testing.T) {
	s := serve(t)
	operator := openAt(t, s.Web, "/login", desktop())
	operator.fill("textbox", operator.texts.of("shell.login.token"), s.token)
	operator.press("Enter")
	operator.until("the operator is known", `document.documentElement.dataset.operator === "yes"`)
	operator.visit("/server")
	operator.fill("textbox", operator.texts.of("server.users.address"), "carol@hamburger.edu")
	operator.fill("textbox", operator.texts.of("server.users.password"), "mustard")
	operator.press("Enter")
	operator.see("#users td", "carol@hamburger.edu")

	reader := openAt(t, s.Web, "/mail", desktop())
	reader.fill("textbox", reader.texts.of("shell.login.account"), "carol@hamburger.edu")
	reader.fill("textbox", reader.texts.of("shell.login.password"), "mustard")
	reader.press("Enter")
	reader.until("the reader is known", `document.documentElement.dataset.account === "carol@hamburger.edu"`)
	reader.visit("/mail")
	reader.see("#folders", "")
	reader.see(".masthead", reader.texts.of("shell.account", "account", "carol@hamburger.edu"))
	reader.excuse("401") // of what is asked for while the session ends
	reader.click("button", reader.texts.of("shell.logout"))
	reader.until("the reader is logged out", `document.documentElement.dataset.account === ""`)
}
