package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"glassmail/mail"
	"glassmail/mailbox"
	"glassmail/queue"
	"glassmail/store"
)

func (k *kit) entries(dest string) (es []queue.Entry) {
	k.Helper()
	for e, err := range k.Entries(k.ctx, dest) {
		k.must(err)
		es = append(es, e)
	}
	return es
}

// enqueue accepts a message for other servers and waits until it is in the queue.
func (k *kit) enqueue(id string, rs ...queue.Recipient) {
	k.Helper()
	k.accept("text of "+id, store.Acceptance{
		ID: id, From: sender(), Options: mail.Options{UTF8: true, Return: "HDRS", EnvID: "e1", Body: mail.Body8Bit, RequireTLS: true},
		Time: at(0), Relay: rs, Wait: true,
	})
}

func (k *kit) lease(now time.Time, n int, skip func(string) bool) ([]queue.Job, time.Time) {
	k.Helper()
	jobs, next, err := k.Lease(k.ctx, now, n, 10*time.Minute, skip)
	k.must(err)
	return jobs, next
}

// leaseOne expects exactly one job.
func (k *kit) leaseOne(now time.Time) queue.Job {
	k.Helper()
	jobs, _ := k.lease(now, 10, nil)
	if len(jobs) != 1 {
		k.Fatalf("%d jobs at %v, want 1: %+v", len(jobs), now, jobs)
	}
	return jobs[0]
}

func (k *kit) none(now time.Time) time.Time {
	k.Helper()
	jobs, next := k.lease(now, 10, nil)
	if len(jobs) != 0 {
		k.Fatalf("jobs at %v: %+v", now, jobs)
	}
	return next
}

func (k *kit) isNext(next time.Time, want time.Time) {
	k.Helper()
	if !next.Equal(want) {
		k.Fatalf("next is %v, want %v", next, want)
	}
}

func locals(j queue.Job) (ls []string) {
	for _, r := range j.Recipients {
		ls = append(ls, r.Local)
	}
	slices.Sort(ls)
	return ls
}

func result(local, dest string, s queue.Status, retry int) queue.Result {
	r := queue.Result{Address: mail.Address{Local: local, Domain: dest}, Status: s, Host: "mx." + dest}
	if s != queue.Delivered {
		r.Retry, r.Reply = at(retry), mail.Reply{Code: 450, Enhanced: mail.Enhanced{4, 2, 0}, Text: "later"}
	}
	return r
}

