package e2e_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crashTime is how long a round sends messages at most.
const crashTime = 40 * time.Second

// A message of the crash tests bears a number, and its text follows from it. It
// is never sent twice: whether one that got no reply has arrived is open, but not
// more than once.
func crashText(n int) string {
	return fmt.Sprintf("Subject: token-%d\r\n\r\n", n) + crashBody(n)
}

func crashBody(n int) string {
	return strings.Repeat(fmt.Sprintf("this is message %d\r\n", n), 1+n*7919%400) // at most some 9 KB
}

// load is eight connections that send messages while the server dies and comes
// back.
type load struct {
	most     int64 // messages
	deadline time.Time
	auth     string // SASL PLAIN, or "" for port 25
	remote   bool   // every fourth message has a recipient elsewhere, too

	next  atomic.Int64
	count atomic.Int64 // of 250
	wg    sync.WaitGroup

	mu    sync.Mutex
	addr  string // "" while the server is down
	acked map[int]bool
	wrong []string // replies that no crash explains
}

func (l *load) start(connections int) {
	l.acked = map[int]bool{}
	for range connections {
		l.wg.Go(l.sender)
	}
}

func (l *load) over() bool {
	return l.next.Load() >= l.most || time.Now().After(l.deadline)
}

func (l *load) move(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addr = addr
}

// settled is what got a 250 up to now.
func (l *load) settled() map[int]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

func (l *load) sender() {
	for !l.over() {
		l.mu.Lock()
		addr := l.addr
		l.mu.Unlock()
		if addr != "" {
			if err := l.session(addr); err != nil {
				l.mu.Lock()
				l.wrong = append(l.wrong, err.Error())
				l.mu.Unlock()
			}
		}
		time.Sleep(2 * time.Millisecond) // a refused connection is no reason to spin
	}
}

// session sends messages over one connection until that breaks. Only a reply
// that is not as expected is an error.
func (l *load) session(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil
	}
	defer conn.Close()
	c := &sending{conn: conn, in: bufio.NewReader(conn)}
	if err := c.greet(l.auth); err != nil {
		return explained(err)
	}
	for range 20 {
		if l.over() {
			break
		}
		n := int(l.next.Add(1))
		if err := c.message(n, l.remote && n%4 == 0); err != nil {
			return explained(err)
		}
		l.mu.Lock()
		l.acked[n] = true
		l.mu.Unlock()
		l.count.Add(1)
	}
	return nil
}

// unexpected is a reply that a server must not give here.
type unexpected struct{ command, reply string }

func (u *unexpected) Error() string { return u.command + ": " + u.reply }

// explained drops the errors of connections, which a killed server explains.
func explained(err error) error {
	if u := (*unexpected)(nil); errors.As(err, &u) {
		return u
	}
	return nil
}

// sending is a client's connection.
type sending struct {
	conn net.Conn
	in   *bufio.Reader
}

func (c *sending) greet(auth string) error {
	if err := c.expect("220", "the greeting"); err != nil {
		return err
	}
	if err := c.say("EHLO crepes.fr\r\n", "250"); err != nil || auth == "" {
		return err
	}
	return c.say("AUTH PLAIN "+auth+"\r\n", "235")
}

func (c *sending) message(n int, remote bool) error {
	envelope := []string{"MAIL FROM:<bob@hamburger.edu>\r\n", "RCPT TO:<bob@hamburger.edu>\r\n"}
	if remote {
		envelope = append(envelope, fmt.Sprintf("RCPT TO:<token-%d@crepes.fr>\r\n", n))
	}
	for _, command := range envelope {
		if err := c.say(command, "250"); err != nil {
			return err
		}
	}
	if err := c.say("DATA\r\n", "354"); err != nil {
		return err
	}
	return c.say(crashText(n)+".\r\n", "250")
}

func (c *sending) say(text, want string) error {
	if _, err := io.WriteString(c.conn, text); err != nil {
		return err
	}
	return c.expect(want, text[:min(len(text), 40)])
}

func (c *sending) expect(want, after string) error {
	for {
		c.conn.SetReadDeadline(time.Now().Add(patience))
		line, err := c.in.ReadString('\n')
		if err != nil {
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				return &unexpected{after, "no reply"}
			}
			return err
		}
		if !strings.HasPrefix(line, want) {
			return &unexpected{after, line}
		}
		if line[3] == ' ' {
			return nil
		}
	}
}

// folder is what a reader sees of INBOX.
type folder struct {
	validity, next uint64
	uids           map[int]uint64 // number of a message to its UID
}

var (
	uidValidity = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
	uidNext     = regexp.MustCompile(`\[UIDNEXT (\d+)\]`)
	uidOf       = regexp.MustCompile(`^\* \d+ FETCH \(.*UID (\d+)`)
)

// look reads bob's INBOX. A message that is there twice is an error.
func look(t *testing.T, c *imap) folder {
	t.Helper()
	selected := c.do("EXAMINE INBOX")
	f := folder{validity: number(t, uidValidity, selected), next: number(t, uidNext, selected), uids: map[int]uint64{}}
	var uid uint64
	for line := range strings.Lines(c.do("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")) {
		if m := uidOf.FindStringSubmatch(line); m != nil {
			uid = number(t, uidOf, line)
		}
		token, ok := strings.CutPrefix(line, "Subject: token-")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(token))
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := f.uids[n]; twice {
			t.Errorf("message %d is there twice, with the UIDs %d and %d", n, other, uid)
		}
		f.uids[n] = uid
	}
	return f
}

