package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFaultMix runs one node through everything that is meant to bring it down, while
// eight honest clients are at work: what was acknowledged is there afterwards, and what
// was refused was refused properly. It takes a turn of each fault; GLASSMAIL_FAULTS says
// for how long it goes on, as in GLASSMAIL_FAULTS=30m (make faults).
func TestFaultMix(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting an image needs root")
	}
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	var limit time.Duration
	if s := os.Getenv("GLASSMAIL_FAULTS"); s != "" {
		var err error
		if limit, err = time.ParseDuration(s); err != nil {
			t.Fatalf("GLASSMAIL_FAULTS: %v", err)
		}
	}
	m := newMix(t)
	m.start(false)
	m.powerCut() // within five seconds of the first start
	m.start(false)
	m.bait()
	for _, visit := range []func(*visitor) error{
		(*visitor).submit, (*visitor).submit, (*visitor).deliver, (*visitor).deliver,
		(*visitor).read, (*visitor).appendOne, (*visitor).pages, (*visitor).idle,
	} {
		m.honest(visit)
	}
	end := time.Now().Add(limit)
	for round := 0; round == 0 || time.Now().Before(end) && !t.Failed(); round++ {
		m.round()
		if limit > 0 && round%10 == 9 {
			t.Logf("%s: %d rounds, %d acknowledged", time.Until(end).Round(time.Second), round+1, len(m.settled()))
		}
	}
	close(m.over)
	m.wg.Wait()
	m.check()
	m.contents()
	m.report()
}

// bait is what attackers use: a message of 39 MB, one with a long header, and one whose
// HTML once became gigabytes.
func (m *mix) bait() {
	m.t.Helper()
	line := strings.Repeat("S2V0Y2h1", 9) + "\r\n"
	bomb := "<p>"
	for i := range 400 {
		bomb += fmt.Sprintf("<font color=c%d>\r\n", i)
	}
	bomb += "</p>" + strings.Repeat("<p>x\r\n", 60_000)
	for name, text := range map[string]string{
		"large":  "Subject: large\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(line, 39<<20/len(line)),
		"header": strings.Repeat("a: b\r\n", 150_000) + "\r\nx\r\n",
		"html":   "Subject: html\r\nContent-Type: text/html\r\n\r\n" + bomb,
	} {
		c := dialSMTP(m.t, m.ports["--smtp"])
		for _, one := range [][2]string{{"MAIL FROM:<mallory@evil.example>\r\n", "250"}, {"RCPT TO:<eve@hamburger.edu>\r\n", "250"}, {"DATA\r\n", "354"}, {text + ".\r\n", "250"}} {
			if err := c.say(one[0], one[1]); err != nil {
				m.t.Fatalf("%s: %v", name, err)
			}
		}
		c.conn.Close()
	}
}

// round meets every fault once, in a new order.
func (m *mix) round() {
	faults := []func(){m.killed, m.terminated, m.powerCutUnderLoad, m.fewFiles, m.fullDisk, m.guessers, m.hostileHTML, m.vanishing}
	rand.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for _, fault := range faults {
		time.Sleep(time.Duration(500+rand.IntN(1000)) * time.Millisecond) // honest work in between
		fault()
	}
	m.works("after a round of faults")
	m.check()
}

// bringDown runs what ends the node, and starts it again.
func (m *mix) bringDown(fault string, end func()) {
	m.count(fault)
	m.ended()
	m.down.Add(1)
	end()
	m.start(false)
	m.down.Add(1)
}

func (m *mix) killed() { m.bringDown("kill -9", m.node.kill) }

func (m *mix) terminated() {
	m.bringDown("SIGTERM under load", func() {
		begun := time.Now()
		m.node.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-m.node.done:
		case <-time.After(patience):
			m.t.Errorf("the node did not stop")
			m.node.kill()
		}
		took := time.Since(begun)
		m.mu.Lock()
		m.stop = max(m.stop, took)
		m.mu.Unlock()
		if took > 10*time.Second { // what the documents promise
			m.t.Errorf("the stop took %v", took)
		}
		if code := m.node.cmd.ProcessState.ExitCode(); code != 0 {
			m.t.Errorf("stopped with exit code %d:\n%s", code, m.node.out.String())
		}
	})
}

func (m *mix) powerCutUnderLoad() { m.bringDown("power cut", m.cut) }

// powerCut is the one after the first start.
func (m *mix) powerCut() {
	m.count("power cut after the first start")
	m.cut()
}

// goingDown is FS_IOC_SHUTDOWN, and noFlush its way that leaves out what was not
// flushed, as a loss of power does.
const (
	goingDown = 0x8004587D
	noFlush   = 2
)

