package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"glassmail/lab"
)

// site is one node, with a certificate of its own, as a real one has.
type site struct {
	lab.NodeDoors
	ca   string // file
	node *process
}

func newSite(t *testing.T) *site {
	t.Helper()
	data := t.TempDir()
	p := startNode(t, data)
	return &site{p.ready.Nodes["hamburger.edu"], filepath.Join(data, "tls", "ca.pem"), p}
}

// expect waits until bob's INBOX has n messages.
func (s *site) expect(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("bob has %d messages", n), func() bool {
		var folders []struct {
			Name     string
			Messages int
		}
		parse(t, must(t, "", "mailbox", "list", "bob@hamburger.edu", "--json", "--data", filepath.Dir(filepath.Dir(s.ca))), &folders)
		for _, f := range folders {
			if f.Name == "INBOX" {
				return f.Messages == n
			}
		}
		return false
	})
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// use runs a program of the system with an input and expects that it succeeds.
func use(t *testing.T, pkg, stdin, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install %s", name, pkg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment(t)
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in\n%s", p, text)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSwaks(t *testing.T) {
	s := newSite(t)
	letter := []string{"--helo", "crepes.fr", "--from", "bob@hamburger.edu", "--to", "bob@hamburger.edu", "--body", "Do you like ketchup?"}
	auth := []string{"--auth-user", "bob", "--auth-password", "bob"}
	for _, way := range []struct {
		name string
		args []string
	}{
		{"plain", []string{"--server", s.SMTP}},
		{"STARTTLS", []string{"--server", s.SMTP, "--tls", "--tls-verify", "--tls-ca-path", s.ca}},
		{"AUTH PLAIN", append([]string{"--server", s.Submission, "--tls", "--auth", "PLAIN"}, auth...)},
		{"AUTH LOGIN", append([]string{"--server", s.Submission, "--tls", "--auth", "LOGIN"}, auth...)},
		{"implicit TLS", append([]string{"--server", s.Submissions, "--tls-on-connect", "--auth", "PLAIN"}, auth...)},
		{"pipelined", append([]string{"--server", s.Submission, "--tls", "--pipeline", "--auth", "PLAIN"}, auth...)},
	} {
		t.Run(way.name, func(t *testing.T) {
			contains(t, use(t, "swaks", "", "swaks", append(way.args, letter...)...), " 250 2.")
		})
	}
	s.expect(t, 6)
	t.Run("wrong password", func(t *testing.T) {
		out, err := tool(t, "swaks", "swaks", append([]string{"--server", s.Submission, "--tls", "--auth-user", "bob", "--auth-password", "wrong"}, letter...)...)
		if err == nil || !strings.Contains(out, " 535 5.7.8") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("no TLS", func(t *testing.T) {
		out, err := tool(t, "swaks", "swaks", append([]string{"--server", s.Submission}, letter...)...)
		if err == nil || !strings.Contains(out, " 530 5.7.0") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	s.expect(t, 6)
}

func TestCurl(t *testing.T) {
	s := newSite(t)
	curl := func(args ...string) string {
		t.Helper()
		return use(t, "curl", "", "curl", append([]string{"-sS", "--max-time", "30", "--cacert", s.ca, "--ssl-reqd", "-u", "bob:bob"}, args...)...)
	}
	letter := "From: bob@hamburger.edu\r\nTo: bob@hamburger.edu\r\nSubject: pickles\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@hamburger.edu>\r\n\r\nHow about pickles?\r\n.\r\n..\r\n"
	file := write(t, "letter", letter)
	for _, url := range []string{"smtp://" + s.Submission, "smtps://" + s.Submissions} {
		curl(url, "--mail-from", "bob@hamburger.edu", "--mail-rcpt", "bob@hamburger.edu", "-T", file)
	}
	s.expect(t, 2)
	curl("imap://"+s.IMAP+"/Sent", "-T", file)
	for _, base := range []string{"imap://" + s.IMAP, "imaps://" + s.IMAPS} {
		contains(t, curl(base), `"/" INBOX`, `\Sent`)
		if got := curl(base + "/Sent;MAILINDEX=1"); got != letter {
			t.Errorf("what was appended comes back as %q", got)
		}
		if got := curl(base + "/INBOX;UID=2;SECTION=TEXT"); got != "How about pickles?\r\n.\r\n..\r\n" {
			t.Errorf("the text is %q", got)
		}
		contains(t, curl(base+"/INBOX?SUBJECT%20pickles"), "* SEARCH 1 2")
		contains(t, curl(base, "-X", "STATUS Sent (MESSAGES)"), "MESSAGES 1")
	}
}

func TestOpenSSL(t *testing.T) {
	s := newSite(t)
	client := func(stdin string, args ...string) string {
		t.Helper()
		args = append([]string{"s_client", "-quiet", "-ign_eof", "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile", s.ca}, args...)
		return use(t, "openssl", stdin, "openssl", args...)
	}
	smtp, imap := "EHLO crepes.fr\nQUIT\n", "a LOGIN bob bob\nb LOGOUT\n"
	contains(t, client(smtp, "-starttls", "smtp", "-connect", s.SMTP), "250-hamburger.edu", "221 2.0.0")
	contains(t, client(smtp, "-starttls", "smtp", "-connect", s.Submission), "AUTH PLAIN LOGIN", "221 2.0.0")
	contains(t, client(smtp, "-crlf", "-connect", s.Submissions), "220 hamburger.edu", "AUTH PLAIN LOGIN", "221 2.0.0")
	contains(t, client(imap, "-crlf", "-starttls", "imap", "-connect", s.IMAP), "a OK", "* BYE", "b OK")
	contains(t, client(imap, "-crlf", "-connect", s.IMAPS), "* OK", "a OK", "* BYE", "b OK")
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		contains(t, client(smtp, "-crlf", version, "-connect", s.Submissions), "221 2.0.0")
	}
	if out, err := tool(t, "openssl", "openssl", "s_client", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-connect", s.IMAPS); err == nil {
		t.Errorf("TLS 1.1 is spoken:\n%s", out)
	}
}

// The telnet program of the system types the lecture's dialogue: through a pipe,
// the next line as soon as the reply to the one before it has come.
func TestTelnetProgram(t *testing.T) {
	path, err := exec.LookPath("telnet")
	if err != nil {
		t.Skip("telnet is not installed: apt-get install telnet")
	}
	l := startLab(t)
	h := l.ready.Nodes["hamburger.edu"]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	host, port, _ := net.SplitHostPort(h.SMTP)
	cmd := exec.CommandContext(ctx, path, host, port)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	in := bufio.NewScanner(stdout)
	for _, turn := range lectureTurns() {
		got := ""
		for in.Scan() {
			got = strings.TrimRight(in.Text(), "\r")
			printed.WriteString(got + "\n")
			if strings.HasPrefix(got, turn.reply[:4]) {
				break
			}
		}
		if got != turn.reply {
			t.Fatalf("the reply is %q, want %q; telnet had printed\n%s", got, turn.reply, printed.String())
		}
		fmt.Fprint(stdin, turn.typed)
	}
	stdin.Close()
	for in.Scan() {
	}
	cmd.Wait() // telnet ends with 1 when the server closes
	checkKetchup(t, h)
}

type turn struct{ reply, typed string }

// lectureTurns is the lecture's dialogue: a reply, and what is typed after it.
func lectureTurns() []turn {
	return []turn{
		{"220 hamburger.edu", "HELO crepes.fr\n"},
		{"250 Hello crepes.fr, pleased to meet you", "MAIL FROM: <alice@crepes.fr>\n"},
		{"250 alice@crepes.fr... Sender ok", "RCPT TO: <bob@hamburger.edu>\n"},
		{"250 bob@hamburger.edu ... Recipient ok", "DATA\n"},
		{`354 Enter mail, end with "." on a line by itself`, "Do you like ketchup?\nHow about pickles?\n.\n"},
		{"250 Message accepted for delivery", "QUIT\n"},
		{"221 hamburger.edu closing connection", ""},
	}
}

// checkKetchup expects the lecture's two lines, and nothing else, in bob's INBOX.
func checkKetchup(t *testing.T, h lab.NodeDoors) {
	t.Helper()
	bob := login(t, h.IMAP, "bob", "bob")
	bob.do("SELECT INBOX")
	contains(t, bob.do("FETCH 1:* BODY[TEXT]"), " {42}\nDo you like ketchup?\nHow about pickles?\n")
}

// The same at a terminal, which expect provides.
func TestTelnetAtTerminal(t *testing.T) {
	if _, err := exec.LookPath("telnet"); err != nil {
		t.Skip("telnet is not installed: apt-get install telnet")
	}
	l := startLab(t)
	h := l.ready.Nodes["hamburger.edu"]
	var script strings.Builder
	fmt.Fprintf(&script, "set timeout 30\nspawn telnet 127.0.0.1 %s\n", port(h.SMTP))
	for _, turn := range lectureTurns() {
		fmt.Fprintf(&script, "expect {\n {%s} {}\n timeout { exit 3 }\n eof { exit 4 }\n}\n", turn.reply)
		for line := range strings.Lines(turn.typed) {
			fmt.Fprintf(&script, "send -- {%s}\nsend \"\\r\"\n", strings.TrimSuffix(line, "\n"))
		}
	}
	script.WriteString("expect eof\n")
	contains(t, use(t, "expect", "", "expect", write(t, "lecture.exp", script.String())), "Connection closed by foreign host")
	checkKetchup(t, h)
}

// dig and nslookup of BIND ask the lab's local name server.
func TestDigProgram(t *testing.T) {
	names := start(t, "dns", "serve", "--lab", "--listen", "127.0.0.1:0")
	dig := func(args ...string) string {
		t.Helper()
		return use(t, "bind9-dnsutils", "", "dig", append([]string{"@127.0.0.1", "-p", port(names.ready.DNS)}, args...)...)
	}
	for _, transport := range []string{"+notcp", "+tcp"} {
		out := dig("hamburger.edu", "MX", transport)
		contains(t, out, "status: NOERROR", "flags: qr rd ra ad;", "ANSWER: 1,", "MX\t10 mail.hamburger.edu.")
		if got := dig("+short", "mail.hamburger.edu", transport); got != "127.0.0.3\n" {
			t.Errorf("mail.hamburger.edu is %q", got)
		}
		contains(t, dig("no-such-name.hamburger.edu", transport), "status: NXDOMAIN", "SOA")
	}
	contains(t, use(t, "bind9-dnsutils", "", "nslookup", "-port="+port(names.ready.DNS), "mail.crepes.fr", "127.0.0.1"), "Address: 127.0.0.2")
	contains(t, use(t, "bind9-dnsutils", "", "nslookup", "-port="+port(names.ready.DNS), "-type=MX", "crepes.fr", "127.0.0.1"), "mail exchanger = 10 mail.crepes.fr.")
}
