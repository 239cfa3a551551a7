package queue

import (
	"math/rand/v2"
	"time"
)

// RetrySchedule says when a recipient is tried again, when its sender is told of the
// delay, and when it is given up (RFC 5321 §4.5.4.1). The zero RetrySchedule has the
// defaults that stand beside the fields.
type RetrySchedule struct {
	First  time.Duration // from the first attempt to the second; 1 minute
	Cap    time.Duration // longest time between attempts; 4 hours
	Warn   time.Duration // age at which the sender is told of the delay; 4 hours, negative: never
	Expire time.Duration // age at which it is given up, after a last attempt; 5 days

	// Jitter spreads attempts so that a host that comes back is not met by
	// everybody at once. It gets the time to wait and returns a similar one; by
	// default it adds up to a tenth.
	Jitter func(time.Duration) time.Duration
}

// sameTime is how exactly a Store must keep Recipient.Due.
const sameTime = time.Second

func (s RetrySchedule) withDefaults() RetrySchedule {
	setDefault(&s.First, time.Minute)
	setDefault(&s.Cap, 4*time.Hour)
	setDefault(&s.Warn, 4*time.Hour)
	setDefault(&s.Expire, 5*24*time.Hour)
	if s.Jitter == nil {
		s.Jitter = func(d time.Duration) time.Duration {
			return d + time.Duration(rand.Int64N(int64(d/10)+1))
		}
	}
	return s
}

func setDefault[T time.Duration | int](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// pause is the time between attempt number n (from 0) and the next one, before
// jitter: it doubles up to the cap.
func (s RetrySchedule) pause(n int) time.Duration {
	d := s.First
	for ; n > 0 && d < s.Cap; n-- {
		d *= 2
	}
	return min(d, s.Cap)
}

// Verdict is what follows from an attempt that failed for now.
type Verdict struct {
	Retry   time.Time // of the next attempt, unless Expired
	Warn    bool      // tell the sender now that it takes longer
	Expired bool      // give up
}

// After judges an attempt at now that failed for now. The recipient was accepted
// at accepted, was due at due, and had seen attempts before this one.
//
// An attempt is placed exactly on the age at which the sender is told and on
// the age of expiry. So it can be seen from due alone whether the sender knows,
// and nothing more must be remembered.
func (s RetrySchedule) After(attempts int, accepted, due, now time.Time) Verdict {
	s = s.withDefaults()
	end := accepted.Add(s.Expire)
	if !now.Before(end) {
		return Verdict{Expired: true}
	}
	v := Verdict{Retry: now.Add(s.Jitter(s.pause(attempts)))}
	if v.Retry.After(end) {
		v.Retry = end
	}
	if s.Warn < 0 {
		return v
	}
	mark := accepted.Add(s.Warn)
	before := due.Before(mark.Add(-sameTime))
	switch {
	case before && now.Before(mark): // the sender need not know yet
		if v.Retry.After(mark) {
			v.Retry = mark
		}
	case before || due.Before(mark.Add(sameTime)): // the first attempt since the mark
		v.Warn = true
	}
	return v
}