// cut takes the power from the disk and ends the node, which cannot write any more. A
// file that nobody flushed shows that it was a cut.
func (m *mix) cut() {
	m.t.Helper()
	witness := filepath.Join(m.at, fmt.Sprint("unflushed", rand.Uint32()))
	if err := os.WriteFile(witness, []byte("not flushed"), 0o600); err != nil {
		m.t.Fatal(err)
	}
	dir, err := os.Open(m.at)
	if err != nil {
		m.t.Fatal(err)
	}
	m.dark.Add(1)
	defer m.dark.Add(1)
	err = unix.IoctlSetPointerInt(int(dir.Fd()), goingDown, noFlush)
	dir.Close()
	if err != nil && m.cuts == 0 {
		m.t.Skipf("cutting the power of a file system: %v", err)
	} else if err != nil {
		m.t.Fatal(err)
	}
	m.node.kill()
	m.command("umount", m.at)
	m.mount()
	if b, err := os.ReadFile(witness); err != nil || len(b) == 0 {
		m.mu.Lock()
		m.cuts++
		m.mu.Unlock()
	}
	os.Remove(witness)
}

// fewFiles lets more clients in than there are descriptors.
func (m *mix) fewFiles() {
	m.count("128 descriptors, 360 connections")
	m.ended()
	m.down.Add(1)
	m.node.kill()
	m.start(true)
	m.down.Add(1)
	var held []interface{ Close() error }
	for i := range 360 {
		if c, err := dialFrom(fmt.Sprintf("127.0.3.%d", 1+i%12), m.ports["--smtp"]); err == nil {
			held = append(held, c)
		}
	}
	time.Sleep(2 * time.Second)
	for _, c := range held {
		c.Close()
	}
	m.ready("after a lack of file descriptors")
	m.works("after a lack of file descriptors")
	m.bringDown("kill -9", m.node.kill)
}

func (m *mix) fullDisk() {
	m.count("full disk")
	ballast := filepath.Join(m.at, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		m.t.Fatal(err)
	}
	for size := int64(1 << 30); size >= 4096; {
		if err := unix.Fallocate(int(f.Fd()), 0, at(f), size); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			m.t.Fatal(err)
		}
	}
	f.Close()
	time.Sleep(2 * time.Second)
	if err := os.Remove(ballast); err != nil {
		m.t.Fatal(err)
	}
	m.ready("after a full disk")
	m.works("after a full disk")
}

func at(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// guessers are 150 who try passwords at one time, of bob and of nobody.
func (m *mix) guessers() {
	m.count("150 attackers")
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			c, err := dialFrom(fmt.Sprintf("127.0.2.%d", 1+i%10), m.ports["--submission"])
			if err != nil {
				return
			}
			defer c.Close()
			s := &sending{conn: c, in: reader(c)}
			if s.greet("") != nil {
				return
			}
			for range 4 {
				if s.say("AUTH PLAIN "+plain([]string{"bob", "nobody"}[i%2], fmt.Sprint("guess", i))+"\r\n", "5") != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func (m *mix) hostileHTML() {
	m.count("hostile HTML")
	shown := 0
	eventually(m.t, "the HTML is shown", func() bool {
		inbox, err := m.inbox("eve")
		if err != nil {
			return false
		}
		for uid := 1; uid <= 3; uid++ {
			status, size, err := m.get("eve", fmt.Sprintf("/api/v1/mail/messages/%d/%d/html", inbox, uid))
			if err == nil && status == 200 {
				shown++
				if size > 20<<20 {
					m.t.Errorf("a message became %d bytes of HTML", size)
				}
			}
		}
		return shown > 0
	})
}

// vanishing readers ask for what takes long and leave.
func (m *mix) vanishing() {
	m.count("vanishing readers")
	names := strings.Repeat("b ", 7000)
	for _, command := range []string{"FETCH 1:* (" + strings.Repeat("BINARY.SIZE[1] ", 99) + "UID)", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (" + names + "c)]", "SEARCH TEXT nothing"} {
		for range 2 {
			c, err := imapLogin(m.ports["--imap"], "eve")
			if err != nil {
				continue
			}
			fmt.Fprintf(c.conn, "z %s\r\n", command)
			time.Sleep(50 * time.Millisecond)
			c.reset()
		}
	}
	m.terminated() // what they asked for holds up no stop
}

// A node whose disk fails ends by itself, with an error that says so: nothing can be done
// before a new start, and who watches over it starts it.
func TestStoppedStoreEndsTheProcess(t *testing.T) {
	m := newMix(t)
	m.start(false)
	if err := (&visitor{m: m}).deliver(); err != nil { // the journal is open now
		t.Fatal(err)
	}
	dir, err := os.Open(m.at)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.IoctlSetPointerInt(int(dir.Fd()), goingDown, noFlush); err != nil {
		t.Skipf("cutting the power of a file system: %v", err)
	}
	go (&visitor{m: m}).deliver() // what it is told does not matter here
	select {
	case <-m.node.done:
	case <-time.After(patience):
		t.Fatal("it goes on, or hangs")
	}
	if code := m.node.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	contains(t, m.node.out.String(), "glassmail: ", "what was acknowledged is in the journal")
}
