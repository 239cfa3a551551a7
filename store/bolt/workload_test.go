package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

const (
	alice = "alice@crepes.fr"
	bob   = "bob@hamburger.edu"
)

// workload plays deliveries, a reader, a relay and compaction against a store and
// says, line by line, what it is about to do and what was acknowledged:
//
//	A token copies relay   accepted
//	P token uid            accepted, and placed in bob's INBOX under this UID
//	M token                about to be moved to bob's archive
//	X token / Y token      about to be expunged / expunged
//	C token uid            copied to bob's copies, under this UID
//	F uid                  the message in bob's INBOX has the Flagged flag
//	S token / T token      about to be settled with a report / settled
type workload struct {
	s     *Store
	ctx   context.Context
	seed  uint64
	pace  time.Duration // between operations of one actor; 0: none
	say   func(format string, args ...any)
	stop  func() bool
	inbox mailbox.FolderID
	arch  mailbox.FolderID

	copies mailbox.FolderID
}

// prepareWorkload makes the accounts; it may be called on every opening.
func prepareWorkload(s *Store) error {
	ctx := context.Background()
	err := errors.Join(
		s.PutAccount(ctx, mailbox.Account{Address: alice}, false),
		s.PutAccount(ctx, mailbox.Account{Address: bob}, false),
	)
	for _, name := range []string{"archive", "copies"} {
		if _, e := s.ChangeFolder(ctx, bob, mailbox.FolderChange{New: name}); e != nil && !errors.Is(e, mailbox.ErrExists) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// run returns when stop says so or when the store fails.
func (w *workload) run(deliverers int) {
	w.ctx = context.Background()
	in, err := w.s.Folder(w.ctx, bob, mailbox.Inbox)
	arch, err2 := w.s.Folder(w.ctx, bob, "archive")
	copies, err3 := w.s.Folder(w.ctx, bob, "copies")
	if errors.Join(err, err2, err3) != nil {
		return
	}
	w.inbox, w.arch, w.copies = in.ID, arch.ID, copies.ID
	var wg sync.WaitGroup
	actor := func(n uint64, f func(*rand.Rand) error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(w.seed, n))
			for !w.stop() {
				if f(rng) != nil {
					return
				}
				time.Sleep(w.pace)
			}
		}()
	}
	for g := range deliverers {
		n := 0
		actor(uint64(g), func(rng *rand.Rand) error {
			n++
			return w.deliver(rng, fmt.Sprintf("%x-%d-%d", w.seed, g, n))
		})
	}
	actor(100, w.read)
	actor(101, w.relay)
	actor(102, func(*rand.Rand) error {
		_, err := w.s.Compact(w.ctx, 0.9)
		time.Sleep(5 * time.Millisecond)
		return err
	})
	wg.Wait()
}

func (w *workload) deliver(rng *rand.Rand, token string) error {
	a := store.Acceptance{
		ID: token, From: mail.Address{Local: "alice", Domain: "crepes.fr"}, Record: []byte("record of " + token),
		Deposits: []mailbox.Delivery{{User: bob, Folder: w.inbox, Date: time.Unix(1e9, 0)}}, Wait: rng.IntN(10) == 0,
	}
	if rng.IntN(3) == 0 {
		a.Deposits = append(a.Deposits, mailbox.Delivery{User: alice, Keywords: []string{"two"}})
	}
	if rng.IntN(3) == 0 {
		r := queue.Recipient{Dest: "x.org", Due: time.Unix(1, 0)}
		r.Address = mail.Address{Local: token, Domain: "x.org"}
		a.Relay = []queue.Recipient{r}
	}
	size := 100 + rng.IntN(1500)
	if rng.IntN(12) == 0 {
		size = w.s.o.InlineSize + rng.IntN(4*w.s.o.InlineSize)
	}
	placed, err := w.accept(token, size, a)
	if err != nil {
		return err
	}
	w.say("A %s %d %d", token, len(a.Deposits), len(a.Relay))
	if a.Wait {
		w.say("P %s %d", token, placed[0].UID)
	}
	return nil
}

func tokenText(token string, size int) string {
	text := "token:" + token + "\n"
	return text + strings.Repeat("z", max(0, size-len(text)))
}

func (w *workload) accept(token string, size int, a store.Acceptance) ([]mailbox.Appended, error) {
	st, err := w.s.Stage(w.ctx, 0)
	if err != nil {
		return nil, err
	}
	defer st.Discard()
	if _, err := io.WriteString(st, tokenText(token, size)); err != nil {
		return nil, err
	}
	return w.s.Accept(w.ctx, st, a)
}

// readToken reads a text's first line.
func readToken(s *Store, id mail.ContentID) (string, error) {
	b, err := s.Body(context.Background(), id)
	if err != nil {
		return "", err
	}
	defer b.Close()
	buf := make([]byte, min(100, b.Size()))
	if _, err := b.ReadAt(buf, 0); err != nil && err != io.EOF {
		return "", err
	}
	line, _, _ := strings.Cut(string(buf), "\n")
	return strings.TrimPrefix(line, "token:"), nil
}

