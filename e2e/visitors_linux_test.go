package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// visitor is an honest client of the trial of faults: it works at its own pace, tries
// again what was refused for now, and remembers what was acknowledged.
type visitor struct {
	m    *mix
	name string
	n    int
}

// refused is a refusal for now, told in the words of the protocol.
type refused struct{ reply string }

func (r *refused) Error() string { return r.reply }

// pace is between two operations of a visitor.
const pace = 120 * time.Millisecond

// honest lets a visitor come again and again.
func (m *mix) honest(visit func(*visitor) error) {
	v := &visitor{m: m, n: len(m.tallies)}
	m.wg.Go(func() {
		for {
			select {
			case <-m.over:
				return
			case <-time.After(pace):
			}
			down, dark := m.down.Load(), m.dark.Load()
			err := visit(v)
			m.tell(v.name, err, during(&m.down, down), during(&m.dark, dark))
		}
	})
}

// during reports whether what rises at each begin and end was on since it was before.
func during(now *atomic.Int64, before int64) bool {
	return before%2 == 1 || now.Load() != before
}

// tell counts an operation. A connection that broke while the node was brought down, or
// was down, is explained by that; every answer is, of a machine without power.
func (m *mix) tell(name string, err error, explained, dark bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tallies[name]
	if t == nil {
		t = &tally{}
		m.tallies[name] = t
	}
	var now *refused
	var wrong *unexpected
	switch {
	case err == nil:
		t.ok++
	case errors.As(err, &now):
		t.refused++
	case dark || explained && !(errors.As(err, &wrong) && wrong.reply != "no reply"):
		t.lost++
	default:
		t.improper++
		if len(t.said) < 10 {
			t.said = append(t.said, err.Error())
		}
	}
}

// id is a name for a message, used once.
func (v *visitor) id() string {
	v.n++
	return fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(v.name, " ", ""), time.Now().UnixNano(), v.n)
}

// acknowledged notes a message that must be there from now on. What comes while the power
// is cut comes from a machine that is none any more: the file system may have told it
// that something is flushed, and dropped it.
func (v *visitor) acknowledged(id, folder string) {
	if v.m.dark.Load()%2 == 1 {
		return
	}
	v.m.mu.Lock()
	defer v.m.mu.Unlock()
	v.m.acked[id] = folder
}

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

func reader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// submit sends a message as bob does, by the submission port.
func (v *visitor) submit() error {
	v.name = "SMTP submission"
	return v.send(v.m.ports["--submission"], plain("bob", "bob"), "bob@hamburger.edu")
}

// deliver sends one as another server does.
func (v *visitor) deliver() error {
	v.name = "SMTP from elsewhere"
	return v.send(v.m.ports["--smtp"], "", "alice@crepes.fr")
}

func (v *visitor) send(addr, auth, from string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := &sending{conn: conn, in: reader(conn)}
	if err := c.greet(auth); err != nil {
		return forNow(err)
	}
	for range 5 {
		id := v.id()
		text := "Subject: " + id + "\r\nFrom: " + from + "\r\n\r\n" + strings.Repeat(id+"\r\n", 40)
		for _, one := range [][2]string{{"MAIL FROM:<" + from + ">\r\n", "250"}, {"RCPT TO:<bob@hamburger.edu>\r\n", "250"}, {"DATA\r\n", "354"}, {text + ".\r\n", "250"}} {
			if err := c.say(one[0], one[1]); err != nil {
				return forNow(err)
			}
		}
		v.acknowledged(id, "INBOX")
	}
	return nil
}

// forNow tells refusals of the kind 4yz from what is not proper.
func forNow(err error) error {
	var u *unexpected
	if errors.As(err, &u) && strings.HasPrefix(u.reply, "4") {
		return &refused{u.reply}
	}
	return err
}

// read looks at the newest messages.
func (v *visitor) read() error {
	v.name = "IMAP read"
	c, err := imapLogin(v.m.ports["--imap"], "bob")
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if _, err := c.do("SELECT INBOX"); err != nil {
		return err
	}
	if text, err := c.do("STATUS INBOX (MESSAGES)"); err != nil || strings.Contains(text, "MESSAGES 0)") {
		return err
	}
	if _, err = c.do("FETCH * (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])"); err == nil {
		_, err = c.do(`STORE * +FLAGS (\Seen)`)
	}
	return err
}

// appendOne keeps a copy of a message.
func (v *visitor) appendOne() error {
	v.name = "IMAP append"
	c, err := imapLogin(v.m.ports["--imap"], "bob")
	if err != nil {
		return err
	}
	defer c.conn.Close()
	id := v.id()
	text := "Subject: " + id + "\r\n\r\nkept\r\n"
	if _, err := c.do("APPEND Archive {%d+}\r\n%s", len(text), text); err != nil {
		return err
	}
	v.acknowledged(id, "Archive")
	return nil
}

