package bolt

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

// large makes the benchmarks of this file use their full numbers, which takes some
// minutes:
//
//	GLASSMAIL_LARGE=1 go test -run '^$' -bench 'LargeMailbox|ManyAccounts|LargeQueue' ./store/bolt
const large = "GLASSMAIL_LARGE"

func largeSizes(small, full int) []int {
	if os.Getenv(large) == "" {
		return []int{small}
	}
	return []int{small, full}
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// heapOf reports how much memory a store takes that was just opened.
func heapOf(b *testing.B, dir string) *Store {
	b.Helper()
	before := heap()
	s, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((heap()-before)/1e6, "heap-MB")
	return s
}

func benchOpen(b *testing.B, dir string) {
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			s.Close()
			b.StartTimer()
		}
		heapOf(b, dir).Close()
	})
}

// fillMailbox puts n messages into bob's INBOX, ten copies of each text.
func fillMailbox(b *testing.B, dir string, n int) {
	b.Helper()
	s, err := Open(dir, Options{Delay: 50 * time.Millisecond})
	if err == nil {
		err = prepareWorkload(s)
	}
	if err != nil {
		b.Fatal(err)
	}
	deposits := make([]mailbox.Delivery, 10)
	for i := range deposits {
		deposits[i] = mailbox.Delivery{User: bob}
	}
	w := &workload{s: s, ctx: context.Background()}
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			for i := range n / 10 / 50 {
				token := fmt.Sprintf("%d-%d", g, i)
				if _, err := w.accept(token, 300, store.Acceptance{ID: token, Deposits: deposits}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLargeMailbox has one mailbox with many messages: opening the store,
// SELECT and STATUS, FETCH 1:* (UID FLAGS).
func BenchmarkLargeMailbox(b *testing.B) {
	for _, n := range largeSizes(1000, 1_000_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			fillMailbox(b, dir, n)
			benchOpen(b, dir)
			s := openTest(b, dir, Options{})
			ctx := context.Background()
			inbox, err := s.Folder(ctx, bob, mailbox.Inbox)
			if err != nil || int(inbox.Messages) != n {
				b.Fatal(inbox, err)
			}
			b.Run("select", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Folder(ctx, bob, mailbox.Inbox); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("scan", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					seen, got := 0, 0
					for m, err := range s.Messages(ctx, inbox.ID, mailbox.Range{}) {
						if err != nil {
							b.Fatal(err)
						}
						if got++; m.Flags&mailbox.Seen != 0 {
							seen++
						}
					}
					if got != n || seen != 0 {
						b.Fatal(got, seen)
					}
				}
			})
		})
	}
}

// BenchmarkManyAccounts makes accounts with the folders that a node gives them.
func BenchmarkManyAccounts(b *testing.B) {
	for _, n := range largeSizes(100, 10_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			s := openTest(b, dir, Options{})
			ctx := context.Background()
			start := time.Now()
			for i := range n {
				err := s.PutAccount(ctx, mailbox.Account{Address: fmt.Sprintf("user%d@hamburger.edu", i)}, true,
					mailbox.FolderChange{New: "Drafts"}, mailbox.FolderChange{New: "Sent"}, mailbox.FolderChange{New: "Junk"},
					mailbox.FolderChange{New: "Trash"}, mailbox.FolderChange{New: "Archive"})
				if err != nil {
					b.Fatal(err)
				}
			}
			each := float64(time.Since(start).Microseconds()) / float64(n)
			b.Run("create", func(b *testing.B) { b.ReportMetric(each, "µs/account") })
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			benchOpen(b, dir)
		})
	}
}

// BenchmarkLargeQueue opens a store in which many recipients wait.
func BenchmarkLargeQueue(b *testing.B) {
	for _, n := range largeSizes(1000, 1_000_000) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			s := openTest(b, dir, Options{})
			w := &workload{s: s, ctx: context.Background()}
			for done := 0; done < n; {
				a := store.Acceptance{Wait: true}
				for ; len(a.Relay) < 1000 && done < n; done++ {
					r := queue.Recipient{Dest: fmt.Sprintf("d%d.org", done%20_000), Due: time.Unix(int64(done), 0)}
					r.Address = mail.Address{Local: fmt.Sprint("r", done), Domain: r.Dest}
					a.Relay = append(a.Relay, r)
				}
				if _, err := w.accept("q", 300, a); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			benchOpen(b, dir)
		})
	}
}

