package browser_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An answer goes to the writer, quotes, joins the conversation, and marks what it
// answers.
func TestReply(t *testing.T) {
	l := startLab(t)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", "Lunch", "Do you like ketchup?")
	p := openMail(t, l, "bob@hamburger.edu")
	p.read("Lunch")
	p.strike("r")
	p.see(".compose input[name=to]", "alice@crepes.fr")
	p.see(".compose input[name=subject]", "Re: Lunch")
	p.see(".compose textarea", "> Do you like ketchup?")
	p.write("Yes!")
	p.until("the answer stands above the quoted text", `/^Yes!\n\nOn .*\n> Do you/.test(document.querySelector(".compose textarea").value)`)
	p.click("button", p.texts.of("mail.send"))
	p.see("#notes", p.texts.of("mail.sent"))
	p.see(".row .sign", "↩")
	alice := openMail(t, l, "alice@crepes.fr")
	alice.read("Re: Lunch")
	alice.see(".reader .text", "Yes!")
	alice.see(".reader blockquote", "Do you like ketchup?")
	alice.click("button", alice.texts.of("mail.view.header"))
	alice.see(".header", "In-Reply-To")
	alice.strike("f")
	alice.see(".compose input[name=subject]", "Fwd: Re: Lunch")
	alice.see(".compose textarea", alice.texts.of("mail.forwarded"))
	alice.fill("textbox", alice.texts.of("mail.to"), "bob@hamburger.edu")
	alice.click("button", alice.texts.of("mail.send"))
	p.row("Fwd: Re: Lunch") // without a reload
}

// What was typed is kept among the drafts, is found again, and is gone once sent.
func TestDraft(t *testing.T) {
	l := startLab(t)
	p := openMail(t, l, "bob@hamburger.edu")
	p.see("#empty", p.texts.of("mail.empty"))
	p.strike("c")
	p.write("alice@crepes.fr")
	p.fill("textbox", p.texts.of("mail.subject"), "Not yet")
	p.fill("textbox", p.texts.of("mail.text"), "Half a sen")
	p.press("Escape")
	p.see("#notes", p.texts.of("mail.kept"))
	p.folder("drafts")
	p.row("Not yet")
	p.hit(rowOf("Not yet"))
	p.until("the address is there", `document.querySelector(".compose input[name=to]")?.value === "alice@crepes.fr"`)
	p.see(".compose textarea", "Half a sen")
	p.fill("textbox", p.texts.of("mail.text"), "A whole sentence.")
	p.click("button", p.texts.of("mail.send"))
	p.see("#notes", p.texts.of("mail.sent"))
	p.see("#empty", p.texts.of("mail.empty"))
	p.folder("sent")
	p.row("Not yet")
	alice := openMail(t, l, "alice@crepes.fr")
	alice.read("Not yet")
	alice.see(".reader .text", "A whole sentence.")
}

// A file that is attached arrives as it was, byte by byte, under its Thai name.
func TestAttachment(t *testing.T) {
	l := startLab(t)
	content := bytes.Repeat([]byte{0, 255, '\r', '\n', '.', '\n', 0x80}, 20_000)
	file := filepath.Join(t.TempDir(), "การบ้าน.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	p := openMail(t, l, "alice@crepes.fr")
	p.click("button", p.texts.of("mail.compose"))
	p.fill("textbox", p.texts.of("mail.to"), "Bob <bob@hamburger.edu>")
	p.fill("textbox", p.texts.of("mail.subject"), "Homework")
	p.give("#c-files", file)
	p.see(".attached", "การบ้าน.bin")
	p.click("button", p.texts.of("mail.send"))
	p.see("#notes", p.texts.of("mail.sent"))
	bob := openMail(t, l, "bob@hamburger.edu")
	bob.row("Homework")
	bob.see(".row .sign", "⎙")
	bob.read("Homework")
	bob.see(".files", "การบ้าน.bin")
	got, err := os.ReadFile(bob.download(".files a"))
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(content) {
		t.Errorf("%d bytes arrived, of %d sent, and they differ", len(got), len(content))
	}
}

// A message is written and sent without a mouse, and the fields come in the order in
// which they stand.
func TestComposeByKeys(t *testing.T) {
	l := startLab(t)
	p := openMail(t, l, "alice@crepes.fr")
	p.see("#empty", p.texts.of("mail.empty"))
	p.strike("c")
	p.write("bob@hamburger.edu")
	p.press("Tab", "Space") // Cc, Bcc, name: the first of them has the focus then
	p.until("the focus is on Cc", `document.activeElement.name === "cc"`)
	p.write("alice@crepes.fr")
	p.press("Tab", "Tab", "Tab")
	p.write("By keys")
	p.press("Tab")
	p.write("No mouse.")
	p.press("Tab", "Tab")
	p.until("the way to attach files has the focus, and shows it", `document.activeElement.id === "c-files" && getComputedStyle(document.querySelector("label[for=c-files]")).outlineStyle === "solid"`)
	p.press("Shift+Tab", "Shift+Tab")
	p.do("send", chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	p.see("#notes", p.texts.of("mail.sent"))
	p.read("By keys")
	p.see(".fields", "bob@hamburger.edu")
	p.see(".reader .text", "No mouse.")
}
