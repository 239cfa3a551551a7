package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var listed = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) {2,}\S`)

// subcommands are those that a help text lists.
func subcommands(help string) []string {
	var out []string
	_, rest, _ := strings.Cut(help, "Usage:")
	rest, _, _ = strings.Cut(rest, "\nFlags:")
	if _, after, ok := strings.Cut(rest, "Available Commands:"); ok {
		rest = after
	} else if !strings.Contains(rest, "Servers:") {
		return nil
	}
	for _, m := range listed.FindAllStringSubmatch(rest, -1) {
		if m[1] != "help" && m[1] != "glassmail" {
			out = append(out, m[1])
		}
	}
	return out
}

// Every command, however deep, has a help text with an example.
func TestHelp(t *testing.T) {
	commands := 0
	var walk func(path []string)
	walk = func(path []string) {
		out := must(t, "", append(path[:len(path):len(path)], "--help")...)
		commands++
		name := strings.Join(append([]string{"glassmail"}, path...), " ")
		if !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help does not tell the usage:\n%s", name, out)
		}
		if len(path) > 0 && !strings.Contains(out, "Examples:\n") {
			t.Errorf("%s --help has no example:\n%s", name, out)
		}
		if _, examples, ok := strings.Cut(out, "Examples:\n"); ok && !strings.Contains(examples, "glassmail "+strings.Join(path, " ")) {
			t.Errorf("the example of %s is not one of it:\n%s", name, out)
		}
		for _, sub := range subcommands(out) {
			walk(append(path[:len(path):len(path)], sub))
		}
	}
	walk(nil)
	if commands < 35 {
		t.Errorf("only %d commands were found in the help texts", commands)
	}
}

// A wrong command line ends with 2 and says what would be right.
func TestWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"bogus", `"bogus"`},
		{"user", "user --help"},
		{"user bogus", `"bogus"`},
		{"user add", "user add ADDRESS"},
		{"user add --bogus bob@hamburger.edu", "user add ADDRESS"},
		{"user add bob@hamburger.edu", "--password-stdin"},
		{"user add bob@hamburger.edu --quota much --password-stdin", "1GB"},
		{"user remove bob@hamburger.edu", "--yes"},
		{"alias set info@hamburger.edu", "alias set ADDRESS TARGET"},
		{"queue retry", "--all"},
		{"queue retry --all 1-1", "--all"},
		{"queue show", "queue show ID"},
		{"mailbox list", "mailbox list ADDRESS"},
		{"config bogus", `"bogus"`},
		{"serve", "--domain"},
		{"serve --domain x.y --smtp nonsense", "address:port"},
		{"serve --domain x.y --wording loud", "lecture"},
		{"serve --domain x.y --mx-port 99999", "65535"},
		{"serve --domain x.y --user bob", "--password-file"},
		{"serve --domain x.y --user bob:", "NAME:PASSWORD"},
		{"send --to bob@hamburger.edu --server 127.0.0.1:9 --auth bob", "--password-file"},
		{"send --to bob@hamburger.edu --server 127.0.0.1:9 --auth :x", "USER:PASSWORD"},
		{"serve --domain x.y --plain-login office", "192.0.2.0/24"},
		{"lab extra", "lab --help"},
		{"lab --wording loud", "lecture or plain"},
		{"dns serve", "--lab"},
		{"dns serve --lab --address mail.crepes.fr", "NAME=IP"},
		{"dig hamburger.edu +nonsense", "+nonsense"},
		{"telnet", "telnet HOST PORT"},
		{"send", "--to"},
		{"send --to bob@hamburger.edu --tls maybe", "opportunistic"},
		{"play lecture", "play FILE HOST PORT"},
		{"sockets bogus", `"bogus"`},
		{"sockets udp-client --tries 0", "--tries"},
		{"sockets tcp-client --timeout soon", "--timeout"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Chdir(t.TempDir())
			out, code := run(t, "", strings.Fields(c.args)...)
			if code != 2 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want 2 and %q in\n%s", code, c.want, out)
			}
		})
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What cannot be done ends with 1 and says why.
func TestFailures(t *testing.T) {
	closed := closedPort(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"user", "list", "--data", "nowhere"}, "--data"},
		{[]string{"queue", "list", "--data", "nowhere"}, "--data"},
		{[]string{"config", "check", "missing.toml"}, "missing.toml"},
		{[]string{"play", "missing.dialog", "127.0.0.1", port(closed)}, "missing.dialog"},
		{[]string{"play", "lecture", "127.0.0.1", port(closed)}, "refused"},
		{[]string{"send", "--to", "bob@hamburger.edu", "--server", closed, "--body", "hi"}, "refused"},
		{[]string{"telnet", "127.0.0.1", port(closed)}, "refused"},
		{[]string{"health", "http://" + closed + "/readyz"}, "refused"},
		{[]string{"sockets", "tcp-client", "--server", closed}, "refused"},
		{[]string{"dig", "@127.0.0.1", "-p", port(closed), "hamburger.edu", "+tries=1", "+time=1"}, closed},
	} {
		t.Run(strings.Join(c.args[:2], " "), func(t *testing.T) {
			t.Chdir(t.TempDir())
			out, code := run(t, "", c.args...)
			if code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want 1 and %q in\n%s", code, c.want, out)
			}
		})
	}
}

// A taken port: the error names the flag that chooses another.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	taken, takenUDP := l.Addr().String(), u.LocalAddr().String()
	base := fmt.Sprint(l.Addr().(*net.TCPAddr).Port - 25)
	node := func(flag string) []string {
		args := []string{"serve", "--domain", "x.y", "--data", t.TempDir()}
		for _, f := range []string{"--smtp", "--submission", "--submissions", "--imap", "--imaps", "--web"} {
			addr := ""
			if f == flag {
				addr = taken
			}
			args = append(args, f, addr)
		}
		return args
	}
	for _, c := range []struct {
		flag string
		args []string
	}{
		{"--smtp", node("--smtp")},
		{"--submission", node("--submission")},
		{"--submissions", node("--submissions")},
		{"--imap", node("--imap")},
		{"--imaps", node("--imaps")},
		{"--web", node("--web")},
		{"--port-base", []string{"lab", "--web", "", "--port-base", base}},
		{"--web", []string{"lab", "--web", taken, "--port-base", "0"}},
		{"--listen", []string{"dns", "serve", "--lab", "--listen", taken}},
		{"--listen", []string{"dns", "serve", "--lab", "--listen", takenUDP}},
		{"--listen", []string{"sockets", "tcp-server", "--listen", taken}},
		{"--listen", []string{"sockets", "udp-server", "--listen", takenUDP}},
	} {
		t.Run(c.args[0]+" "+c.flag, func(t *testing.T) {
			out, code := run(t, "", c.args...)
			if code != 1 || !strings.Contains(out, c.flag) || !strings.Contains(out, "another program holds that port") {
				t.Errorf("exit code %d, want 1 and %s in\n%s", code, c.flag, out)
			}
		})
	}
}

// config check finds mistakes and says where they are and what was meant.
func TestConfigCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"key", "domains = [\"hamburger.edu\"]\n[listen]\nsmpt = [\"127.0.0.1:2525\"]\n", []string{"key.toml:3:1", "listen.smpt", "listen.smtp"}},
		{"syntax", "domains = [\"hamburger.edu\"\n", []string{"syntax.toml:1:"}},
		{"type", "domains = \"hamburger.edu\"\n", []string{"type.toml:1:"}},
		{"address", "domains = [\"hamburger.edu\"]\n[listen]\nimap = [\"143\"]\n", []string{"listen.imap", "address:port"}},
		{"wording", "domains = [\"hamburger.edu\"]\nwording = \"loud\"\n", []string{"wording", "lecture"}},
		{"none", "data = \"mail\"\n", []string{"domains"}},
	} {
		file := c.name + ".toml"
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := run(t, "", "config", "check", file)
		if code != 1 {
			t.Errorf("%s: exit code %d, want 1", c.name, code)
		}
		contains(t, out, c.want...)
	}
	if err := os.WriteFile("glassmail.toml", []byte(must(t, "", "config", "example")), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, must(t, "", "config", "check"), "glassmail.toml is good", "hamburger.edu")
	shown := must(t, "", "config", "show")
	if err := os.WriteFile("shown.toml", []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := must(t, "", "config", "show", "shown.toml"); again != shown {
		t.Errorf("config show does not read what it printed:\n%s\n%s", shown, again)
	}
}

// serve reads its configuration from the file, and flags override it.
func TestServeWithFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "glassmail.toml")
	text := fmt.Sprintf("domains = [\"hamburger.edu\"]\ndata = %q\n[listen]\nsmtp = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\nsubmission = []\nsubmissions = []\nimap = [\"127.0.0.1:0\"]\nimaps = []\nweb = [\"127.0.0.1:0\"]\n", filepath.Join(dir, "data"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve", "--config", file, "--wording", "lecture", "--user", "bob:bob")
	n := p.ready.Nodes["hamburger.edu"]
	if n.Submission != "" || n.IMAPS != "" || n.IMAP == "" {
		t.Errorf("ready: %+v", p.ready)
	}
	play(t, n.SMTP, "S: 220 hamburger.edu\nC: HELO crepes.fr\nS: 250 Hello crepes.fr, pleased to meet you\nC: QUIT\nS: 221 hamburger.edu closing connection\n* END")
	contains(t, must(t, "", "user", "list", "--config", file), "bob@hamburger.edu")
	if out := must(t, "", "health", p.ready.Web+"/readyz"); !strings.HasPrefix(out, "ready\nhamburger.edu: ok\nstore: ok\nqueue: ok\n") {
		t.Errorf("health: %q", out)
	}
	p.stop()
	if n := strings.Count(p.out.String(), "  smtp "); n != 2 {
		t.Errorf("%d of 2 smtp listeners are announced:\n%s", n, p.out.String())
	}
}

// The lab says what there is to know in 20 lines, and leaves nothing behind.
func TestLabOutput(t *testing.T) {
	l := startLab(t)
	contains(t, must(t, "", "dig", "hamburger.edu", "MX"), "mail.hamburger.edu.")
	contains(t, must(t, "", "nslookup", "mail.hamburger.edu"), "mail.hamburger.edu")
	var asked map[string]any
	if err := json.Unmarshal([]byte(must(t, "", "dig", "hamburger.edu", "MX", "+json")), &asked); err != nil {
		t.Error(err)
	}
	contains(t, must(t, "", "play", "lecture", "mail.hamburger.edu", "25"), "as the script expects")
	checkKetchup(t, l.ready.Nodes["hamburger.edu"])
	l.stop()
	out := l.out.String()
	if n := strings.Count(strings.TrimSuffix(out, "The lab has stopped.\n"), "\n"); n > 20 {
		t.Errorf("the lab printed %d lines:\n%s", n, out)
	}
	contains(t, out, l.ready.Web, l.ready.DNS, l.ready.Nodes["crepes.fr"].SMTP, "glassmail telnet mail.hamburger.edu 25", "Ctrl-C")
	if out, code := run(t, "", "play", "lecture", "mail.hamburger.edu", "25"); code != 1 {
		t.Errorf("the tools still know the lab after its end: exit code %d\n%s", code, out)
	}
}

var reachedAt = regexp.MustCompile(`127\.0\.0\.1:([1-9]\d*)`)

// The socket programs answer each other through the binary, and their Python
// versions speak with them, too.
func TestSockets(t *testing.T) {
	const said, answered = "do you like ketchup? ñandú\n", "DO YOU LIKE KETCHUP? ÑANDÚ"
	for _, kind := range []string{"udp", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			addr := background(t, program, "sockets", kind+"-server", "--listen", "127.0.0.1:0")
			contains(t, must(t, said, "sockets", kind+"-client", "--server", addr), answered)
			script := write(t, kind+".py", must(t, "", "sockets", "show", kind+"-client", "--python"))
			contains(t, use(t, "python3", said, "python3", script, "127.0.0.1", port(addr)), answered)
			contains(t, must(t, "", "sockets", "show", kind+"-server"), "package sockets")
		})
	}
}

// background runs a server until the test ends, and returns the address that it
// prints when it is up.
func background(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = environment(t)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-drained
		cmd.Wait()
	})
	out := bufio.NewScanner(stdout)
	addr := ""
	for addr == "" && out.Scan() {
		addr = reachedAt.FindString(out.Text())
	}
	go func() {
		defer close(drained)
		for out.Scan() {
		}
	}()
	if addr == "" {
		t.Fatalf("%s %v ended without telling an address", name, args)
	}
	return addr
}