var queueTests = []test{
	{"a job is one message for one destination", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "x.org", 1), to("c", "y.org", 1))
		k.isNext(k.none(at(0)), at(1))
		jobs, _ := k.lease(at(1), 10, nil)
		if len(jobs) != 2 {
			k.Fatalf("%d jobs", len(jobs))
		}
		slices.SortFunc(jobs, func(a, b queue.Job) int { return len(b.Recipients) - len(a.Recipients) })
		j := jobs[0]
		equal(k, "recipients", fmt.Sprint(locals(j)), "[a b]")
		if j.Message != "m1" || j.Dest != "x.org" || j.From != sender() || j.Attempts != 0 ||
			!j.Accepted.Equal(at(0)) || !j.Until.Equal(at(11)) || j.ID == "" || j.ID == jobs[1].ID {
			k.Fatalf("job is %+v", j)
		}
		if o := j.Options; !o.UTF8 || o.Return != "HDRS" || o.EnvID != "e1" || o.Body != mail.Body8Bit || !o.RequireTLS {
			k.Fatalf("options are %+v", o)
		}
		if r := j.Recipients[0]; r.ORcpt != "rfc822;x" || !slices.Equal(r.Notify, []string{"FAILURE"}) || !r.Due.Equal(at(1)) {
			k.Fatalf("recipient is %+v", r)
		}
		equal(k, "text", k.text(j.Body), "text of m1")
		k.isNext(k.none(at(1)), at(11)) // leased, until the leases end
	}},
	{"settle", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "x.org", 1), to("c", "x.org", 1), to("d", "x.org", 1))
		j := k.leaseOne(at(1))
		k.must(k.Settle(k.ctx, j, []queue.Result{
			result("a", "x.org", queue.Delivered, 0), result("b", "x.org", queue.Deferred, 20),
			result("c", "x.org", queue.Failed, 0), result("zzz", "x.org", queue.Failed, 0),
		}, nil))
		j = k.leaseOne(at(2)) // d was not told of
		equal(k, "recipients", fmt.Sprint(locals(j)), "[d]")
		k.must(k.Settle(k.ctx, j, []queue.Result{result("d", "x.org", queue.Delivered, 0)}, nil))
		k.isNext(k.none(at(2)), at(20))
		e := k.entries("")
		if len(e) != 1 || e[0].To.Local != "b" || e[0].Attempts != 1 || e[0].LastReply != "450 4.2.0 later" ||
			e[0].LastHost != "mx.x.org" || !e[0].Due.Equal(at(20)) || e[0].Size != 10 || e[0].Message != "m1" || e[0].Held {
			k.Fatalf("entries are %+v", e)
		}
		j = k.leaseOne(at(20))
		equal(k, "attempts", j.Attempts, 1)
		k.must(k.Settle(k.ctx, j, []queue.Result{result("b", "x.org", queue.Delivered, 0)}, nil))
		equal(k, "entries", len(k.entries("")), 0)
		k.gone(j.Body)
		next := k.none(at(9999))
		if !next.IsZero() {
			k.Fatalf("next of an empty queue is %v", next)
		}
	}},
	{"a stale lease is refused", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		done := []queue.Result{result("a", "x.org", queue.Delivered, 0)}
		j := k.leaseOne(at(1))
		again := k.leaseOne(at(11)) // its time is over
		k.wants(k.Settle(k.ctx, j, done, nil), queue.ErrStale)
		equal(k, "entries", len(k.entries("")), 1)
		k.must(k.Settle(k.ctx, again, done, nil))
		k.wants(k.Settle(k.ctx, again, done, nil), queue.ErrStale)
		k.wants(k.Settle(k.ctx, queue.Job{ID: "nix"}, done, nil), queue.ErrStale)
		k.none(at(100))
	}},
	{"a lease that ended but that nobody took", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Delivered, 0)}, nil))
		k.none(at(100))
	}},
	{"due at different times", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "x.org", 5))
		j := k.leaseOne(at(1))
		equal(k, "recipients", fmt.Sprint(locals(j)), "[a]")
		other := k.leaseOne(at(5)) // while a is under way
		equal(k, "recipients", fmt.Sprint(locals(other)), "[b]")
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Deferred, 30)}, nil))
		k.must(k.Settle(k.ctx, other, []queue.Result{result("b", "x.org", queue.Deferred, 30)}, nil))
		equal(k, "recipients", fmt.Sprint(locals(k.leaseOne(at(30)))), "[a b]")
	}},
	{"limits and skip", func(k *kit) {
		for i := range 5 {
			k.enqueue(fmt.Sprintf("m%d", i), to("a", "busy.org", 1), to("a", fmt.Sprintf("d%d.org", i), 2))
		}
		busy := func(d string) bool { return d == "busy.org" }
		jobs, _ := k.lease(at(3), 3, busy)
		equal(k, "jobs", len(jobs), 3)
		for _, j := range jobs {
			if busy(j.Dest) {
				k.Fatalf("job for %s, which was to be skipped", j.Dest)
			}
		}
		jobs, _ = k.lease(at(3), 10, busy)
		equal(k, "jobs", len(jobs), 2)
		jobs, next := k.lease(at(3), 10, busy)
		equal(k, "jobs", len(jobs), 0)
		k.isNext(next, at(13)) // what is skipped does not count
		jobs, _ = k.lease(at(3), 10, nil)
		equal(k, "jobs", len(jobs), 5)
	}},
	{"skip is asked before each job", func(k *kit) {
		for i := range 10 {
			k.enqueue(fmt.Sprintf("m%d", i), to("a", "x.org", 1), to("a", "y.org", 1))
		}
		used := map[string]int{}
		jobs, _ := k.lease(at(1), 100, func(d string) bool {
			used[d]++
			return used[d] > 2
		})
		equal(k, "jobs", len(jobs), 4)
	}},
	{"skip may use the store", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		jobs, _ := k.lease(at(1), 1, func(d string) bool { return len(k.entries(d)) == 0 })
		equal(k, "jobs", len(jobs), 1)
	}},
	{"destinations take turns", func(k *kit) {
		for i := range 20 {
			k.enqueue(fmt.Sprintf("m%d", i), to("a", "much.org", 1))
		}
		k.enqueue("last", to("a", "little.org", 2))
		jobs, _ := k.lease(at(3), 2, nil)
		if len(jobs) != 2 || jobs[0].Dest != "much.org" || jobs[1].Dest != "little.org" {
			k.Fatalf("jobs are %+v", jobs)
		}
	}},
	{"oldest first", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 3))
		k.enqueue("m2", to("a", "x.org", 1))
		k.enqueue("m3", to("a", "x.org", 2))
		jobs, _ := k.lease(at(5), 10, nil)
		var order []string
		for _, j := range jobs {
			order = append(order, j.Message)
		}
		equal(k, "order", fmt.Sprint(order), "[m2 m3 m1]")
	}},
	{"wake", func(k *kit) {
		drain := func() {
			select {
			case <-k.Wake():
			default:
			}
		}
		drain()
		k.enqueue("m1", to("a", "x.org", 1))
		<-k.Wake()
		drain()
		if _, err := k.Amend(k.ctx, nil, queue.RetryNow, at(0)); err != nil {
			k.Fatal(err)
		}
		<-k.Wake()
	}},
	{"entries", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "y.org", 2))
		k.enqueue("m2", to("c", "x.org", 3))
		es := k.entries("")
		equal(k, "entries", len(es), 3)
		if es[0].To.Local != "a" || es[1].To.Local != "b" || es[2].To.Local != "c" || es[2].Body == es[0].Body || es[1].Dest != "y.org" {
			k.Fatalf("entries are %+v", es)
		}
		if !slices.IsSortedFunc(es, func(a, b queue.Entry) int { return strings.Compare(a.ID, b.ID) }) {
			k.Fatalf("not in the order of IDs: %+v", es)
		}
		equal(k, "entries of x.org", len(k.entries("x.org")), 2)
		equal(k, "entries of z.org", len(k.entries("z.org")), 0)
	}},
	{"hold and release", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "x.org", 1))
		ids := []string{k.entries("")[0].ID, "nix", k.entries("")[0].ID}
		n, err := k.Amend(k.ctx, ids, queue.Hold, at(0))
		k.must(err)
		equal(k, "held", n, 1)
		j := k.leaseOne(at(5))
		equal(k, "recipients", fmt.Sprint(locals(j)), "[b]")
		n, err = k.Amend(k.ctx, ids, queue.RetryNow, at(5))
		k.must(err)
		equal(k, "retried", n, 1)
		equal(k, "held", k.entries("")[0].Held, true)
		k.isNext(k.none(at(5)), at(15))
		_, err = k.Amend(k.ctx, ids, queue.Release, at(6))
		k.must(err)
		equal(k, "recipients", fmt.Sprint(locals(k.leaseOne(at(6)))), "[a]")
	}},
	{"hold during an attempt", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		_, err := k.Amend(k.ctx, nil, queue.Hold, at(1))
		k.must(err)
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Deferred, 5)}, nil))
		k.none(at(50))
		_, err = k.Amend(k.ctx, nil, queue.Release, at(50))
		k.must(err)
		k.leaseOne(at(50))
	}},
	{"retry now", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1000))
		n, err := k.Amend(k.ctx, nil, queue.RetryNow, at(3))
		k.must(err)
		equal(k, "retried", n, 1)
		j := k.leaseOne(at(3))
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Deferred, 60)}, nil))
		k.isNext(k.none(at(59)), at(60))
	}},
	{"remove", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1), to("b", "x.org", 1))
		j := k.leaseOne(at(1))
		n, err := k.Amend(k.ctx, []string{k.entries("")[1].ID}, queue.Remove, at(1))
		k.must(err)
		equal(k, "removed", n, 1)
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Delivered, 0), result("b", "x.org", queue.Deferred, 2)}, nil))
		equal(k, "entries", len(k.entries("")), 0)
		k.none(at(100))
		k.gone(j.Body)
		k.enqueue("m2", to("a", "x.org", 1), to("b", "x.org", 1))
		n, err = k.Amend(k.ctx, nil, queue.Remove, at(1))
		k.must(err)
		equal(k, "removed", n, 2)
		k.none(at(100))
	}},
	{"a report is one step with the settlement", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		report := func() *store.Report {
			return &store.Report{Text: k.stage("it failed"), Acceptance: store.Acceptance{
				ID: "report", Deposits: []mailbox.Delivery{{User: alice}}, Record: []byte("r"), Relay: []queue.Recipient{to("z", "z.org", 50)},
			}}
		}
		failed := []queue.Result{result("a", "x.org", queue.Failed, 0)}
		k.must(k.Settle(k.ctx, j, failed, report()))
		k.wants(k.Settle(k.ctx, j, failed, report()), queue.ErrStale)
		inbox := k.folder(alice, "INBOX")
		equal(k, "reports", inbox.Messages, 1)
		m := k.messages(inbox.ID)[0]
		equal(k, "text", k.text(m.Body), "it failed")
		r, err := k.Record(k.ctx, m.Body)
		k.must(err)
		equal(k, "record", string(r), "r")
		es := k.entries("")
		if len(es) != 1 || es[0].Dest != "z.org" || es[0].Body != m.Body {
			k.Fatalf("entries are %+v", es)
		}
	}},
	{"a report that cannot be accepted settles nothing", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		failed := []queue.Result{result("a", "x.org", queue.Failed, 0)}
		err := k.Settle(k.ctx, j, failed, &store.Report{Text: k.stage("x"), Acceptance: store.Acceptance{Deposits: []mailbox.Delivery{{User: "nobody@x"}}}})
		k.wants(err, mailbox.ErrNotFound)
		equal(k, "entries", len(k.entries("")), 1)
		k.must(k.Settle(k.ctx, j, failed, nil)) // the lease stands
		equal(k, "entries", len(k.entries("")), 0)
	}},
	{"a report does not mind the quota", func(k *kit) {
		k.must(k.PutAccount(k.ctx, mailbox.Account{Address: alice, MaxBytes: 1}, false))
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		k.must(k.Settle(k.ctx, j, nil, &store.Report{Text: k.stage("it waits"), Acceptance: store.Acceptance{Deposits: []mailbox.Delivery{{User: alice}}}}))
		equal(k, "reports", k.folder(alice, "INBOX").Messages, 1)
	}},
	{"a large report", func(k *kit) {
		k.enqueue("m1", to("a", "x.org", 1))
		j := k.leaseOne(at(1))
		text := blob(600 << 10)
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Failed, 0)},
			&store.Report{Text: k.stage(text), Acceptance: store.Acceptance{Deposits: []mailbox.Delivery{{User: alice}}}}))
		if got := k.text(k.messages(k.folder(alice, "INBOX").ID)[0].Body); got != text {
			k.Fatalf("%d bytes came back", len(got))
		}
	}},
	{"a local copy and the queue share the text", func(k *kit) {
		k.accept("both", store.Acceptance{Wait: true, Deposits: []mailbox.Delivery{{User: bob}}, Relay: []queue.Recipient{to("a", "x.org", 1)}})
		j := k.leaseOne(at(1))
		inbox := k.folder(bob, "INBOX").ID
		k.change(inbox, mailbox.Change{Expunge: true})
		equal(k, "text", k.text(j.Body), "both")
		k.must(k.Settle(k.ctx, j, []queue.Result{result("a", "x.org", queue.Delivered, 0)}, nil))
		k.gone(j.Body)
	}},
	{"many at once", func(k *kit) {
		for i := range 100 {
			k.enqueue(fmt.Sprintf("m%d", i), to("a", fmt.Sprintf("d%d.org", i%10), i))
		}
		seen := map[string]bool{}
		for now := range 100 {
			jobs, _ := k.lease(at(now), 3, nil)
			for _, j := range jobs {
				if seen[j.Message] {
					k.Fatalf("%s was leased twice", j.Message)
				}
				seen[j.Message] = true
				k.must(k.Settle(k.ctx, j, []queue.Result{result("a", j.Dest, queue.Delivered, 0)}, nil))
			}
		}
		equal(k, "messages", len(seen), 100)
	}},
}