// besideSlow starts what must not be in the way of others: readers that have a text
// open and read none of it, and an upload of 50 MB that goes on.
func besideSlow(tb testing.TB, s *Store, readers int) (end func()) {
	tb.Helper()
	ctx := context.Background()
	inbox, err := s.Folder(ctx, bob, mailbox.Inbox)
	if err != nil {
		tb.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	up := make(chan struct{})
	for range readers {
		at := make(chan struct{})
		wg.Go(func() {
			for m, err := range s.Messages(ctx, inbox.ID, mailbox.Range{}) {
				if err != nil {
					tb.Error(err)
					break
				}
				body, err := s.Body(ctx, m.Body)
				if err != nil {
					tb.Error(err)
					break
				}
				close(at)
				<-stop // in the middle of the scan, with the text open
				body.Close()
				return
			}
			close(at)
		})
		<-at
	}
	wg.Go(func() {
		st, err := s.Stage(ctx, 50<<20)
		if err != nil {
			tb.Error(err)
			close(up)
			return
		}
		defer st.Discard()
		piece := make([]byte, 64<<10)
		for i := 0; ; i++ {
			if _, err := st.Write(piece); err != nil {
				tb.Error(err)
			}
			if i == 50<<20/len(piece)/2 {
				close(up) // half of it is there; the other half is written beside the others
			}
			if i == 50<<20/len(piece) {
				break
			}
		}
		<-stop
		if _, err := s.Accept(ctx, st, store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{{User: alice}}}); err != nil {
			tb.Error(err)
		}
	})
	<-up
	return func() { close(stop); wg.Wait() }
}

// TestBesideSlow delivers while readers stand still and a large upload is under
// way: everything arrives before either goes on, and the index grows by what the
// new rows need and gives its free pages to later commits.
func TestBesideSlow(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{})
	if err := prepareWorkload(s); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if err := deliver(s, fmt.Sprint("first", i), 2000, true); err != nil {
			t.Fatal(err)
		}
	}
	end := besideSlow(t, s, 20)
	before, err := s.Stats()
	if err != nil || before.Readers > 1 {
		t.Errorf("%d read transactions are open while nobody reads (%v)", before.Readers, err)
	}
	const n = 300
	for i := range n {
		if err := deliver(s, fmt.Sprint("small", i), 2000, true); err != nil { // one commit each
			t.Fatal(err)
		}
	}
	after, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	// Each commit writes about ten pages of 4 KiB; if readers kept old ones alive,
	// 300 commits would take some 12 MB.
	if grown := after.Index - before.Index; grown > 2<<20 {
		t.Errorf("the index grew by %d bytes for %d messages", grown, n)
	}
	end()
	if got := tokens(t, s); len(got) != n+20 {
		t.Errorf("%d messages, want %d", len(got), n+20)
	}
	healthy(t, s)
}

// BenchmarkDeliverBesideSlow is how long small deliveries take alone, and beside
// twenty readers that stand still and an upload of 50 MB.
func BenchmarkDeliverBesideSlow(b *testing.B) {
	for _, slow := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "beside"}[slow], func(b *testing.B) {
			s := openTest(b, b.TempDir(), Options{})
			if err := prepareWorkload(s); err != nil {
				b.Fatal(err)
			}
			if err := deliver(s, "first", 2000, true); err != nil {
				b.Fatal(err)
			}
			if slow {
				defer besideSlow(b, s, 20)()
				defer upload(b, s)()
			}
			var took []time.Duration
			i := 0
			for b.Loop() {
				start := time.Now()
				if err := deliver(s, fmt.Sprint(i), 2000, false); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
				i++
			}
			reportPercentiles(b, took)
		})
	}
}

// upload writes texts of 50 MB, one after the other, and throws them away.
func upload(b *testing.B, s *Store) (end func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		piece := make([]byte, 64<<10)
		for {
			st, err := s.Stage(context.Background(), 50<<20)
			if err != nil {
				b.Error(err)
				return
			}
			for range 50 << 20 / len(piece) {
				select {
				case <-stop:
					st.Discard()
					return
				default:
				}
				if _, err := st.Write(piece); err != nil && err != io.EOF {
					b.Error(err)
				}
			}
			st.Discard()
		}
	})
	return func() { close(stop); wg.Wait() }
}

func reportPercentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