// read flags, moves or expunges some message.
func (w *workload) read(rng *rand.Rand) error {
	folder, skip := w.inbox, rng.IntN(20)
	if rng.IntN(4) == 0 {
		folder = w.arch
	}
	for m, err := range w.s.Messages(w.ctx, folder, mailbox.Range{}) {
		if err != nil {
			return err
		}
		if skip--; skip > 0 {
			continue
		}
		token, err := readToken(w.s, m.Body)
		if err != nil {
			return err
		}
		one := []mailbox.UID{m.UID}
		switch what := rng.IntN(5); {
		case what == 0 && folder == w.inbox:
			w.say("M %s", token)
			_, err = w.s.Change(w.ctx, folder, mailbox.Change{UIDs: one, CopyTo: w.arch, Expunge: true})
		case what == 1 && folder == w.inbox:
			if _, err = w.s.Change(w.ctx, folder, mailbox.Change{UIDs: one, Add: mailbox.Flagged, AddKeywords: []string{"k"}}); err == nil {
				w.say("F %d", m.UID)
			}
		case what == 2:
			var c mailbox.Changed
			if c, err = w.s.Change(w.ctx, folder, mailbox.Change{UIDs: one, CopyTo: w.copies}); err == nil && len(c.Copies) == 1 {
				w.say("C %s %d", token, c.Copies[0].To.UID)
			}
		default:
			w.say("X %s", token)
			if _, err = w.s.Change(w.ctx, folder, mailbox.Change{UIDs: one, Expunge: true}); err == nil {
				w.say("Y %s", token)
			}
		}
		return err
	}
	return nil
}

// relay settles one job with a report to alice.
func (w *workload) relay(*rand.Rand) error {
	jobs, _, err := w.s.Lease(w.ctx, time.Unix(2, 0), 1, time.Hour, nil)
	if err != nil || len(jobs) == 0 {
		return err
	}
	j := jobs[0]
	token := j.Recipients[0].Local
	st, err := w.s.Stage(w.ctx, 0)
	if err != nil {
		return err
	}
	defer st.Discard()
	io.WriteString(st, tokenText("report-"+token, 200))
	w.say("S %s", token)
	err = w.s.Settle(w.ctx, j, []queue.Result{{Address: j.Recipients[0].Address, Status: queue.Failed}}, &store.Report{
		Text: st, Acceptance: store.Acceptance{ID: "report-" + token, Deposits: []mailbox.Delivery{{User: alice}}},
	})
	if err == nil {
		w.say("T %s", token)
	}
	return err
}

// promises is what lines of a workload add up to.
type promises struct {
	copies, relays map[string]int    // by token, of acknowledged messages
	placed         map[string]string // token to UID
	moving, gone   map[string]bool
	maybeGone      map[string]bool
	flagged        map[string]bool   // UIDs
	copied         map[string]string // UID of a copy to token
	settling, done map[string]bool
}

func newPromises(lines []string) *promises {
	p := &promises{
		map[string]int{}, map[string]int{}, map[string]string{}, map[string]bool{}, map[string]bool{},
		map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]bool{}, map[string]bool{},
	}
	for _, l := range lines {
		f := strings.Fields(l)
		switch f[0] {
		case "A":
			var c, r int
			fmt.Sscan(f[2], &c)
			fmt.Sscan(f[3], &r)
			p.copies[f[1]], p.relays[f[1]] = c, r
		case "P":
			p.placed[f[1]] = f[2]
		case "C":
			p.copied[f[2]] = f[1]
		case "M":
			p.moving[f[1]] = true
		case "X":
			p.maybeGone[f[1]] = true
		case "Y":
			p.gone[f[1]] = true
		case "F":
			p.flagged[f[1]] = true
		case "S":
			p.settling[f[1]] = true
		case "T":
			p.done[f[1]] = true
		}
	}
	return p
}

// check holds a reopened store to what was promised, and recounts everything.
func (p *promises) check(s *Store) error {
	if err := s.update(func(*writer) error { return nil }); err != nil { // the index has what the journal has
		return err
	}
	found, err := s.Verify(context.Background(), true)
	if err != nil {
		return err
	}
	if len(found.Problems) > 0 {
		return fmt.Errorf("verify: %q", found.Problems)
	}
	inBob, inAlice, at := map[string]int{}, map[string]int{}, map[string]string{}
	flagged := map[string]bool{}
	for _, x := range []struct {
		user, name string
		count      map[string]int
	}{{bob, "INBOX", inBob}, {bob, "archive", inBob}, {alice, "INBOX", inAlice}} {
		f, err := s.Folder(context.Background(), x.user, x.name)
		if err != nil {
			return err
		}
		last := mailbox.UID(0)
		for m, err := range s.Messages(context.Background(), f.ID, mailbox.Range{}) {
			if err != nil {
				return err
			}
			token, err := readToken(s, m.Body)
			if err != nil || m.UID <= last {
				return fmt.Errorf("message %d after %d: %w", m.UID, last, err)
			}
			last = m.UID
			x.count[token]++
			if x.user == bob && x.name == "INBOX" {
				at[token] = fmt.Sprint(m.UID)
				flagged[fmt.Sprint(m.UID)] = m.Flags&mailbox.Flagged != 0
			}
		}
	}
	waiting := map[string]int{}
	for e, err := range s.Entries(context.Background(), "") {
		if err != nil {
			return err
		}
		waiting[e.To.Local]++
	}
	return errors.Join(p.checkMail(inBob, inAlice, at, flagged), p.checkQueue(inAlice, waiting), p.checkCopies(s))
}

