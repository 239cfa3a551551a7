package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"glassmail/mailbox"
)

// one is a message of the calls for test suites.
type one struct {
	ID, Account, Subject, Text string
}

func suiteMessage(subject string) string {
	return "From: Shop <shop@elsewhere.example>\nTo: alice@crepes.fr\nSubject: " + subject + "\n\nyour code is 4711\n"
}

// deliver sends a message by SMTP, as the program under test of a suite does.
func (h *house) deliver(t *testing.T, to, subject string) {
	t.Helper()
	c, _ := h.dial(t, "smtp", "HELO shop", "MAIL FROM:<shop@elsewhere.example>", "RCPT TO:<"+to+">", "DATA",
		strings.ReplaceAll(suiteMessage(subject), "\n", "\r\n")+".", "QUIT")
	c.Close()
}

// A call waits for the message that is meant, and no other.
func TestWaitForMessage(t *testing.T) {
	h := newHouse(t)
	c := h.operator(t)
	answer := make(chan one, 1)
	go func() {
		defer close(answer)
		answer <- ask[one](c, "POST", "/messages/wait", `{"account":"alice@crepes.fr","q":"subject:third","timeout":"1m"}`)
	}()
	for _, subject := range []string{"first", "second", "third", "fourth"} {
		h.deliver(t, "alice@crepes.fr", subject)
	}
	h.deliver(t, "bob@crepes.fr", "the third of bob's")
	got := <-answer
	if got.Subject != "third" || got.Account != "alice@crepes.fr" || got.ID == "" {
		t.Errorf("waited for the third and got %+v", got)
	}
	// What is there already is found at once, in whosever mailbox.
	if got := ask[one](c, "POST", "/messages/wait", `{"q":"subject:bob's","timeout":"1m"}`); got.Account != "bob@crepes.fr" {
		t.Errorf("found %+v", got)
	}
	// A reader waits in the own mailbox only.
	alice := h.as(t, "alice@crepes.fr")
	alice.want(http.StatusRequestTimeout, "POST", "/messages/wait", `{"q":"subject:bob's","timeout":"10ms"}`)
	alice.want(http.StatusForbidden, "POST", "/messages/wait", `{"account":"bob@crepes.fr","timeout":"10ms"}`)
	if got := ask[one](alice, "POST", "/messages/wait", `{}`); got.Subject != "fourth" {
		t.Errorf("without a question the newest is found, not %+v", got)
	}
}

// after leaves out what an earlier test left behind. A mailbox knows the second in
// which a message came, no more; none may be missed for that.
func TestWaitAfter(t *testing.T) {
	h := newHouse(t)
	c := h.operator(t)
	h.putAt(t, "alice@crepes.fr", "INBOX", suiteMessage("old"), time.Now().Add(-time.Hour))
	h.putAt(t, "alice@crepes.fr", "INBOX", suiteMessage("coming"), time.Now().Add(time.Hour))
	after := time.Now().Truncate(time.Second).Add(time.Second - time.Nanosecond).Format(time.RFC3339Nano)
	h.putAt(t, "bob@crepes.fr", "INBOX", suiteMessage("now"), time.Now())
	for account, want := range map[string]string{"alice@crepes.fr": "coming", "bob@crepes.fr": "now"} {
		if got := ask[one](c, "POST", "/messages/wait", `{"account":"`+account+`","timeout":"1m","after":"`+after+`"}`); got.Subject != want {
			t.Errorf("got %+v, want %s", got, want)
		}
	}
	c.want(http.StatusRequestTimeout, "POST", "/messages/wait", `{"q":"subject:old","timeout":"10ms","after":"`+after+`"}`)
}

func TestWaitRefuses(t *testing.T) {
	c := newHouse(t).operator(t)
	c.want(http.StatusRequestTimeout, "POST", "/messages/wait", `{"timeout":"1ms"}`)
	for _, bad := range []string{
		`{"timeout":"6m"}`, `{"timeout":"0s"}`, `{"timeout":"-1s"}`, `{"timeout":"soon"}`, `{"timeout":10}`, `{"q":"is:good"}`,
		`{"q":"` + strings.Repeat("x", 2000) + `"}`, `{"after":"yesterday"}`, `{"acount":"x"}`, `{} {}`, `[]`, ``,
	} {
		c.want(http.StatusBadRequest, "POST", "/messages/wait", bad)
	}
	c.want(http.StatusNotFound, "POST", "/messages/wait", `{"account":"nobody@crepes.fr"}`)
}

