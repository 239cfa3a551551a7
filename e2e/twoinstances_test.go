package e2e_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waiting is an entry of `queue list --json`, as far as the tests look at it.
type waiting struct {
	ID        string `json:"id"`
	Dest      string `json:"dest"`
	Attempts  int    `json:"attempts"`
	LastReply string `json:"lastReply"`
	LastHost  string `json:"lastHost"`
	Held      bool   `json:"held"`
	Text      string `json:"text"`
}

// organisation is one domain with its own process, data folder and address.
type organisation struct {
	t            *testing.T
	domain, user string
	ip           string
	port         int // SMTP, the same for all organisations because of --mx-port
	dns          string
	data         string
	node         *process
}

// up starts the node. Its IMAP and submission ports are new each time.
func (o *organisation) up() {
	o.t.Helper()
	o.node = start(o.t, "serve", "--domain", o.domain, "--data", o.data, "--user", o.user+":"+o.user,
		"--resolver", o.dns, "--relay-allow", "127.0.0.0/8", "--mx-port", fmt.Sprint(o.port), "--smtp", fmt.Sprintf("%s:%d", o.ip, o.port),
		"--submission", o.ip+":0", "--submissions", "", "--imap", o.ip+":0", "--imaps", "", "--web", "")
}

func (o *organisation) down() {
	o.node.stop()
}

// imap logs the organisation's user in.
func (o *organisation) imap() *imap {
	o.t.Helper()
	return login(o.t, o.node.ready.Nodes[o.domain].IMAP, o.user, o.user)
}

// queue is what waits there.
func (o *organisation) queue() []waiting {
	o.t.Helper()
	var out []waiting
	parse(o.t, must(o.t, "", "queue", "list", "--json", "--data", o.data), &out)
	return out
}

// send lets alice submit a message to bob through the tool.
func (o *organisation) send(subject string) {
	o.t.Helper()
	must(o.t, "", "send", "--server", o.node.ready.Nodes[o.domain].Submission, "--auth", o.user+":"+o.user, "--insecure",
		"--from", o.user+"@"+o.domain, "--to", "bob@hamburger.edu", "--subject", subject, "--body", "Do you like ketchup?")
}

func parse(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in the JSON\n%s", err, text)
	}
}

// freePort finds a TCP port that is free at all the addresses. The test is
// skipped on systems that do not have them.
func freePort(t *testing.T, ips ...string) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", ips[0]+":0")
		if err != nil {
			t.Skipf("this system does not have %s: %v", ips[0], err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		free := true
		for _, ip := range ips[1:] {
			other, err := net.Listen("tcp", fmt.Sprintf("%s:%d", ip, port))
			if err != nil {
				if _, again := net.Listen("tcp", ip+":0"); again != nil {
					t.Skipf("this system does not have %s: %v", ip, again)
				}
				free = false
				break
			}
			other.Close()
		}
		l.Close()
		if free {
			return port
		}
	}
	t.Fatalf("no port is free at all of %v", ips)
	return 0
}

// twoOrganisations starts the name server and both nodes, as
// docs/two-instances.md tells.
func twoOrganisations(t *testing.T) (crepes, hamburger *organisation) {
	t.Helper()
	port := freePort(t, "127.0.0.2", "127.0.0.3")
	names := start(t, "dns", "serve", "--lab", "--listen", "127.0.0.1:0")
	crepes = &organisation{t: t, domain: "crepes.fr", user: "alice", ip: "127.0.0.2", port: port, dns: names.ready.DNS, data: t.TempDir()}
	hamburger = &organisation{t: t, domain: "hamburger.edu", user: "bob", ip: "127.0.0.3", port: port, dns: names.ready.DNS, data: t.TempDir()}
	crepes.up()
	hamburger.up()
	return crepes, hamburger
}