// checkCopies finds every copy under the UID that its maker was told.
func (p *promises) checkCopies(s *Store) error {
	f, err := s.Folder(context.Background(), bob, "copies")
	if err != nil {
		return err
	}
	there := map[string]string{}
	for m, err := range s.Messages(context.Background(), f.ID, mailbox.Range{}) {
		if err != nil {
			return err
		}
		token, err := readToken(s, m.Body)
		if err != nil {
			return err
		}
		there[fmt.Sprint(m.UID)] = token
	}
	for uid, token := range p.copied {
		if there[uid] != token {
			return fmt.Errorf("%s was copied to UID %s, where %q is", token, uid, there[uid])
		}
	}
	return nil
}

func (p *promises) checkMail(inBob, inAlice map[string]int, at map[string]string, flagged map[string]bool) error {
	for token, n := range inBob {
		if n > 1 {
			return fmt.Errorf("%s is there %d times", token, n)
		}
	}
	for token, copies := range p.copies {
		n := inBob[token]
		switch {
		case p.gone[token] && n > 0:
			return fmt.Errorf("%s was expunged and is there", token)
		case !p.maybeGone[token] && n == 0:
			return fmt.Errorf("%s was accepted and is lost", token)
		case inAlice[token] != copies-1:
			return fmt.Errorf("%s is there %d times for alice, want %d", token, inAlice[token], copies-1)
		case p.placed[token] != "" && !p.maybeGone[token] && !p.moving[token] && at[token] != p.placed[token]:
			return fmt.Errorf("%s was placed at %s and is at %s", token, p.placed[token], at[token])
		}
	}
	for uid := range p.flagged {
		if has, there := flagged[uid]; there && !has {
			return fmt.Errorf("message %s lost its flag", uid)
		}
	}
	return nil
}

func (p *promises) checkQueue(inAlice, waiting map[string]int) error {
	for token, relays := range p.relays {
		reports, n := inAlice["report-"+token], waiting[token]
		switch {
		case relays == 0 && n+reports > 0 || n > 1 || reports > 1:
			return fmt.Errorf("%s: %d entries, %d reports", token, n, reports)
		case relays == 1 && n+reports != 1:
			return fmt.Errorf("%s: %d entries and %d reports, want one of them", token, n, reports)
		case p.done[token] && reports != 1:
			return fmt.Errorf("%s: settled, and there is no report", token)
		case !p.settling[token] && reports != 0:
			return fmt.Errorf("%s: not settled, and there is a report", token)
		}
	}
	return nil
}

// TestChecker makes sure that the checks of the crash tests can fail.
func TestChecker(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	start := time.Now()
	enough := func() bool { // so that there is something of every kind
		mu.Lock()
		defer mu.Unlock()
		return time.Since(start) > 300*time.Millisecond && len(lines) > 300 || time.Since(start) > 20*time.Second
	}
	w := &workload{s: s, seed: 1, stop: enough,
		say: func(f string, a ...any) { mu.Lock(); defer mu.Unlock(); lines = append(lines, fmt.Sprintf(f, a...)) }}
	w.run(4)
	if err := newPromises(lines).check(s); err != nil {
		t.Fatalf("an undisturbed run: %v", err)
	}
	p := newPromises(lines)
	var kept string
	for token := range maps.Keys(p.copies) {
		if !p.maybeGone[token] && p.relays[token] == 1 && !p.settling[token] && !p.moving[token] {
			kept = token
		}
	}
	if kept == "" {
		t.Fatal("no message to lie about")
	}
	for name, lie := range map[string]string{
		"a lost message":       "A never-1 1 0",
		"a lost queue entry":   "A " + kept + " 1 0",
		"a copy too few":       "A " + kept + " 5 1",
		"an expunge undone":    "Y " + kept,
		"a settlement undone":  "T " + kept,
		"another UID":          "P " + kept + " 999999",
		"a relay that is lost": "A report-x 1 1",
		"a lost copy":          "C " + kept + " 999999",
	} {
		if newPromises(append(lines[:len(lines):len(lines)], lie)).check(s) == nil {
			t.Errorf("%s is not noticed (%q)", name, lie)
		}
	}
}

// openTest opens a store that is closed by the test.
func openTest(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
