package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/queue"
)

func minute(n int) time.Time { return time.Unix(int64(n)*60, 0) }

// TestScheduleModel plays leases, settlements and the operator's changes on a
// schedule beside plain rows: what is due, not held and not leased is handed out,
// nothing else is, and next is never later than the next due time.
func TestScheduleModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &rows{s: NewLeases(), of: map[slot]*WaitingRow{}, leased: map[slot]bool{}, jobs: map[string]queue.Job{}}
		t.Repeat(map[string]func(*rapid.T){
			"accept": m.accept, "lease": m.lease, "settle": m.settle, "amend": m.amend,
		})
	})
}

type rows struct {
	s      *Leases
	now    int
	last   uint64
	of     map[slot]*WaitingRow
	leased map[slot]bool
	jobs   map[string]queue.Job
}

func (m *rows) load(dest string, message uint64) (Waiting, error) {
	w := Waiting{Job: queue.Job{Message: fmt.Sprint(message)}}
	for _, k := range m.sorted() {
		if r := m.of[k]; k.message == message && r.Recipient.Dest == dest {
			w.Rows = append(w.Rows, *r)
		}
	}
	return w, nil
}

func (m *rows) sorted() []slot {
	return slices.SortedFunc(maps.Keys(m.of), func(a, b slot) int {
		return int(int64(a.message)-int64(b.message))*100 + int(a.index) - int(b.index)
	})
}

func (m *rows) accept(t *rapid.T) {
	m.last++
	for i := range rapid.IntRange(1, 3).Draw(t, "recipients") {
		r := &WaitingRow{Index: uint32(i)}
		r.Recipient.Local = fmt.Sprint(i)
		r.Recipient.Dest = rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "destination")
		r.Recipient.Due = minute(m.now + rapid.IntRange(-2, 5).Draw(t, "due"))
		m.of[slot{m.last, uint32(i)}] = r
		m.s.Add(r.Recipient.Dest, m.last, r.Recipient.Due)
	}
}

func (m *rows) lease(t *rapid.T) {
	m.now += rapid.IntRange(0, 3).Draw(t, "minutes")
	now := minute(m.now)
	for id, j := range m.jobs {
		if !j.Until.After(now) { // its time is over
			for k := range m.held(j) {
				delete(m.leased, k)
			}
			delete(m.jobs, id)
		}
	}
	refused := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "skip")
	jobs, next, err := m.s.Lease(now, 100, 4*time.Minute, func(d string) bool { return d == refused }, m.load)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		m.jobs[j.ID] = j
		for k := range m.held(j) {
			r := m.of[k]
			if r == nil || m.leased[k] || r.Held || r.Recipient.Due.After(now) || j.Dest == refused || r.Recipient.Dest != j.Dest {
				t.Fatalf("%+v was leased: %+v, leased already %v", k, r, m.leased[k])
			}
			m.leased[k] = true
		}
	}
	for k, r := range m.of {
		if r.Held || m.leased[k] || r.Recipient.Dest == refused {
			continue
		}
		if !r.Recipient.Due.After(now) {
			t.Fatalf("%+v is due and was not leased: %+v", k, r)
		}
		if next.IsZero() || next.After(r.Recipient.Due) {
			t.Fatalf("next is %v, but %+v is due at %v", next, k, r.Recipient.Due)
		}
	}
	for _, j := range m.jobs {
		if next.IsZero() || next.After(j.Until) {
			t.Fatalf("next is %v, but a lease ends at %v", next, j.Until)
		}
	}
}

// held lists a job's rows.
func (m *rows) held(j queue.Job) map[slot]bool {
	ks := map[slot]bool{}
	for _, r := range j.Recipients {
		var message uint64
		var index uint32
		fmt.Sscan(j.Message, &message)
		fmt.Sscan(r.Local, &index)
		ks[slot{message, index}] = true
	}
	return ks
}

