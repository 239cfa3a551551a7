// Package bench_test measures the store: go test -bench . ./bench
package bench_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
	"glassmail/store/bolt"
)

const users = 1000

// open makes a store with accounts in a folder of the test.
func open(b *testing.B, o bolt.Options) *bolt.Store {
	b.Helper()
	s, err := bolt.Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			for i := g; i < users; i += 50 {
				if err := s.PutAccount(context.Background(), mailbox.Account{Address: user(i)}, true); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return s
}

func user(i int) string { return fmt.Sprintf("user%04d@hamburger.edu", i%users) }

// accept delivers one text.
func accept(s store.Store, text []byte, a store.Acceptance) error {
	st, err := s.Stage(context.Background(), int64(len(text)))
	if err != nil {
		return err
	}
	defer st.Discard()
	if _, err := st.Write(text); err != nil {
		return err
	}
	_, err = s.Accept(context.Background(), st, a)
	return err
}

// inParallel runs f b.N times by n callers, each waiting for its answer, and
// reports operations per second and the 50th and 99th percentile of their times.
func inParallel(b *testing.B, n int, f func(i int) error) {
	b.Helper()
	times := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	start := time.Now()
	for range n {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				t := time.Now()
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
				times[i] = time.Since(t)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(times)
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "op/s")
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkAccept delivers to mailboxes taken in turn.
func BenchmarkAccept(b *testing.B) {
	for _, ack := range []bolt.Ack{bolt.Journal, bolt.Index} {
		for _, size := range []int{1 << 10, 10 << 10, 100 << 10} {
			for _, n := range []int{1, 8, 64} {
				name := fmt.Sprintf("ack=%s/size=%dK/deliverers=%d", []string{"journal", "index"}[ack], size>>10, n)
				b.Run(name, func(b *testing.B) {
					s := open(b, bolt.Options{Ack: ack})
					text, record := make([]byte, size), make([]byte, 400)
					before, _ := s.Stats()
					b.SetBytes(int64(size))
					b.ReportAllocs()
					inParallel(b, n, func(i int) error {
						return accept(s, text, store.Acceptance{
							ID: fmt.Sprintf("%016x", i), Record: record, Deposits: []mailbox.Delivery{{User: user(i * 7)}},
						})
					})
					after, _ := s.Stats()
					b.ReportMetric(float64(after.Flushes-before.Flushes)/float64(b.N), "flushes/op")
				})
			}
		}
	}
}

// BenchmarkRelay accepts a message for another server, leases and settles it.
func BenchmarkRelay(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("relays=%d", n), func(b *testing.B) {
			s := open(b, bolt.Options{})
			text := make([]byte, 2<<10)
			ctx := context.Background()
			now := time.Now()
			inParallel(b, n, func(i int) error {
				to := queue.Recipient{Dest: fmt.Sprintf("d%d.org", i%500), Due: now}
				to.Address = mail.Address{Local: "bob", Domain: to.Dest}
				err := accept(s, text, store.Acceptance{ID: fmt.Sprint(i), Wait: true, Relay: []queue.Recipient{to}})
				for err == nil {
					var jobs []queue.Job
					jobs, _, err = s.Lease(ctx, now, 1, time.Hour, nil)
					if len(jobs) == 1 && err == nil {
						return s.Settle(ctx, jobs[0], []queue.Result{{Address: jobs[0].Recipients[0].Address}}, nil)
					}
				}
				return err
			})
		})
	}
}

// fill puts n messages into the first user's INBOX.
func fill(b *testing.B, s store.Store, n int) mailbox.FolderID {
	b.Helper()
	ds := make([]mailbox.Delivery, 1000)
	for i := range ds {
		ds[i] = mailbox.Delivery{User: user(0)}
	}
	for range n / len(ds) {
		if err := accept(s, []byte("x"), store.Acceptance{Deposits: ds, Wait: true}); err != nil {
			b.Fatal(err)
		}
	}
	f, err := s.Folder(context.Background(), user(0), mailbox.Inbox)
	if err != nil || int(f.Messages) != n {
		b.Fatal(f, err)
	}
	return f.ID
}

// BenchmarkScan reads UID and flags of 100,000 messages.
func BenchmarkScan(b *testing.B) {
	s := open(b, bolt.Options{})
	f := fill(b, s, 100000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for m, err := range s.Messages(context.Background(), f, mailbox.Range{}) {
			if err != nil || m.Flags != 0 {
				b.Fatal(m, err)
			}
			n++
		}
		if n != 100000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkSince asks what changed in a folder of 100,000 messages after one did.
func BenchmarkSince(b *testing.B) {
	s := open(b, bolt.Options{})
	f := fill(b, s, 100000)
	d, err := s.Since(context.Background(), f, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Change(context.Background(), f, mailbox.Change{UIDs: []mailbox.UID{50000}, Add: mailbox.Seen}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if d, err := s.Since(context.Background(), f, d.ModSeq); err != nil || len(d.Changed) != 1 {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkBody opens and reads texts of 10 KiB.
func BenchmarkBody(b *testing.B) {
	s := open(b, bolt.Options{})
	text := make([]byte, 10<<10)
	for i := range 2000 {
		if err := accept(s, text, store.Acceptance{Record: text[:400], Deposits: []mailbox.Delivery{{User: user(0)}}, Wait: i == 1999}); err != nil {
			b.Fatal(err)
		}
	}
	f, _ := s.Folder(context.Background(), user(0), mailbox.Inbox)
	var ids []mail.ContentID
	for m := range s.Messages(context.Background(), f.ID, mailbox.Range{}) {
		ids = append(ids, m.Body)
	}
	b.Run("text", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		buf := make([]byte, len(text))
		i := 0
		for b.Loop() {
			m, err := s.Body(context.Background(), ids[i%len(ids)])
			if err != nil {
				b.Fatal(err)
			}
			m.ReadAt(buf, 0)
			m.Close()
			i++
		}
	})
	b.Run("record", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, err := s.Record(context.Background(), ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}

// BenchmarkStore1000 flags 1,000 messages of a folder of 100,000, on and off.
func BenchmarkStore1000(b *testing.B) {
	s := open(b, bolt.Options{})
	f := fill(b, s, 100000)
	uids := make([]mailbox.UID, 1000)
	for i := range uids {
		uids[i] = mailbox.UID(20000 + i)
	}
	on := false
	for b.Loop() {
		c := mailbox.Change{UIDs: uids, Add: mailbox.Seen}
		if on = !on; !on {
			c = mailbox.Change{UIDs: uids, Remove: mailbox.Seen}
		}
		if _, err := s.Change(context.Background(), f, c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a store with 100,000 messages and 100,000 waiting recipients.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, err := bolt.Open(dir, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.PutAccount(context.Background(), mailbox.Account{Address: user(0)}, true); err != nil {
		b.Fatal(err)
	}
	fill(b, s, 100000)
	for i := range 100 {
		var a store.Acceptance
		for j := range 1000 {
			a.Relay = append(a.Relay, queue.Recipient{Dest: fmt.Sprintf("d%d.org", (i*j)%20000), Due: time.Unix(int64(j), 0)})
		}
		if err := accept(s, []byte("x"), a); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := bolt.Open(dir, bolt.Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
