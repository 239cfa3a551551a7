package browser_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/lab"
	"glassmail/mailbox"
)

// fill gives bob n messages, the first with the number 1, many at a time.
func fill(t *testing.T, l *lab.Lab, n int) {
	t.Helper()
	box, inbox := inboxOf(t, l, "bob@hamburger.edu")
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	numbers := make(chan int)
	var work sync.WaitGroup
	for range 100 {
		work.Go(func() {
			for i := range numbers {
				message := strings.ReplaceAll(lunch(fmt.Sprint(i), fmt.Sprintf("Menu %d", i)), "\n", "\r\n")
				d := mailbox.Delivery{User: "bob@hamburger.edu", Folder: inbox, Date: begin.Add(time.Duration(i) * time.Minute)}
				if _, err := box.Append(t.Context(), d, int64(len(message)), strings.NewReader(message)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		numbers <- i + 1
	}
	close(numbers)
	work.Wait()
}

// Ten thousand messages are a list like any other: few rows are in the page, any
// place is reached by a key, and a search finds one of them.
func TestTenThousandMessages(t *testing.T) {
	const n = 10_000
	l := startLab(t)
	fill(t, l, n)
	p := openMail(t, l, "bob@hamburger.edu")
	p.see("#count", p.texts.of("mail.count", "n", n))
	p.until("the rows in sight are there", `document.querySelector(".row .subject")`)
	p.focus("listbox", p.texts.of("mail.messages"))
	seen := map[string]bool{}
	for _, key := range []string{"Home", "End", "PageUp", "Home"} {
		p.press(key)
		p.until("the row after "+key+" is in sight, with its message", `(() => {
			const r = document.querySelector(".row.current"), box = document.querySelector("#list").getBoundingClientRect();
			return r?.querySelector(".subject") && r.getBoundingClientRect().top >= box.top - 1 && r.getBoundingClientRect().bottom <= box.bottom + 1; })()`)
		if rows := p.count(".row"); rows > 60 {
			t.Errorf("after %s the page holds %d rows", key, rows)
		}
		seen[p.text(".row.current .subject")] = true
	}
	if len(seen) != 3 {
		t.Errorf("Home, End and PageUp led to %v", seen)
	}
	p.eval(`document.querySelector("#list").scrollTop = document.querySelector("#list").scrollHeight / 2`, nil)
	p.until("the middle is there", `Number(document.querySelector(".row").getAttribute("aria-posinset")) > 4900 && document.querySelectorAll(".row .subject").length > 5`)

	p.strike("/")
	p.lookFor("subject:7777")
	p.see("#count", p.texts.of("mail.count", "n", 1))
	p.read("Menu 7777")
	p.see(".reader .text", "How about pickles?")
	p.lookFor("is:unread from:alice")
	p.see("#count", p.texts.of("mail.count.more", "n", 100)) // and no more looked for than is shown
	p.focus("listbox", p.texts.of("mail.messages"))
	p.press("End")
	p.see("#count", p.texts.of("mail.count.more", "n", 300)) // the next page, and the one of which rows are drawn ahead
	p.lookFor("truffles")
	p.see("#empty", p.texts.of("mail.empty.search"))
}

// lookFor searches and waits for what was found.
func (p *page) lookFor(words string) {
	p.t.Helper()
	p.fill("searchbox", p.texts.of("mail.search"), words)
	p.press("Enter")
	p.until("the search is over", `document.querySelector("#list").getAttribute("aria-busy") === "false"`)
}