// Three processes: the message finds its way by MX. While hamburger.edu is
// stopped it waits, and it is delivered once when that is back.
func TestTwoInstances(t *testing.T) {
	crepes, hamburger := twoOrganisations(t)
	crepes.send("First")
	bob := hamburger.imap()
	eventually(t, "bob has the message", func() bool { return bob.count("INBOX") == 1 })
	bob.do("SELECT INBOX")
	text := bob.do("FETCH 1 BODY[]")
	for _, want := range []string{"Return-Path: <alice@crepes.fr>", "from crepes.fr", "by hamburger.edu", "by crepes.fr", "Subject: First", "Do you like ketchup?"} {
		if !strings.Contains(text, want) {
			t.Errorf("the message lacks %q:\n%s", want, text)
		}
	}
	eventually(t, "nothing waits", func() bool { return len(crepes.queue()) == 0 })

	hamburger.down()
	crepes.send("Second")
	var one waiting
	eventually(t, "the message waits after an attempt", func() bool {
		q := crepes.queue()
		if len(q) != 1 || q[0].Attempts == 0 {
			return false
		}
		one = q[0]
		return true
	})
	if one.Dest != "hamburger.edu" || !strings.Contains(one.LastReply, "refused") {
		t.Errorf("the entry does not tell why it waits: %+v", one)
	}
	hamburger.up()
	must(t, "", "queue", "retry", "--all", "--data", crepes.data)
	eventually(t, "nothing waits any more", func() bool { return len(crepes.queue()) == 0 })
	bob = hamburger.imap()
	bob.do("SELECT INBOX")
	if got := bob.do("UID SEARCH SUBJECT Second"); strings.TrimSpace(got) != "* SEARCH 2" {
		t.Errorf("the second message is not there exactly once, as UID 2: %q", got)
	}
	if n := bob.count("INBOX"); n != 2 {
		t.Errorf("bob has %d messages, want 2", n)
	}
}

// hold, release, show, remove and the rest of `queue`, while the node runs and
// while it is stopped.
func TestQueueCommands(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(map[bool]string{true: "running", false: "stopped"}[running], func(t *testing.T) {
			crepes, hamburger := twoOrganisations(t)
			hamburger.down()
			crepes.send("Waits")
			eventually(t, "the message waits after an attempt", func() bool {
				q := crepes.queue()
				return len(q) == 1 && q[0].Attempts > 0
			})
			if !running {
				crepes.down()
			}
			queueCommands(t, crepes)
			if running {
				crepes.down()
			}
			crepes.up()
			if q := crepes.queue(); len(q) != 0 {
				t.Errorf("what was removed is back after a restart: %+v", q)
			}
		})
	}
}

func queueCommands(t *testing.T, crepes *organisation) {
	id := crepes.queue()[0].ID
	at := []string{"--data", crepes.data}
	queue := func(args ...string) string {
		t.Helper()
		return must(t, "", append(append([]string{"queue"}, args...), at...)...)
	}
	var shown waiting
	parse(t, queue("show", id, "--json"), &shown)
	if shown.ID != id || !strings.Contains(shown.Text, "Subject: Waits\r\n") {
		t.Errorf("queue show --json: %+v", shown)
	}
	if out := queue("show", id); !strings.Contains(out, "Do you like ketchup?") || !strings.Contains(out, "refused") {
		t.Errorf("queue show:\n%s", out)
	}
	if out := queue("list"); !strings.Contains(out, id) || !strings.Contains(out, "1 waiting") {
		t.Errorf("queue list:\n%s", out)
	}
	var other []waiting
	if parse(t, queue("list", "--json", "--domain", "nyu.edu"), &other); len(other) != 0 {
		t.Errorf("queue list --domain nyu.edu: %+v", other)
	}
	queue("hold", id)
	attempts := crepes.queue()[0].Attempts
	queue("retry", "--all")
	if q := crepes.queue(); len(q) != 1 || !q[0].Held || q[0].Attempts != attempts {
		t.Errorf("a held entry was tried, or is not held: %+v", q)
	}
	queue("release", id)
	if q := crepes.queue(); len(q) != 1 || q[0].Held {
		t.Errorf("after release: %+v", q)
	}
	if out, code := run(t, "", "queue", "remove", "nothing-1", "--data", crepes.data); code != 1 || !strings.Contains(out, "0 of 1") {
		t.Errorf("removing what is not there: exit code %d\n%s", code, out)
	}
	queue("remove", id)
	if q := crepes.queue(); len(q) != 0 {
		t.Errorf("after remove: %+v", q)
	}
	if out, code := run(t, "", "queue", "show", id, "--data", crepes.data); code != 1 || !strings.Contains(out, id) {
		t.Errorf("showing what was removed: exit code %d\n%s", code, out)
	}
}

// account is an entry of `user list --json`.
type account struct {
	Address  string `json:"address"`
	Messages int64  `json:"messages"`
	MaxBytes int64  `json:"maxBytes"`
}

// startNode runs one node for hamburger.edu on free ports.
func startNode(t *testing.T, data string, more ...string) *process {
	t.Helper()
	return start(t, append([]string{"serve", "--domain", "hamburger.edu", "--data", data, "--user", "bob:bob", "--smtp", "127.0.0.1:0",
		"--submission", "127.0.0.1:0", "--submissions", "127.0.0.1:0", "--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0",
		"--web", ""}, more...)...)
}