func number(t *testing.T, pattern *regexp.Regexp, text string) uint64 {
	t.Helper()
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%v is missing in %q", pattern, text)
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// compare checks a folder after a crash: what was acknowledged is there, what
// was seen before has kept its UID, and what is new has a higher one.
func compare(t *testing.T, before, now folder, acked map[int]bool) {
	t.Helper()
	for n := range acked {
		if now.uids[n] == 0 {
			t.Errorf("message %d got 250 and is lost", n)
		}
	}
	for n, uid := range before.uids {
		if now.uids[n] != uid {
			t.Errorf("message %d had the UID %d and has %d", n, uid, now.uids[n])
		}
	}
	for n, uid := range now.uids {
		if before.uids[n] == 0 && uid < before.next {
			t.Errorf("message %d is new and has the UID %d, though UIDNEXT was %d", n, uid, before.next)
		}
		if uid >= now.next {
			t.Errorf("message %d has the UID %d, UIDNEXT is %d", n, uid, now.next)
		}
	}
	if before.validity != 0 && now.validity != before.validity {
		t.Errorf("UIDVALIDITY was %d and is %d", before.validity, now.validity)
	}
	if now.next < before.next {
		t.Errorf("UIDNEXT was %d and is %d", before.next, now.next)
	}
}

// bodies expects every message to have its whole text.
func bodies(t *testing.T, c *imap, f folder) {
	t.Helper()
	c.do("EXAMINE INBOX")
	for n, uid := range f.uids {
		got := c.do("UID FETCH %d BODY.PEEK[TEXT]", uid)
		want := crashBody(n)
		if !strings.Contains(got, fmt.Sprintf("{%d}\n%s", len(want), strings.ReplaceAll(want, "\r\n", "\n"))) {
			t.Fatalf("the text of message %d is not as it was sent:\n%.300s", n, got)
		}
	}
}

// rounds repeats a crash test, each time with new data, until the time in
// GLASSMAIL_CRASH is over; without that it runs once.
func rounds(t *testing.T, once func(t *testing.T)) {
	t.Helper()
	var limit time.Duration
	if s := os.Getenv("GLASSMAIL_CRASH"); s != "" {
		var err error
		if limit, err = time.ParseDuration(s); err != nil {
			t.Fatalf("GLASSMAIL_CRASH: %v", err)
		}
	}
	end := time.Now().Add(limit)
	for ok := true; ok; ok = ok && time.Now().Before(end) {
		ok = t.Run("round", once)
	}
}

// crash kills the server whenever some more messages were acknowledged, and
// compares after each restart. up starts the server and returns its SMTP and
// IMAP addresses.
func crash(t *testing.T, l *load, up func() (p *process, smtp, imap string)) folder {
	t.Helper()
	l.deadline = time.Now().Add(crashTime)
	p, smtp, _ := up()
	l.move(smtp)
	l.start(8)
	var last folder
	kills := 0
	for !l.over() {
		target := l.count.Load() + 10 + rand.Int64N(250)
		for l.count.Load() < target && !l.over() {
			time.Sleep(time.Duration(rand.Int64N(3000)) * time.Microsecond)
		}
		p.kill()
		kills++
		l.move("")
		acked := l.settled()
		var imap string
		p, smtp, imap = up()
		reader := login(t, imap, "bob", "bob")
		now := look(t, reader)
		reader.conn.Close()
		compare(t, last, now, acked)
		last = now
		l.move(smtp)
	}
	l.wg.Wait()
	p.kill()
	_, _, imap := up()
	reader := login(t, imap, "bob", "bob")
	now := look(t, reader)
	compare(t, last, now, l.settled())
	bodies(t, reader, now)
	for _, w := range l.wrong {
		t.Errorf("unexpected reply: %s", w)
	}
	t.Logf("%d messages sent, %d got 250, %d are there, %d kills", l.next.Load(), l.count.Load(), len(now.uids), kills+1)
	if l.count.Load() == 0 {
		t.Error("no message got 250: this has tested nothing")
	}
	return now
}

// The server is killed at random moments while eight connections submit; some
// messages go to bob and to a domain that cannot be reached.
func TestCrashServe(t *testing.T) { rounds(t, crashServe) }

func crashServe(t *testing.T) {
	data := t.TempDir()
	l := &load{most: 2000, auth: base64.StdEncoding.EncodeToString([]byte("\x00bob\x00bob")), remote: true}
	now := crash(t, l, func() (*process, string, string) {
		p := startNode(t, data, "--resolver", "127.0.0.1:1", "--submissions", "", "--imaps", "")
		d := p.ready.Nodes["hamburger.edu"]
		return p, d.Submission, d.IMAP
	})
	// One commit for both: a message is with bob if, and only if, it waits for
	// its other recipient.
	var all []struct {
		To struct{ Local string }
	}
	parse(t, must(t, "", "queue", "list", "--json", "--data", data), &all)
	waits := map[int]bool{}
	for _, e := range all {
		n, err := strconv.Atoi(strings.TrimPrefix(e.To.Local, "token-"))
		if err != nil {
			t.Fatalf("an entry for %q", e.To.Local)
		}
		if waits[n] {
			t.Errorf("message %d waits twice", n)
		}
		waits[n] = true
		if now.uids[n] == 0 {
			t.Errorf("message %d waits, and bob does not have it", n)
		}
	}
	for n := range now.uids {
		if n%4 == 0 && !waits[n] {
			t.Errorf("bob has message %d, and it does not wait for its other recipient", n)
		}
	}
}

// The lab keeps the same promise with --dir.
func TestCrashLab(t *testing.T) {
	rounds(t, func(t *testing.T) {
		dir := t.TempDir()
		crash(t, &load{most: 500}, func() (*process, string, string) {
			p := start(t, "lab", "--port-base", "0", "--web", "", "--dir", dir)
			d := p.ready.Nodes["hamburger.edu"]
			return p, d.SMTP, d.IMAP
		})
	})
}
