package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"glassmail/lab"
	"glassmail/mailbox"
	"glassmail/server"
	"glassmail/web/api"
)

// put gives bob a message as it stands, with lines that end in LF.
func put(t *testing.T, l *lab.Lab, message string) {
	t.Helper()
	box, inbox := inboxOf(t, l, "bob@hamburger.edu")
	message = strings.ReplaceAll(message, "\n", "\r\n")
	_, err := box.Append(t.Context(), mailbox.Delivery{User: "bob@hamburger.edu", Folder: inbox, Date: time.Now()}, int64(len(message)), strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
}

// inboxOf is the store of an account and the folder to which its mail comes.
func inboxOf(t *testing.T, l *lab.Lab, account string) (api.Mailbox, mailbox.FolderID) {
	t.Helper()
	box, err := server.NewWebBackend(l.Nodes...).Mailbox(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	f, err := box.Folder(t.Context(), account, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return box, f.ID
}

// lunch is a message of two lines.
func lunch(id, subject string, fields ...string) string {
	return fmt.Sprintf("From: Alice <alice@crepes.fr>\nTo: Bob <bob@hamburger.edu>\nSubject: %s\nMessage-ID: <%s@crepes.fr>\nDate: Mon, 4 May 2026 12:00:00 +0200\n%s\n"+
		"Do you like ketchup?\nHow about pickles?\n", subject, id, strings.Join(append(fields, ""), "\n"))
}

// row waits for a message in the list.
func (p *page) row(subject string) {
	p.t.Helper()
	p.see(".row .subject", subject)
}

// read opens a message by a click on its row.
func (p *page) read(subject string) {
	p.t.Helper()
	p.hit(rowOf(subject))
	p.see(".reader .title", subject)
}

// rowOf is JavaScript that finds the row with exactly this subject.
func rowOf(subject string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".row")].find((r) => r.querySelector(".subject bdi")?.textContent === %s)`, quote(subject))
}

// folder chooses a folder by the key of its name.
func (p *page) folder(key string) {
	p.t.Helper()
	name := p.texts.of("mail.folder." + key)
	p.eval(fmt.Sprintf(`[...document.querySelectorAll("button.folder")].find((b) => b.querySelector(".name").textContent === %s).click()`, quote(name)), nil)
	p.see(".folder[aria-current=true] .name", name)
}

// A Thai message is read: encoded words in the header, base64 in the body, marked as
// Thai so that lines break where Thai words end.
func TestThaiMail(t *testing.T) {
	l := startLab(t)
	put(t, l, "From: =?utf-8?B?4Liq4Lih4LiK4Liy4Lii?= <alice@crepes.fr>\nTo: bob@hamburger.edu\nSubject: =?utf-8?B?4Liq4Lin4Lix4Liq4LiU4Li14LiE4Lij4Lix4Lia?=\n"+
		"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n4LiE4Li44LiT4LiK4Lit4Lia4LiL4Lit4Liq4Lih4Liw4LmA4LiC4Li34Lit4LmA4LiX4Lio4LmE4Lir4Lih\n")
	p := openMail(t, l, "bob@hamburger.edu")
	p.see(".row.unread .who", "สมชาย")
	p.read("สวัสดีครับ")
	p.see(".reader .text:lang(th)", "คุณชอบซอสมะเขือเทศไหม")
	p.until("no sign is cut off in the list", `[...document.querySelectorAll(".row > span")].every((e) => getComputedStyle(e).overflowY === "visible")`)
	p.click("button", p.texts.of("mail.view.raw"))
	p.see(".body pre", "Subject: =?utf-8?B?4Liq4Lin4Lix4Liq4LiU4Li14LiE4Lij4Lix4Lia?=")
}

// A message is read by keys, gets a flag, moves away, comes back, and goes for good.
func TestMailByKeys(t *testing.T) {
	l := startLab(t)
	put(t, l, lunch("1", "Lunch"))
	put(t, l, lunch("2", "Supper"))
	p := openMail(t, l, "bob@hamburger.edu")
	p.row("Supper")
	p.see(".folder[aria-current=true]", "2")
	p.press("Tab") // leaves whatever had the focus; page keys work from anywhere but fields
	p.strike("jj")
	p.until("the second is current", `document.querySelector(".row.current").textContent.includes("Lunch")`)
	p.press("Enter")
	p.see(".reader .title", "Lunch")
	p.see(".reader .text", "How about pickles?")
	p.until("it is no longer unread", `document.querySelectorAll(".row.unread").length === 1`)
	p.strike("s")
	p.see(".row.current .sign", "★")
	p.strike("U")
	p.until("it is unread again", `document.querySelectorAll(".row.unread").length === 2`)
	p.strike("e")
	p.see("#notes", p.texts.of("mail.moved", "n", 1, "name", p.texts.of("mail.folder.archive")))
	p.gone(".row .subject", "Lunch")
	p.strike("z")
	p.row("Lunch")
	p.strike("k")
	p.strike("#")
	p.see("#notes", p.texts.of("mail.deleted", "n", 1))
	p.until("one is left", `document.querySelectorAll(".row").length === 1`)
	p.folder("trash")
	p.row("Lunch")
	p.strike("j#")
	p.see("dialog h2", p.texts.of("mail.forever", "n", 1))
	p.click("button", p.texts.of("mail.do.delete"))
	p.see("#empty", p.texts.of("mail.empty"))
}

// A click on a row opens that message, though new mail moves the rows meanwhile; and
// the folder that has the focus keeps it.
func TestNewMailDisturbsNobody(t *testing.T) {
	l := startLab(t)
	put(t, l, lunch("1", "Lunch"))
	p := openMail(t, l, "bob@hamburger.edu")
	p.row("Lunch")
	var at struct{ X, Y float64 }
	p.eval(fmt.Sprintf("(%s).call(%s)", middle, rowOf("Lunch")), &at)
	p.do("press", chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, at.X, at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	put(t, l, lunch("2", "Supper"))
	p.see(".folder[aria-current=true]", "2")
	p.do("release", chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, at.X, at.Y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	p.see(".reader .title", "Lunch")
	p.row("Supper")
	p.eval(`document.querySelectorAll(".folder")[1].focus()`, nil)
	put(t, l, lunch("3", "Breakfast"))
	p.row("Breakfast")
	p.until("the focus is on the same folder", `document.activeElement === document.querySelectorAll(".folder")[1]`)
}

// Several messages at once move to a folder of one's own.
func TestMoveSeveral(t *testing.T) {
	l := startLab(t)
	for i := range 3 {
		put(t, l, lunch(fmt.Sprint(i), fmt.Sprintf("Lunch %d", i)))
	}
	p := openMail(t, l, "bob@hamburger.edu")
	p.row("Lunch 2")
	p.fill("textbox", p.texts.of("mail.folder.name"), "Menus")
	p.press("Enter")
	p.see(".folder .name", "Menus")
	p.focus("listbox", p.texts.of("mail.messages"))
	p.press("ArrowDown")
	p.strike("x")
	p.press("ArrowDown")
	p.strike("x")
	p.see("#count", p.texts.of("mail.chosen", "n", 2))
	p.choose(p.texts.of("mail.do.move"), "Menus")
	p.see("#notes", p.texts.of("mail.moved", "n", 2, "name", "Menus"))
	p.see("#count", p.texts.of("mail.count", "n", 1))
	p.eval(`[...document.querySelectorAll("button.folder")].find((b) => b.textContent.includes("Menus")).click()`, nil)
	p.see("#count", p.texts.of("mail.count", "n", 2))
}

// A conversation is one row, and its messages follow one another in the reader.
func TestThread(t *testing.T) {
	l := startLab(t)
	put(t, l, lunch("1", "Lunch"))
	put(t, l, lunch("2", "Re: Lunch", "In-Reply-To: <1@crepes.fr>", "References: <1@crepes.fr>"))
	put(t, l, lunch("3", "Supper"))
	p := openMail(t, l, "bob@hamburger.edu")
	p.see("#count", p.texts.of("mail.count", "n", 3))
	p.click("checkbox", p.texts.of("mail.threads"))
	p.see("#count", p.texts.of("mail.count.threads", "n", 2))
	p.see(".row .who", "(2)")
	p.read("Re: Lunch")
	p.see(".thread", p.texts.of("mail.thread.at", "i", 2, "n", 2))
	p.click("button", p.texts.of("mail.thread.at", "i", 1, "n", 2))
	p.until("the first message is shown", `document.querySelector(".reader .title").textContent === "Lunch"`)
}

// The HTML of a message stands in a frame that can do nothing; its parts have the
// numbers of IMAP.
func TestHTMLMail(t *testing.T) {
	l := startLab(t)
	put(t, l, "From: Alice <alice@crepes.fr>\nTo: bob@hamburger.edu\nSubject: Menu\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"+
		"--b\nContent-Type: text/plain\n\nBurgers\n--b\nContent-Type: text/html\n\n<h1>Burgers</h1><img src=\"http://tracker.example/1.png\"><script>parent.ran = 1</script>\n--b--\n")
	p := openMail(t, l, "bob@hamburger.edu")
	p.read("Menu")
	p.click("button", p.texts.of("mail.view.html"))
	p.see(".body", p.texts.of("mail.html.blocked", "n", 1))
	p.until("the frame is shut", `(() => { const s = document.querySelector("iframe.html").sandbox; return !s.contains("allow-scripts") && !s.contains("allow-same-origin") && !s.contains("allow-top-navigation"); })()`)
	eventually(t, "the frame shows its text", func() bool { return strings.Contains(p.frameText(), "Burgers") })
	p.click("button", p.texts.of("mail.view.parts"))
	p.see(".parts tr", "BODY[2]text/html")
	p.see(".path code", "UID FETCH 1 BODY[]")
}

// The reader leads to the message's journey, whose last step is this reading.
func TestJourneyOfMail(t *testing.T) {
	l := startLab(t)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Do you like ketchup?")
	p := openMail(t, l, "bob@hamburger.edu")
	p.read("Lunch")
	p.click("link", p.texts.of("mail.journey"))
	p.see("#ladder-title", "Lunch · "+p.texts.of("journey.state.read"))
}

// HTTP and IMAP are two ways to one mailbox: what a program does over IMAP is seen in
// the page at once.
func TestOneMailboxTwoWays(t *testing.T) {
	l := startLab(t)
	put(t, l, lunch("1", "Lunch"))
	p := openMail(t, l, "bob@hamburger.edu")
	p.see(".row.unread .subject", "Lunch")
	p.see("#imap", l.Ready.Nodes["hamburger.edu"].IMAP)
	play(t, l.Ready.Nodes["hamburger.edu"].IMAP, `
S~ \* OK .*
C: a LOGIN bob bob
S...
S~ a OK .*
C: b SELECT INBOX
S...
S~ b OK .*
C: c STORE 1 +FLAGS (\Seen \Flagged)
S...
S~ c OK .*
C: d LOGOUT
S...
S~ d OK .*
`)
	p.see(".row:not(.unread) .sign", "★")
}
