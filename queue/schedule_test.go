package queue_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"glassmail/queue"
)

// TestScheduleProperties runs whole lives of a recipient with random delays
// between due and attempt, and random jitter.
func TestScheduleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := queue.RetrySchedule{
			First:  time.Duration(rapid.IntRange(1, 600).Draw(t, "first")) * time.Second,
			Warn:   time.Duration(rapid.IntRange(-1, 30).Draw(t, "warn")) * time.Hour,
			Expire: 48 * time.Hour,
			Jitter: func(d time.Duration) time.Duration {
				return d + time.Duration(rapid.Int64Range(0, int64(d/10)).Draw(t, "jitter"))
			},
		}
		warn := s.Warn
		if warn == 0 {
			warn = 4 * time.Hour
		}
		due, warnings := start, 0
		for n := 0; ; n++ {
			if n > 10000 {
				t.Fatal("it never ends")
			}
			now := due.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "late")) * time.Second)
			v := s.After(n, start, due, now)
			if v.Expired {
				if now.Before(start.Add(s.Expire)) {
					t.Fatalf("given up after %s", now.Sub(start))
				}
				break
			}
			if !v.Retry.After(now) {
				t.Fatalf("attempt %d at %s is followed by one at %s", n, now, v.Retry)
			}
			if v.Retry.After(start.Add(s.Expire)) {
				t.Fatalf("the next attempt is at %s, after the end", v.Retry)
			}
			if v.Warn {
				warnings++
				if now.Before(start.Add(warn).Add(-time.Second)) {
					t.Fatalf("told of a delay after %s", now.Sub(start))
				}
			}
			due = v.Retry
		}
		if want := 1; warn > 0 && warnings > want || warn < 0 && warnings != 0 {
			t.Fatalf("told of the delay %d times", warnings)
		}
	})
}

// TestScheduleWarnsOnce is exact when attempts are made as they fall due.
func TestScheduleWarnsOnce(t *testing.T) {
	s := queue.RetrySchedule{Jitter: func(d time.Duration) time.Duration { return d + d/20 }}
	due, at := start, []time.Duration(nil)
	for n := 0; ; n++ {
		v := s.After(n, start, due, due)
		if v.Expired {
			break
		}
		if v.Warn {
			at = append(at, due.Sub(start))
		}
		due = v.Retry
	}
	if len(at) != 1 || at[0] != 4*time.Hour {
		t.Errorf("told at %v, want once after 4 hours", at)
	}
}