func (m *rows) settle(t *rapid.T) {
	if len(m.jobs) == 0 {
		t.Skip("no jobs")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.jobs))).Draw(t, "job")
	j := m.jobs[id]
	message, indexes, err := m.s.Claim(id)
	if err != nil || fmt.Sprint(message) != j.Message || len(indexes) != len(j.Recipients) {
		t.Fatalf("claim: %v, message %d, %d recipients of %+v", err, message, len(indexes), j)
	}
	if _, _, err := m.s.Claim(id); !errors.Is(err, queue.ErrStale) {
		t.Fatalf("claimed twice: %v", err)
	}
	if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
		m.s.Unclaim(id)
		return
	}
	var dues []time.Time
	for _, i := range indexes {
		k := slot{message, i}
		delete(m.leased, k)
		r := m.of[k]
		if r == nil {
			continue
		}
		if rapid.Bool().Draw(t, "done") {
			delete(m.of, k)
			continue
		}
		r.Recipient.Due = minute(m.now + rapid.IntRange(0, 5).Draw(t, "retry"))
		dues = append(dues, r.Recipient.Due)
	}
	m.s.Settled(id, dues)
	delete(m.jobs, id)
	if _, _, err := m.s.Claim(id); !errors.Is(err, queue.ErrStale) {
		t.Fatalf("claimed after it was settled: %v", err)
	}
}

func (m *rows) amend(t *rapid.T) {
	if len(m.of) == 0 {
		t.Skip("no rows")
	}
	k := rapid.SampledFrom(m.sorted()).Draw(t, "row")
	r := m.of[k]
	switch rapid.SampledFrom([]string{"hold", "release", "remove"}).Draw(t, "amendment") {
	case "hold":
		r.Held = true
	case "release":
		r.Held, r.Recipient.Due = false, minute(m.now)
		m.s.Add(r.Recipient.Dest, k.message, r.Recipient.Due)
	case "remove":
		delete(m.of, k)
	}
}

// TestLoadFails keeps what could not be read.
func TestLoadFails(t *testing.T) {
	s := NewLeases()
	s.Add("x", 1, minute(1))
	broken := errors.New("broken")
	if _, _, err := s.Lease(minute(2), 1, time.Minute, nil, func(string, uint64) (Waiting, error) { return Waiting{}, broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	_, next, err := s.Lease(minute(0), 1, time.Minute, nil, nil)
	if err != nil || !next.Equal(minute(1)) {
		t.Fatalf("next is %v, %v", next, err)
	}
}

// TestManyRefused leases past many destinations at their limit.
func TestManyRefused(t *testing.T) {
	s := NewLeases()
	for i := range 20000 {
		s.Add(fmt.Sprintf("busy%d", i), uint64(i), minute(1))
	}
	s.Add("free", 99999, minute(2))
	asked := 0
	jobs, next, err := s.Lease(minute(3), 1, time.Minute, func(d string) bool { asked++; return d != "free" }, func(string, uint64) (Waiting, error) {
		return Waiting{Rows: []WaitingRow{{Recipient: queue.Recipient{Due: minute(2)}}}}, nil
	})
	if err != nil || len(jobs) != 1 || asked != 20001 || !next.Equal(minute(4)) {
		t.Fatalf("%d jobs, asked %d times, next %v, %v", len(jobs), asked, next, err)
	}
}

func BenchmarkSchedule(b *testing.B) {
	s := NewLeases()
	for i := range 1000000 {
		s.Add(fmt.Sprintf("d%d.org", i%20000), uint64(i), time.Unix(int64(i%100000), 0))
	}
	load := func(dest string, m uint64) (Waiting, error) {
		return Waiting{Rows: []WaitingRow{{Recipient: queue.Recipient{Dest: dest}}}}, nil
	}
	now := time.Unix(1e6, 0)
	b.ReportAllocs()
	for b.Loop() {
		jobs, _, err := s.Lease(now, 1, time.Hour, nil, load)
		if err != nil || len(jobs) != 1 {
			b.Fatal(len(jobs), err)
		}
		if _, _, err := s.Claim(jobs[0].ID); err != nil {
			b.Fatal(err)
		}
		s.Settled(jobs[0].ID, []time.Time{now.Add(time.Hour)})
		now = now.Add(time.Millisecond)
	}
}
