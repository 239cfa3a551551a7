package e2e_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A node with few file descriptors and more clients than it can have refuses the
// clients, not the mail: the store works on, and all is well when they have gone.
func TestFewFiles(t *testing.T) {
	p := startBy(t, []string{"sh", "-c", `ulimit -n 128; exec "$0" "$@"`}, "serve", "--data", t.TempDir(), "--domain", "hamburger.edu",
		"--user", "bob:secret-bob", "--submissions", "", "--imaps", "",
		"--smtp", "127.0.0.1:0", "--submission", "127.0.0.1:0", "--imap", "127.0.0.1:0", "--web", "127.0.0.1:0")
	if !strings.Contains(p.out.String(), "limits were lowered") {
		t.Errorf("no line says that the limits were lowered:\n%s", p.out.String())
	}
	n := p.ready.Nodes["hamburger.edu"]
	if _, err := deliver(n.SMTP); err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	refused := 0
	for range 100 {
		for _, addr := range []string{n.SMTP, n.Submission, n.IMAP} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(patience))
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil {
				t.Fatalf("a connection without a word: %v", err)
			}
			if strings.HasPrefix(line, "421 ") || strings.HasPrefix(line, "* BYE") {
				refused++
			}
			held = append(held, c)
		}
	}
	if refused < 200 {
		t.Errorf("%d of 300 connections were refused", refused)
	}
	if status, text := readyz(t, p); status != http.StatusOK {
		t.Errorf("with all places taken: %d %s", status, text)
	}
	for _, c := range held {
		c.Close()
	}
	held = nil
	eventually(t, "a message is taken when the clients have gone", func() bool {
		reply, err := deliver(n.SMTP)
		if err != nil && !strings.HasPrefix(reply, "421") {
			t.Fatalf("%s: %v", reply, err)
		}
		return err == nil
	})
	if status, text := readyz(t, p); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, text)
	}
}

func readyz(t *testing.T, p *process) (int, string) {
	t.Helper()
	resp, err := http.Get(p.ready.Web + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// deliver sends a message to bob, and returns the last reply with what was wrong.
func deliver(addr string) (string, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for _, step := range []struct{ say, want string }{
		{"", "220"}, {"HELO x\r\n", "250"}, {"MAIL FROM:<alice@crepes.fr>\r\n", "250"}, {"RCPT TO:<bob@hamburger.edu>\r\n", "250"},
		{"DATA\r\n", "354"}, {"Subject: x\r\n\r\nHello.\r\n.\r\n", "250"},
	} {
		if _, err := io.WriteString(c, step.say); err != nil {
			return "", err
		}
		reply, err := in.ReadString('\n')
		if err != nil {
			return reply, err
		}
		if !strings.HasPrefix(reply, step.want) {
			return reply, io.ErrUnexpectedEOF
		}
	}
	return "", nil
}
