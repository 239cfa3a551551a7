package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"glassmail/dialog"
	"glassmail/lab"
)

// playLecture holds the lecture's dialogue with hamburger.edu.
func playLecture(t *testing.T, l *lab.Lab) {
	t.Helper()
	play(t, l.Ready.Nodes["hamburger.edu"].SMTP, dialog.Lecture)
}

// play plays a script in the notation of package dialog.
func play(t *testing.T, addr, script string) {
	t.Helper()
	s, err := dialog.Parse(t.Name(), script)
	if err != nil {
		t.Fatal(err)
	}
	player := &dialog.Player{Dial: dialog.To(addr)}
	if err := player.Play(context.Background(), s); err != nil {
		t.Fatal(err)
	}
}

// submit sends a message as the mail page does.
func submit(t *testing.T, l *lab.Lab, from, to, subject, text string) {
	t.Helper()
	post(t, l, "/send", fmt.Sprintf(`{"from": %q, "to": [%q], "subject": %q, "text": %q}`, from, to, subject, text))
}

// send is submit, and waits until the message has arrived or has to wait.
func send(t *testing.T, l *lab.Lab, from, to, subject, text string) {
	t.Helper()
	before := ended(t, l)
	submit(t, l, from, to, subject, text)
	eventually(t, subject+" is delivered or has to wait", func() bool { return ended(t, l) > before })
}

// ended is how many journeys rest.
func ended(t *testing.T, l *lab.Lab) int {
	t.Helper()
	body := get(t, l, "/journeys?limit=100")
	return strings.Count(body, `"state":"delivered"`) + strings.Count(body, `"state":"deferred"`) + strings.Count(body, `"state":"read"`)
}

// deferred sends a message that hamburger.edu will not take until the fault is
// removed.
func deferred(t *testing.T, l *lab.Lab, subject string) {
	t.Helper()
	not := `{"node": "hamburger.edu", "proto": "smtp", "dir": "C", "command": "RCPT", "action": "reply", "text": "451 4.3.0 Not now"`
	post(t, l, "/faults", not+`, "times": 1}`)
	send(t, l, "alice@crepes.fr", "bob@hamburger.edu", subject, "How about pickles?")
	post(t, l, "/faults", not+fmt.Sprintf(`, "journey": %q}`, journeyOf(t, l, subject)))
}

// mend removes all faults.
func mend(t *testing.T, l *lab.Lab) {
	t.Helper()
	var found struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(get(t, l, "/faults")), &found); err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Items {
		request(t, l, http.MethodDelete, "/faults/"+f.ID, "")
	}
}

// journeyOf is the id of the newest journey with a subject.
func journeyOf(t *testing.T, l *lab.Lab, subject string) string {
	t.Helper()
	var found struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(get(t, l, "/journeys?q=subject:"+subject)), &found); err != nil || len(found.Items) == 0 {
		t.Fatalf("there is no journey of %s: %v", subject, err)
	}
	return found.Items[0].ID
}

// read lets bob fetch the newest message by IMAP.
func read(t *testing.T, l *lab.Lab) {
	t.Helper()
	play(t, l.Ready.Nodes["hamburger.edu"].IMAP, `
S~ \* OK .*
C: a LOGIN bob bob
S...
S~ a OK .*
C: b SELECT INBOX
S...
S~ b OK .*
C: c FETCH * BODY[]
S...
S~ c OK .*
C: d LOGOUT
S...
S~ d OK .*
`)
}

// connect opens a connection until the test ends.
func connect(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
}