// The life of a message in a test suite: found, read, searched, deleted.
func TestSuite(t *testing.T) {
	h := newHouse(t)
	c := h.operator(t)
	for i := range 3 {
		h.put(t, "alice@crepes.fr", "INBOX", suiteMessage(fmt.Sprintf("order %d", i)))
	}
	h.putAt(t, "bob@crepes.fr", "INBOX", suiteMessage("order 3"), time.Now().Add(time.Hour))
	all := ask[listing](c, "GET", "/messages", nil)
	if len(all.Items) != 4 || all.Items[0].Account != "bob@crepes.fr" {
		t.Fatalf("all messages: %+v", all.Items)
	}
	for q, want := range map[string]int{
		"": 4, "subject:order": 4, "from:shop": 4, "body:4711": 4, "4711": 4, "subject:2": 1, "subject:order -subject:2": 3, "nothing": 0, `"order 1"`: 1,
		"to:alice@crepes.fr": 4, "is:unread": 4, "is:read": 0, "larger:100000": 0, "since:2020-01-01": 4, "before:2020-01-01": 0,
	} {
		got := ask[listing](c, "GET", "/messages?q="+strings.NewReplacer(" ", "%20", `"`, "%22").Replace(q), nil)
		if len(got.Items) != want {
			t.Errorf("q=%s finds %d, want %d", q, len(got.Items), want)
		}
	}
	if got := ask[listing](c, "GET", "/messages?limit=2&account=alice@crepes.fr", nil); len(got.Items) != 2 || got.Items[0].Subject != "order 2" {
		t.Errorf("the two newest of alice: %+v", got.Items)
	}
	id := all.Items[1].ID
	if m := ask[one](c, "GET", "/messages/"+id, nil); m.Subject != "order 2" || !strings.Contains(m.Text, "4711") || m.ID != id || m.Account != "alice@crepes.fr" {
		t.Errorf("message %+v", m)
	}
	if raw := c.want(http.StatusOK, "GET", "/messages/"+id+"/raw", nil); raw != strings.ReplaceAll(suiteMessage("order 2"), "\n", "\r\n") {
		t.Errorf("raw %q", raw)
	}
	c.want(http.StatusOK, "DELETE", "/messages/"+id, nil)
	c.want(http.StatusNotFound, "DELETE", "/messages/"+id, nil)
	c.want(http.StatusNotFound, "GET", "/messages/"+id, nil)
	if got := ask[changed](c, "DELETE", "/messages?q=subject:1", nil); got.Changed != 1 {
		t.Errorf("deleted %+v", got)
	}
	if got := ask[changed](c, "DELETE", "/messages?account=bob@crepes.fr", nil); got.Changed != 1 {
		t.Errorf("deleted %+v", got)
	}
	if got := ask[listing](c, "GET", "/messages", nil); len(got.Items) != 1 || got.Items[0].Subject != "order 0" {
		t.Errorf("left: %+v", got.Items)
	}
	for _, bad := range []string{"limit=0", "limit=201", "limit=x", "q=is:good", "q=before:soon", "q=larger:x"} {
		c.want(http.StatusBadRequest, "GET", "/messages?"+bad, nil)
	}
	c.want(http.StatusBadRequest, "DELETE", "/messages?q=is:good", nil) // and not everything
	if got := ask[changed](c, "DELETE", "/messages", nil); got.Changed != 1 {
		t.Errorf("deleted %+v", got)
	}
}

// More messages than one page has can be emptied in one call.
func TestClearMany(t *testing.T) {
	h := newHouse(t)
	const n = 250
	for range n {
		h.put(t, "alice@crepes.fr", mailbox.Inbox, suiteMessage("many"))
	}
	if got := ask[changed](h.as(t, "alice@crepes.fr"), "DELETE", "/messages", nil); got.Changed != n {
		t.Errorf("deleted %d of %d", got.Changed, n)
	}
}