// idle waits for news for a moment.
func (v *visitor) idle() error {
	v.name = "IMAP idle"
	c, err := imapLogin(v.m.ports["--imap"], "bob")
	if err != nil {
		return err
	}
	defer c.conn.Close()
	if _, err := c.do("SELECT INBOX"); err != nil {
		return err
	}
	if _, err := io.WriteString(c.conn, "i IDLE\r\n"); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	_, err = c.answer("DONE\r\n", "i ")
	return err
}

// pages lists, reads and sends by the API.
func (v *visitor) pages() error {
	v.name = "pages"
	for _, path := range []string{"/api/v1/mail/folders", "/api/v1/mail/messages"} {
		if status, _, err := v.m.get("bob", path); err != nil {
			return err
		} else if err := proper(status); err != nil {
			return err
		}
	}
	id := v.id()
	body, err := json.Marshal(map[string]any{"to": []string{"bob@hamburger.edu"}, "subject": id, "text": "by the page"})
	if err != nil {
		return err
	}
	r, err := http.NewRequest("POST", "http://"+v.m.ports["--web"]+"/api/v1/mail/send", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	status, _, err := ask(r, "bob")
	if err != nil {
		return err
	}
	if err := proper(status); err != nil {
		return err
	}
	v.acknowledged(id, "INBOX")
	return nil
}

// proper tells answers for now from what is not proper.
func proper(status int) error {
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		return nil
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return &refused{http.StatusText(status)}
	}
	return &unexpected{"a call of the API", fmt.Sprint("status ", status)}
}

func (m *mix) get(user, path string) (status int, size int64, err error) {
	r, err := http.NewRequest("GET", "http://"+m.ports["--web"]+path, nil)
	if err != nil {
		return 0, 0, err
	}
	return ask(r, user)
}

// inbox is the number of a user's INBOX in the API.
func (m *mix) inbox(user string) (uint64, error) {
	r, err := http.NewRequest("GET", "http://"+m.ports["--web"]+"/api/v1/mail/folders", nil)
	if err != nil {
		return 0, err
	}
	r.SetBasicAuth(user+"@hamburger.edu", user)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var list struct {
		Items []struct {
			ID   uint64
			Name string
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return 0, err
	}
	for _, f := range list.Items {
		if f.Name == "INBOX" {
			return f.ID, nil
		}
	}
	return 0, fmt.Errorf("%s has no INBOX in %+v", user, list)
}

func ask(r *http.Request, user string) (status int, size int64, err error) {
	r.SetBasicAuth(user+"@hamburger.edu", user)
	r.Close = true
	client := http.Client{Timeout: patience}
	resp, err := client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	size, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, size, err
}

// imapClient is a reader that returns errors, where imap ends the test.
type imapClient struct {
	conn net.Conn
	in   *bufio.Reader
	n    int
}

// imapLogin greets a server and logs in with a password like the name.
func imapLogin(addr, user string) (*imapClient, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := &imapClient{conn: conn, in: reader(conn)}
	if _, err := c.until("* "); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := c.do("LOGIN %s %s", user, user); err != nil {
		conn.Close()
		return nil, err
	}
	if user == "eve" {
		_, err = c.do("SELECT INBOX")
	}
	return c, err
}

// reset leaves as a program that was killed does.
func (c *imapClient) reset() {
	c.conn.(*net.TCPConn).SetLinger(0)
	c.conn.Close()
}

func (c *imapClient) do(format string, args ...any) (string, error) {
	c.n++
	tag := fmt.Sprintf("a%d ", c.n)
	return c.answer(tag+fmt.Sprintf(format, args...)+"\r\n", tag)
}

// answer sends text and reads up to the line with the tag. NO and BYE are refusals for
// now.
func (c *imapClient) answer(text, tag string) (string, error) {
	if _, err := io.WriteString(c.conn, text); err != nil {
		return "", err
	}
	all, err := c.until(tag)
	if err == nil && !strings.Contains(all, "\n"+tag+"OK") && !strings.HasPrefix(all, tag+"OK") {
		return all, &unexpected{text[:min(len(text), 60)], all[max(0, len(all)-200):]}
	}
	return all, err
}

func (c *imapClient) until(tag string) (string, error) {
	var all strings.Builder
	for {
		c.conn.SetReadDeadline(time.Now().Add(patience))
		line, err := c.in.ReadString('\n')
		all.WriteString(line)
		switch {
		case err != nil:
			return all.String(), err
		case strings.HasPrefix(line, tag+"NO"), strings.HasPrefix(line, "* BYE"):
			return all.String(), &refused{strings.TrimSpace(line)}
		case strings.HasPrefix(line, tag):
			return all.String(), nil
		}
	}
}

var subjectLine = regexp.MustCompile(`(?m)^Subject: (\S+-\d+-\d+)\r?$`)

// subjects lists the names of the trial's messages in a folder.
func (c *imapClient) subjects(folder string) ([]string, error) {
	if _, err := c.do("EXAMINE %s", folder); err != nil {
		return nil, err
	}
	text, err := c.do("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, found := range subjectLine.FindAllStringSubmatch(text, -1) {
		out = append(out, found[1])
	}
	return out, nil
}

// dialFrom connects from another address of this machine.
func dialFrom(from, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.Dial("tcp", to)
}
