package bolt

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Environment of the crash tests. crashTime is how long each of them goes on, such
// as 10m; without it they take some seconds.
const (
	crashTime = "GLASSMAIL_CRASH_TIME"
	childDir  = "GLASSMAIL_CRASH_CHILD"
	childSeed = "GLASSMAIL_CRASH_SEED"
	childAck  = "GLASSMAIL_CRASH_ACK"
)

func crashFor(t *testing.T, short time.Duration) time.Duration {
	if v := os.Getenv(crashTime); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatalf("%s: %v", crashTime, err)
		}
		return d
	}
	if testing.Short() {
		return short / 4
	}
	return short
}

func crashOptions(ack Ack) Options {
	return Options{Ack: ack, SegmentSize: 256 << 10, InlineSize: 8 << 10}
}

// TestMain runs the victim of TestKill when it is started as such.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := victim(dir); err != nil {
		fmt.Println("E", err)
		os.Exit(1)
	}
}

// victim works until it is killed, and tells what was acknowledged.
func victim(dir string) error {
	var seed uint64
	var ack Ack
	fmt.Sscan(os.Getenv(childSeed), &seed)
	fmt.Sscan(os.Getenv(childAck), &ack)
	s, err := Open(dir, crashOptions(ack))
	if err != nil {
		return err
	}
	if err := prepareWorkload(s); err != nil {
		return err
	}
	fmt.Println("O", s.Opened().Replayed)
	var mu sync.Mutex
	w := &workload{s: s, seed: seed, stop: func() bool { return false }, say: func(f string, a ...any) {
		line := fmt.Sprintf(f+"\n", a...)
		mu.Lock()
		defer mu.Unlock()
		os.Stdout.WriteString(line)
	}}
	w.run(8)
	return fmt.Errorf("the store failed")
}

// TestKill kills a process that uses the store, again and again, and checks each
// time that nothing that was acknowledged is lost, twice, or out of count.
func TestKill(t *testing.T) {
	for _, ack := range []Ack{Journal, Index} {
		t.Run([]string{"journal", "index"}[ack], func(t *testing.T) {
			dir := t.TempDir()
			end := time.Now().Add(crashFor(t, 3*time.Second))
			var lines []string
			kills, replayed := 0, 0
			for seed := uint64(1); kills == 0 || time.Now().Before(end) || len(lines) == 0 && kills < 100; seed++ {
				lines = append(lines, killOnce(t, dir, seed, ack)...)
				s, err := Open(dir, crashOptions(ack))
				if err != nil {
					t.Fatalf("kill %d: %v", kills, err)
				}
				kills++
				replayed += s.Opened().Replayed
				err = newPromises(lines).check(s)
				if seed%2 == 0 { // every other time the next victim replays twice what was left
					err = joinClose(err, s)
				} else {
					crash(s)
				}
				if err != nil {
					t.Fatalf("kill %d: %v", kills, err)
				}
			}
			p := newPromises(lines)
			t.Logf("%d kills, %d messages acknowledged, %d replayed", kills, len(p.copies), replayed)
			if len(p.copies) == 0 {
				t.Error("nothing was ever acknowledged")
			}
		})
	}
}

func joinClose(err error, s *Store) error {
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

// killOnce runs a victim for a random while and returns what it said.
func killOnce(t *testing.T, dir string, seed uint64, ack Ack) (lines []string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childSeed, seed), fmt.Sprintf("%s=%d", childAck, ack))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break // a line that is not complete was not said
		}
		switch {
		case strings.HasPrefix(line, "O "):
			time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, func() { cmd.Process.Kill() })
		case strings.HasPrefix(line, "E "):
			t.Fatalf("victim: %s", line)
		default:
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	cmd.Wait()
	return lines
}

// crash lets go of a store's files without bringing anything into order.
func crash(s *Store) {
	s.sending.Lock()
	s.closed = true
	s.cancel()
	e := ErrClosed
	s.failed.Store(&e)
	close(s.ops)
	s.sending.Unlock()
	s.loops.Wait()
	s.segments.closeAll()
	if s.journal.f != nil {
		s.journal.f.Close()
	}
	s.db.Close()
	s.lock.Close()
}