// user and alias do the same while the node runs and while it is stopped.
func TestAccountCommands(t *testing.T) {
	data := t.TempDir()
	node := startNode(t, data)
	t.Run("running", func(t *testing.T) { accountCommands(t, data) })
	smtp := node.ready.Nodes["hamburger.edu"].SMTP
	must(t, "secret\n", "user", "add", "carol@hamburger.edu", "--password-stdin", "--data", data)
	must(t, "", "alias", "set", "info@hamburger.edu", "bob@hamburger.edu", "carol@hamburger.edu", "--data", data)
	play(t, smtp, letterTo("info@hamburger.edu"))
	for user, password := range map[string]string{"bob": "bob", "carol": "secret"} {
		c := login(t, node.ready.Nodes["hamburger.edu"].IMAP, user, password)
		eventually(t, user+" has what was sent to the alias", func() bool { return c.count("INBOX") == 1 })
	}
	must(t, "", "alias", "remove", "info@hamburger.edu", "--data", data)
	play(t, smtp, "S~ 220 .*\nC: HELO crepes.fr\nS~ 250 .*\nC: MAIL FROM:<alice@crepes.fr>\nS~ 250 .*\nC: RCPT TO:<info@hamburger.edu>\nS~ 550 .*\n")
	must(t, "", "user", "remove", "carol@hamburger.edu", "--yes", "--data", data)
	node.stop()
	t.Run("stopped", func(t *testing.T) { accountCommands(t, data) })
}

// Who has logged in with a password that is changed, or to an account that is
// removed, is told to go; others stay.
func TestChangedPasswordEndsSessions(t *testing.T) {
	data := t.TempDir()
	node := startNode(t, data, "--user", "carol:carol")
	doors := node.ready.Nodes["hamburger.edu"]
	idle := login(t, doors.IMAP, "bob", "bob")
	idle.do("SELECT INBOX")
	if _, err := io.WriteString(idle.conn, "i IDLE\r\n"); err != nil {
		t.Fatal(err)
	}
	idle.line()
	carol := login(t, doors.IMAP, "carol", "carol")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00bob"))
	conn, err := net.Dial("tcp", doors.Submission)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	smtp := &imap{t: t, conn: conn, in: bufio.NewReader(conn)} // only its lines are of use here
	for _, c := range []string{"", "EHLO crepes.fr\r\n", "AUTH PLAIN " + plain + "\r\n"} {
		if _, err := io.WriteString(smtp.conn, c); err != nil {
			t.Fatal(err)
		}
		for strings.Contains(smtp.line(), "250-") {
		}
	}
	must(t, "new\n", "user", "passwd", "bob@hamburger.edu", "--password-stdin", "--data", data)
	if got := idle.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("in IDLE: %q", got)
	}
	if got := smtp.line(); !strings.HasPrefix(got, "421 ") {
		t.Errorf("in SMTP: %q", got)
	}
	carol.do("NOOP")
	login(t, doors.IMAP, "bob", "new").do("NOOP")
	must(t, "", "user", "remove", "carol@hamburger.edu", "--yes", "--data", data)
	if got := carol.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("after the account was removed: %q", got)
	}
}

// letterTo is a dialogue that sends a message.
func letterTo(address string) string {
	return "S~ 220 .*\nC: HELO crepes.fr\nS~ 250 .*\nC: MAIL FROM:<alice@crepes.fr>\nS~ 250 .*\nC: RCPT TO:<" + address +
		">\nS~ 250 .*\nC: DATA\nS~ 354 .*\nC: Subject: Lunch\nC:\nC: Do you like ketchup?\nC: .\nS~ 250 .*\nC: QUIT\nS~ 221 .*\n* END"
}

