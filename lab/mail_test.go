package lab

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"glassmail/mailbox"
	"glassmail/trace"
	"glassmail/wire"
)

// patience bounds what is waited for: a test that fails ends.
const patience = 30 * time.Second

// Who writes to whom.
const (
	alice = "alice@crepes.fr"
	bob   = "bob@hamburger.edu"
)

// running is a lab at work; stop ends it and tells how it ended.
type running struct {
	*Lab
	t    *testing.T
	stop func() error
}

// startLab runs the lecture's internet on free ports.
func startLab(t *testing.T) *running {
	t.Helper()
	l, err := New(t.Context(), Options{Dir: t.TempDir(), Wording: "lecture"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- l.Run(ctx, func() { close(ready) }) }()
	ended := false
	r := &running{l, t, func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-done
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	return r
}

// clock is the lab's, which can jump.
func (r *running) clock() *wire.LabClock { return r.o.Clock.(*wire.LabClock) }

// talker is somebody at a terminal.
type talker struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *running) dial(addr string) *talker {
	r.t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &talker{r.t, c, bufio.NewReader(c)}
}

// hears reads up to a line that begins with want.
func (c *talker) hears(want string) {
	c.t.Helper()
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q: %q, %v", want, line, err)
		}
		if strings.HasPrefix(line, want) {
			return
		}
	}
}

// says a text, and hears a line that begins with want.
func (c *talker) says(text, want string) {
	c.t.Helper()
	if _, err := fmt.Fprint(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
	c.hears(want)
}

// send hands a message to alice's server.
func (r *running) send(subject string, to ...string) {
	r.t.Helper()
	c := r.dial(r.Ready.Nodes["crepes.fr"].SMTP)
	c.hears("220")
	c.says("EHLO localhost\r\n", "250 ")
	c.says("MAIL FROM:<"+alice+">\r\n", "250")
	for _, one := range to {
		c.says("RCPT TO:<"+one+">\r\n", "250")
	}
	c.says("DATA\r\n", "354")
	c.says("From: "+alice+"\r\nSubject: "+subject+"\r\n\r\nDo you like ketchup?\r\n.\r\n", "250")
	c.says("QUIT\r\n", "221")
}

// journey waits until the newest message with a subject has come to a state.
func (r *running) journey(subject string, s trace.State) trace.Detail {
	r.t.Helper()
	late := time.After(patience)
	for {
		changed := r.Journeys.Changed()
		list, _ := r.Journeys.List(trace.Query{Limit: 50})
		for _, j := range list {
			if j.Subject != subject {
				continue
			}
			if d, ok := r.Journeys.Get(j.ID); ok && d.State == s {
				return d
			}
			break
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("%q is not %s: %+v", subject, s, list)
		}
	}
}

// inbox is the texts of the messages that somebody has.
func (r *running) inbox(account string) []string {
	r.t.Helper()
	box, err := r.office.Mailbox(r.t.Context(), account)
	if err != nil {
		r.t.Fatal(err)
	}
	folder, err := box.Folder(r.t.Context(), account, mailbox.Inbox)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for m, err := range box.Messages(r.t.Context(), folder.ID, mailbox.Range{From: 1}) {
		if err != nil {
			r.t.Fatal(err)
		}
		body, err := box.Body(r.t.Context(), m.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		b := make([]byte, body.Size())
		_, err = body.ReadAt(b, 0)
		body.Close()
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// got counts somebody's messages with a subject.
func (r *running) got(account, subject string) int {
	r.t.Helper()
	n := 0
	for _, text := range r.inbox(account) {
		if strings.Contains(text, "\r\nSubject: "+subject+"\r\n") || strings.HasPrefix(text, "Subject: "+subject+"\r\n") {
			n++
		}
	}
	return n
}

// comes waits until somebody has a message with a subject, which the index may learn
// a moment after the 250, and counts them.
func (r *running) comes(account, subject string) int {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if n := r.got(account, subject); n > 0 {
			return n
		}
	}
	return 0
}

// newest waits until somebody has more than n messages, and returns the last.
func (r *running) newest(account string, n int) string {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := r.inbox(account); len(all) > n {
			return all[len(all)-1]
		}
	}
	r.t.Fatalf("%s has no more than %d messages", account, n)
	return ""
}

// attempts is how often a queue tried to hand a message on.
func attempts(d trace.Detail) int {
	n := 0
	for _, s := range d.Steps {
		if s.Kind == trace.Attempt {
			n++
		}
	}
	return n
}
