package browser_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"glassmail/lab"
)

// Who is connected is in the table, with what was said last.
func TestConnections(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/server")
	p.see("#sessions", p.texts.of("server.sessions.none"))
	c, err := net.Dial("tcp", l.Ready.Nodes["hamburger.edu"].SMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p.see("#sessions td", c.LocalAddr().String())
	if _, err := c.Write([]byte("HELO crepes.fr\r\n")); err != nil {
		t.Fatal(err)
	}
	p.see("#sessions td", "250 Hello crepes.fr, pleased to meet you")
	p.until("the chart counts it", `document.querySelector("[data-chart=conns] small").textContent.includes("1")`)
	p.click("button", p.texts.of("server.sessions.cut")+": "+c.LocalAddr().String())
	p.see("#sessions", p.texts.of("server.sessions.none"))
	said, err := io.ReadAll(c)
	if err != nil || !strings.Contains(string(said), "\n421 ") {
		t.Errorf("the client whose connection is cut hears %q (%v)", said, err)
	}
}

// A message that waits can be read, held, released, and tried again at once.
func TestQueue(t *testing.T) {
	l := startLab(t)
	deferred(t, l, "Pickles")
	p := open(t, l, "/server")
	const to = "bob@hamburger.edu"
	act := func(key string) { p.t.Helper(); p.click("button", p.texts.of(key)+": "+to) }
	p.see("#queue td", "mail.hamburger.edu: 451 4.3.0 Not now")
	p.click("button", p.texts.of("server.queue.show", "to", to))
	p.see("dialog[open] pre", "Subject: Pickles")
	p.click("button", p.texts.of("shell.close"))
	act("server.queue.hold")
	p.see("#queue td", p.texts.of("server.queue.held"))
	act("server.queue.release")
	p.until("it is no longer held", `![...document.querySelectorAll("#queue td")].some((c) => c.textContent === `+quote(p.texts.of("server.queue.held"))+`)`)
	eventually(t, "its attempt is over", func() bool { return strings.Contains(get(t, l, "/queue"), `"attempts":2`) })
	mend(t, l)
	act("server.queue.retry")
	p.see("#queue", p.texts.of("server.queue.none"))
	p.until("bob has it", `[...document.querySelectorAll("#users tr")].some((r) => r.cells[0].textContent === "bob@hamburger.edu" && r.cells[1].textContent === "1")`)
	p.until("the chart has seen it", `/[1-9]/.test(document.querySelector("[data-chart=delivered] small").textContent)`)
}

// A message that waits can be removed, once the reader is sure.
func TestQueueRemove(t *testing.T) {
	l := startLab(t)
	deferred(t, l, "Pickles")
	p := open(t, l, "/server")
	remove := p.texts.of("server.queue.remove") + ": bob@hamburger.edu"
	p.click("button", remove)
	p.click("button", p.texts.of("shell.cancel"))
	p.see("#queue td", "bob@hamburger.edu")
	p.click("button", remove)
	p.see("dialog[open]", p.texts.of("server.queue.removed", "to", "bob@hamburger.edu"))
	p.click("button", p.texts.of("shell.ok"))
	p.see("#queue", p.texts.of("server.queue.none"))
}

// An account is made, gets another password, and is removed.
func TestUsers(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/server")
	p.fill("textbox", p.texts.of("server.users.address"), "carol@crepes.fr")
	p.fill("textbox", p.texts.of("server.users.password"), "mustard")
	p.press("Enter")
	p.see("#users td", "carol@crepes.fr")
	logsIn(t, l, "carol@crepes.fr", "mustard", true)
	p.click("button", p.texts.of("server.users.newpassword")+": carol@crepes.fr")
	p.see("dialog[open]", p.texts.of("server.users.change", "address", "carol@crepes.fr"))
	p.write("relish")
	p.press("Enter")
	p.see("#notes", p.texts.of("server.users.changed", "address", "carol@crepes.fr"))
	logsIn(t, l, "carol@crepes.fr", "mustard", false)
	logsIn(t, l, "carol@crepes.fr", "relish", true)
	p.click("button", p.texts.of("server.users.remove", "address", "carol@crepes.fr"))
	p.click("button", p.texts.of("shell.ok"))
	p.gone("#users td", "carol@crepes.fr")
	logsIn(t, l, "carol@crepes.fr", "relish", false)
}

func logsIn(t *testing.T, l *lab.Lab, account, password string, want bool) {
	t.Helper()
	body := fmt.Sprintf(`{"account": %q, "password": %q}`, account, password)
	answer, err := http.Post(l.Ready.Web+"/api/v1/login", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.StatusCode == http.StatusOK; got != want {
		t.Errorf("%s logs in with %s: %s", account, password, answer.Status)
	}
}

// The log shows what passes; it can be narrowed to a protocol, or to decisions.
func TestLog(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/server")
	p.see("#state", p.texts.of("shell.live"))
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	rcpt, mx, decision := "RCPT TO:<bob@hamburger.edu>", "Q hamburger.edu. MX", "delivered to the mailbox of bob@hamburger.edu"
	for _, line := range []string{rcpt, mx, decision} {
		p.see("#log .text", line)
	}
	p.choose(p.texts.of("server.log.show"), "DNS")
	p.gone("#log .text", rcpt)
	p.see("#log .text", mx)
	p.choose(p.texts.of("server.log.show"), p.texts.of("server.log.decisions"))
	p.gone("#log .text", mx)
	p.see("#log .text", decision)
}

// A fault is made in the page, does its harm as often as told, and is removed.
func TestFaults(t *testing.T) {
	l := startLab(t)
	p := open(t, l, "/server")
	p.choose(p.texts.of("server.col.node"), "hamburger.edu")
	p.fill("textbox", p.texts.of("server.field.command"), "MAIL")
	p.fill("textbox", p.texts.of("server.field.text"), "452 4.3.1 Full")
	p.press("Enter")
	p.see("#faults td", "452 4.3.1 Full")
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Hungry?")
	p.see("#queue td", "mail.hamburger.edu: 452 4.3.1 Full")
	p.see("#faults td", "1 / 1")
	p.eval(`document.querySelector("#faults button.danger").click()`, nil)
	p.see("#faults", p.texts.of("server.faults.none"))
}