// accountCommands changes accounts and leaves bob alone behind.
func accountCommands(t *testing.T, data string) {
	at := []string{"--data", data}
	do := func(stdin string, args ...string) string {
		t.Helper()
		return must(t, stdin, append(args, at...)...)
	}
	refused := func(want, stdin string, args ...string) {
		t.Helper()
		out, code := run(t, stdin, append(args, at...)...)
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want 1 with %q\n%s", args, code, want, out)
		}
	}
	do("secret\n", "user", "add", "dave@hamburger.edu", "--password-stdin", "--quota", "1GB")
	refused("exists already", "secret\n", "user", "add", "dave@hamburger.edu", "--password-stdin")
	var all []account
	parse(t, do("", "user", "list", "--json"), &all)
	if len(all) != 2 || all[0].Address != "bob@hamburger.edu" || all[1].Address != "dave@hamburger.edu" || all[1].MaxBytes != 1e9 {
		t.Errorf("user list --json: %+v", all)
	}
	if out := do("", "user", "list"); !strings.Contains(out, "dave@hamburger.edu") {
		t.Errorf("user list:\n%s", out)
	}
	do("other\n", "user", "passwd", "dave@hamburger.edu", "--password-stdin")
	refused("not found", "x\n", "user", "passwd", "nobody@hamburger.edu", "--password-stdin")
	var folders []struct{ Name string }
	if parse(t, do("", "mailbox", "list", "dave@hamburger.edu", "--json"), &folders); len(folders) < 6 {
		t.Errorf("mailbox list --json: %+v", folders)
	}
	do("", "alias", "set", "postmaster@hamburger.edu", "dave@hamburger.edu")
	if out := do("", "alias", "list"); !strings.Contains(out, "postmaster@hamburger.edu") || !strings.Contains(out, "dave@hamburger.edu") {
		t.Errorf("alias list:\n%s", out)
	}
	do("", "alias", "remove", "postmaster@hamburger.edu")
	var aliases []struct{ Address string }
	if parse(t, do("", "alias", "list", "--json"), &aliases); len(aliases) != 0 {
		t.Errorf("alias list --json after remove: %+v", aliases)
	}
	do("", "user", "remove", "dave@hamburger.edu", "--yes")
	refused("not found", "", "user", "remove", "dave@hamburger.edu", "--yes")
}

// A changed password counts at once, also for who was logged in before.
func TestPasswordWhileRunning(t *testing.T) {
	data := t.TempDir()
	node := startNode(t, data)
	addr := node.ready.Nodes["hamburger.edu"].IMAP
	login(t, addr, "bob", "bob")
	must(t, "new\n", "user", "passwd", "bob@hamburger.edu", "--password-stdin", "--data", data)
	login(t, addr, "bob", "new")
	play(t, addr, "S~ \\* OK .*\nC: a LOGIN bob bob\nS~ a NO .*")
}

// SIGTERM ends a node with clients connected: they are told, and the process
// ends within its ten seconds.
func TestTerminate(t *testing.T) {
	node := startNode(t, t.TempDir())
	doors := node.ready.Nodes["hamburger.edu"]
	smtp, err := net.Dial("tcp", doors.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer smtp.Close()
	in := bufio.NewReader(smtp)
	in.ReadString('\n')
	fmt.Fprint(smtp, "HELO crepes.fr\r\nMAIL FROM:<alice@crepes.fr>\r\n")
	in.ReadString('\n')
	in.ReadString('\n')
	bob := login(t, doors.IMAP, "bob", "bob")
	bob.do("SELECT INBOX")
	fmt.Fprint(bob.conn, "i IDLE\r\n")
	for !strings.HasPrefix(bob.line(), "+") {
	}
	began := time.Now()
	if err := node.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Skip(err)
	}
	smtp.SetReadDeadline(time.Now().Add(patience))
	if l, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(l, "421 ") {
		t.Errorf("the SMTP client got %q, %v; want 421", l, err)
	}
	if l := bob.line(); !strings.HasPrefix(l, "* BYE") {
		t.Errorf("the IMAP client got %q, want BYE", l)
	}
	<-node.done
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the node took %v to stop, promised are 10 s", took)
	}
	if code := node.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// Two processes never work on one data folder.
func TestSecondProcess(t *testing.T) {
	data := t.TempDir()
	node := startNode(t, data)
	out, code := run(t, "", "serve", "--domain", "hamburger.edu", "--data", data, "--smtp", "127.0.0.1:0",
		"--submission", "", "--submissions", "", "--imap", "", "--imaps", "", "--web", "")
	if code != 1 || !strings.Contains(out, "another glassmail") || !strings.Contains(out, "--data") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	login(t, node.ready.Nodes["hamburger.edu"].IMAP, "bob", "bob")
	node.kill()
	if _, err := os.Stat(data); err != nil {
		t.Fatal(err)
	}
	again := startNode(t, data) // the lock of a killed process does not last
	must(t, "", "user", "list", "--data", data)
	again.kill()
	must(t, "", "user", "list", "--data", data) // a control file that leads nowhere does not matter
}
